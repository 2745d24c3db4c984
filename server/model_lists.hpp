// The vendors' own lists of models.
#pragma once

#include "failover/failure.hpp"
#include "server/io/reactor.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {
struct Provider;
}

namespace tollgate::server {

/// What the vendors' lists said when they were last fetched, whatever has become of later tries.
/// Fetching is for whoever claims it.  Threads may share it; far from the path of requests for
/// models.
class ModelLists {
public:
    using Ids = std::vector<std::string>;

    /// Null: it never came.
    [[nodiscard]] std::shared_ptr<const Ids> find(const router::Provider& provider) const;
    /// True: what is known is older than `max_age`, or a failed try some time ago, and nobody else
    /// is at it: the caller fetches the list and calls put() or fail().  A claim that nothing comes
    /// of lapses.
    [[nodiscard]] bool claim(const router::Provider& provider, Clock::time_point now,
                             Clock::duration max_age);
    void put(const router::Provider& provider, Ids ids, Clock::time_point now,
             Clock::duration max_age);
    void fail(const router::Provider& provider, Clock::time_point now, Clock::duration max_age);

private:
    struct Entry {
        std::shared_ptr<const Ids> ids;
        Clock::time_point next{};  // no fetch before this
    };
    mutable std::mutex mutex_;
    std::map<std::string, Entry> entries_;  // by name and address: a reload may change the address
};

/// From the claim to the end of a fetch.
inline constexpr std::chrono::seconds kListTimeout{15};

}  // namespace tollgate::server
