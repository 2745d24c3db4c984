// How many connections each client address holds, over all workers.  Locked, but only when a
// connection comes or goes, and only where server.limits.connections_per_peer is set.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tollgate::server {

class PeerCounts {
public:
    /// One counted connection; counted until the last copy of the pointer has gone.
    class Slot {
    public:
        Slot(PeerCounts& counts, std::string key) noexcept
            : counts_(counts), key_(std::move(key)) {}
        ~Slot() { counts_.leave(key_); }
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;

    private:
        PeerCounts& counts_;
        std::string key_;
    };

    /// Null when `address` has `limit` connections already.  Outlived by this object.
    [[nodiscard]] std::shared_ptr<Slot> enter(std::string_view address, std::size_t limit);

    /// What counts as one peer: an IPv4 address, or the /64 of an IPv6 address.
    [[nodiscard]] static std::string key_of(std::string_view address);

private:
    void leave(const std::string& key) noexcept;

    std::mutex mutex_;
    std::unordered_map<std::string, std::size_t> counts_;
};

}  // namespace tollgate::server
