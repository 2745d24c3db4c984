// When a second attempt may run beside a slow first one.  Pure.
#pragma once

#include "failover/latency.hpp"

#include <chrono>
#include <optional>

namespace tollgate::failover {

struct HedgeOptions {
    unsigned percentile = 0;             ///< of the target's answers; 0: `delay` counts
    std::chrono::milliseconds delay{0};  ///< the same for every target
    double share = 0.05;                 ///< of the requests may get a second attempt
};

/// How long the first attempt is waited for; nothing while too little is known about the target.
[[nodiscard]] std::optional<Clock::duration> hedge_delay(const HedgeOptions& options,
                                                         const Percentiles& answers) noexcept;

/// Second attempts are at most a share of the requests, whatever happens: when a vendor becomes
/// slow as a whole, they would only make it slower.  One per worker, not thread-safe.
class HedgeBudget {
public:
    /// A request begins.
    void request(const HedgeOptions& options) noexcept;
    /// Takes one second attempt out of the budget; false: there is none left.
    [[nodiscard]] bool try_hedge() noexcept;

private:
    static constexpr double kMost = 10;  ///< saved up in quiet times
    double credit_ = 0;
};

}  // namespace tollgate::failover
