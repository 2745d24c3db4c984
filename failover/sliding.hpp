// Counters over a sliding window, in ten slots that are emptied as time passes.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace tollgate::failover {

/// Time is passed in, so that tests own it.
using Clock = std::chrono::steady_clock;

/// `Counts` is a struct of counters with operator+=.  Not thread-safe, no allocation.
template <class Counts>
class SlidingWindow {
public:
    explicit SlidingWindow(Clock::duration window)
        : slot_length_(std::max(window / kSlots, Clock::duration(1))) {}

    /// The counters of the present slot.  An earlier `now` than before counts as the latest one.
    [[nodiscard]] Counts& at(Clock::time_point now) noexcept {
        const std::int64_t current = now.time_since_epoch() / slot_length_;
        const std::int64_t passed = std::min(current - newest_, kSlots);
        for (std::int64_t i = 0; i < passed; ++i) {
            slots_[index_of(current - i)] = {};
        }
        newest_ = std::max(newest_, current);
        return slots_[index_of(newest_)];
    }
    /// What the window holds at `now`.
    [[nodiscard]] Counts sum(Clock::time_point now) noexcept {
        (void)at(now);
        Counts all;
        for (const Counts& slot : slots_) {
            all += slot;
        }
        return all;
    }
    void clear() noexcept { slots_ = {}; }

private:
    static constexpr std::int64_t kSlots = 10;
    static std::size_t index_of(std::int64_t slot) noexcept {
        return static_cast<std::size_t>(((slot % kSlots) + kSlots) % kSlots);
    }

    Clock::duration slot_length_;
    std::array<Counts, static_cast<std::size_t>(kSlots)> slots_{};
    std::int64_t newest_ = 0;  ///< number of the newest slot since the clock's epoch
};

}  // namespace tollgate::failover
