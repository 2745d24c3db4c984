// The retry budget: retries may be a share of recent requests, so that an outage is not answered
// with a storm.
#pragma once

#include "failover/sliding.hpp"

#include <chrono>
#include <cstdint>

namespace tollgate::failover {

struct BudgetOptions {
    double share = 0.2;  ///< retries per request within the window; 0: only the floor
    std::chrono::seconds window{10};
    std::uint32_t floor =
        3;  ///< retries allowed per window whatever the load: a quiet gateway may retry too
};

/// Counts requests and retries over a sliding window.  One per worker, not thread-safe, no
/// allocation.
class RetryBudget {
public:
    explicit RetryBudget(const BudgetOptions& options = {})
        : options_(options), window_(options.window) {}

    /// A client's request begins (once per request, not per attempt).
    void request(Clock::time_point now) noexcept { ++window_.at(now).requests; }
    /// Takes one retry out of the budget; false when there is none left.
    [[nodiscard]] bool try_retry(Clock::time_point now) noexcept;

    struct Counts {
        std::uint64_t requests = 0;
        std::uint64_t retries = 0;
        Counts& operator+=(const Counts& other) noexcept {
            requests += other.requests;
            retries += other.retries;
            return *this;
        }
    };
    /// What the window holds at `now`.
    [[nodiscard]] Counts counts(Clock::time_point now) noexcept { return window_.sum(now); }

private:
    BudgetOptions options_;
    SlidingWindow<Counts> window_;
};

}  // namespace tollgate::failover
