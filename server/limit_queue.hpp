// Requests of one worker that wait for a rate limit or a concurrency to let them pass.
#pragma once

#include "router/limits/scope_limits.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task.hpp"

#include <unordered_map>

namespace tollgate::server {

/// One line per limit, served in order of arrival.  Only the first in a line tries again; the
/// others sleep.  Single-threaded.
class LimitQueue {
public:
    explicit LimitQueue(Reactor& reactor) noexcept : reactor_(reactor) {}

    /// Somebody waits for one of these limits already: whoever comes now must not overtake.
    [[nodiscard]] bool has_line(const router::Rates& rates) const {
        return !lines_.empty() && lines_.contains(&rates);
    }
    /// Suspends until this is the first in the line of `rates`; interrupted: it has left the line.
    [[nodiscard]] Task<Wake> enter(const router::Rates& rates, Interrupt& interrupt);
    /// The first has passed or given up: the next one's turn.
    void leave(const router::Rates& rates);

private:
    struct Line {
        WaitList waiting;
    };
    void next(const router::Rates* rates);

    Reactor& reactor_;
    std::unordered_map<const router::Rates*, Line> lines_;  // a line exists while it has a first
};

}  // namespace tollgate::server
