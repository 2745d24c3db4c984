// A token bucket in one atomic word: the generic cell rate algorithm (ITU-T I.371), which keeps the
// time at which the bucket would be full again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace tollgate::router {

using SteadyTime = std::chrono::steady_clock::time_point;

/// So many per minute, with a minute's worth as the burst.  Shared by all workers; 0: no limit.
class Rate {
public:
    void set_limit(std::uint64_t per_minute) noexcept {
        per_minute_.store(static_cast<std::int64_t>(per_minute), std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t limit() const noexcept {
        return static_cast<std::uint64_t>(per_minute_.load(std::memory_order_relaxed));
    }

    /// Takes `amount`; zero when it was taken, else how long until it could be.  An amount above
    /// the limit is taken from a full bucket, which then owes the rest.
    [[nodiscard]] std::chrono::nanoseconds take(std::uint64_t amount, SteadyTime now) noexcept;
    /// Corrects an earlier take(): `used` instead of `taken`.
    void settle(std::uint64_t taken, std::uint64_t used) noexcept;

    struct State {
        std::uint64_t remaining;
        std::chrono::nanoseconds until_full;
    };
    [[nodiscard]] State state(SteadyTime now) const noexcept;

private:
    std::atomic<std::int64_t> per_minute_{0};
    std::atomic<std::int64_t> full_at_{0};  // steady clock, ns
};

/// So many at the same time; 0: no limit.
class Concurrency {
public:
    void set_limit(std::uint32_t most) noexcept { most_.store(most, std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t limit() const noexcept {
        return most_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t running() const noexcept {
        return running_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] bool enter() noexcept;
    void leave() noexcept { running_.fetch_sub(1, std::memory_order_relaxed); }

private:
    std::atomic<std::uint32_t> most_{0};
    std::atomic<std::uint32_t> running_{0};
};

}  // namespace tollgate::router
