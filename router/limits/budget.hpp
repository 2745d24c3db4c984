// One budget: money that is spent and money that is set aside, shared by all workers without locks.
#pragma once

#include "router/limits/period.hpp"

#include <atomic>
#include <cstdint>
#include <span>

namespace tollgate::router {

using Pico = std::int64_t;  // 10^-12 USD; config/validate.cpp keeps budgets within 64 bits

/// `used` is what is spent in this period plus what is set aside for requests that run.  A request
/// that runs into the next period is paid from the period in which it ends.
class Budget {
public:
    /// `owner` is for who has made it.
    Budget(config::Period per, Pico limit, WallTime now, std::uint32_t owner = 0) noexcept;

    [[nodiscard]] config::Period per() const noexcept { return per_; }
    [[nodiscard]] std::uint32_t owner() const noexcept { return owner_; }
    [[nodiscard]] Pico limit() const noexcept { return limit_.load(std::memory_order_relaxed); }
    void set_limit(Pico limit) noexcept { limit_.store(limit, std::memory_order_relaxed); }

    /// Sets `worst` aside; false, with nothing changed, where it would go beyond the limit.
    [[nodiscard]] bool reserve(Pico worst, WallTime now) noexcept;
    /// Ends a reservation.  The thresholds (per cent, rising, at most 8) that this spending passed
    /// for the first time in the period, as bits.
    std::uint8_t settle(Pico reserved, Pico spent, std::span<const unsigned> thresholds) noexcept;
    /// What an earlier process spent in the period of `now`.  Thresholds below it count as passed.
    void restore(Pico spent, WallTime now, std::span<const unsigned> thresholds) noexcept;

    struct State {
        Pico limit;
        Pico spent;
        Pico reserved;
        Window window;
        /// What a further request may set aside.
        [[nodiscard]] Pico left() const noexcept {
            return limit > spent + reserved ? limit - spent - reserved : 0;
        }
    };
    [[nodiscard]] State state(WallTime now) const noexcept;

private:
    void roll(WallTime now) noexcept;
    std::uint8_t pass(Pico spent, std::span<const unsigned> thresholds) noexcept;

    const config::Period per_;
    std::atomic<bool> rolling_{false};
    std::atomic<std::uint8_t> passed_{0};
    const std::uint32_t owner_;
    std::atomic<Pico> limit_;
    std::atomic<Pico> used_{0};
    std::atomic<Pico> spent_{0};
    std::atomic<std::int64_t> end_;  // of the period, seconds
};

}  // namespace tollgate::router
