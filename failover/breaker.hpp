// A circuit breaker: after too many errors its target is left alone for a while, then tried with
// one probe at a time, and given its load back gradually.
#pragma once

#include "failover/sliding.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace tollgate::failover {

struct BreakerOptions {
    std::uint32_t errors = 5;  ///< this many errors within `window` open it; 0: it never opens
    double least_share =
        0.5;  ///< … if they are at least this share of the outcomes: a busy target always has some
    std::chrono::milliseconds window{30'000};
    std::chrono::milliseconds open{15'000};  ///< time without any request before the first probe
    std::chrono::milliseconds slow_start{
        10'000};  ///< after a good probe, until it has its whole share of the load
};

enum class BreakerState : std::uint8_t { closed, half_open, open };
[[nodiscard]] std::string_view to_string(BreakerState state) noexcept;

/// How a request was let through; handed back with its outcome.
enum class Admission : std::uint8_t { refused, normal, probe };

/// One per target or key, shared by all workers: relaxed atomics only.  A count that is lost
/// between two workers moves the opening by one request, which does not matter.  The options come
/// with each call, because a reload may change them.  Every admission that is not `refused` is
/// followed by exactly one of succeeded(), failed() and abandoned().
class Breaker {
public:
    /// May a request go to the target now?  Half open: only one at a time; a probe that is not
    /// heard of for `open` is forgotten.
    [[nodiscard]] Admission admit(Clock::time_point now, const BreakerOptions& options) noexcept;
    /// Lets a request through although the breaker is open: there is no better target.
    [[nodiscard]] Admission force(Clock::time_point now, const BreakerOptions& options) noexcept;
    /// The target answered; also with an error that is the client's fault.  True: this closed it.
    bool succeeded(Admission admission, Clock::time_point now,
                   const BreakerOptions& options) noexcept;
    /// The target failed (HealthEffect::error).  True: this opened it.
    bool failed(Admission admission, Clock::time_point now, const BreakerOptions& options) noexcept;
    /// The request ended without telling anything about the target (the client left).
    void abandoned(Admission admission) noexcept;

    [[nodiscard]] BreakerState state(Clock::time_point now,
                                     const BreakerOptions& options) const noexcept;
    /// Would admit() let a request through?  Takes no probe.
    [[nodiscard]] bool would_admit(Clock::time_point now,
                                   const BreakerOptions& options) const noexcept;
    /// The share of its load that the target may have: 1, or less during the slow start.
    [[nodiscard]] double load_share(Clock::time_point now,
                                    const BreakerOptions& options) const noexcept;
    /// When the first probe is due; in the past where it is closed.
    [[nodiscard]] Clock::time_point usable_from(const BreakerOptions& options) const noexcept;

private:
    static constexpr std::size_t kSlots = 10;
    struct Sum {
        std::uint64_t outcomes = 0;
        std::uint64_t errors = 0;
    };
    void count(Clock::time_point now, const BreakerOptions& options, bool error) noexcept;
    [[nodiscard]] Sum sum(Clock::time_point now, const BreakerOptions& options) const noexcept;

    // Each slot: its number since the clock's epoch (24 bits), outcomes and errors (20 bits each).
    std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
    std::atomic<std::int64_t> opened_{0};    ///< ticks; 0: closed
    std::atomic<std::int64_t> probing_{0};   ///< ticks of the probe's begin; 0: none
    std::atomic<std::int64_t> returned_{0};  ///< ticks of the last good probe; 0: never opened
};

}  // namespace tollgate::failover
