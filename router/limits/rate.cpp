#include "router/limits/rate.hpp"

#include <algorithm>

namespace tollgate::router {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;

std::int64_t nanos(SteadyTime now) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
}

__extension__ using Wide = unsigned __int128;

// a * b / divisor, where one division of 64 bits does, which is nearly always, by that.
Wide scaled(std::uint64_t a, std::uint64_t b, std::int64_t divisor) noexcept {
    std::uint64_t product = 0;
    if (!__builtin_mul_overflow(a, b, &product)) [[likely]] {
        return product / static_cast<std::uint64_t>(divisor);
    }
    return static_cast<Wide>(a) * b / static_cast<Wide>(divisor);
}

// The time in which `amount` flows in.  Rounded down: a minute's worth must fit into the minute.
std::int64_t cost_of(std::uint64_t amount, std::int64_t per_minute) noexcept {
    constexpr std::uint64_t kMost = 1'000'000'000'000;
    constexpr Wide kLongest = static_cast<Wide>(1000) * kMinute;
    return static_cast<std::int64_t>(
        std::min(scaled(std::min(amount, kMost), kMinute, per_minute), kLongest));
}

}  // namespace

std::chrono::nanoseconds Rate::take(std::uint64_t amount, SteadyTime now) noexcept {
    const std::int64_t per_minute = per_minute_.load(std::memory_order_relaxed);
    if (per_minute == 0 || amount == 0) {
        return {};
    }
    const std::int64_t cost = std::max<std::int64_t>(cost_of(amount, per_minute), 1);
    const std::int64_t at = nanos(now);
    std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
    for (;;) {
        const std::int64_t from = std::max(full_at, at);
        // More than a bucketful asks for a full bucket.
        const std::int64_t need = std::min(cost, kMinute);
        if (from + need - at > kMinute) {
            return std::chrono::nanoseconds(from + need - at - kMinute);
        }
        if (full_at_.compare_exchange_weak(full_at, from + cost, std::memory_order_relaxed)) {
            return {};
        }
    }
}

void Rate::settle(std::uint64_t taken, std::uint64_t used) noexcept {
    const std::int64_t per_minute = per_minute_.load(std::memory_order_relaxed);
    if (per_minute != 0 && taken != used) {
        full_at_.fetch_add(cost_of(used, per_minute) - cost_of(taken, per_minute),
                           std::memory_order_relaxed);
    }
}

Rate::State Rate::state(SteadyTime now) const noexcept {
    const std::int64_t per_minute = per_minute_.load(std::memory_order_relaxed);
    const std::int64_t owed =
        std::max<std::int64_t>(full_at_.load(std::memory_order_relaxed) - nanos(now), 0);
    const std::int64_t room = std::max<std::int64_t>(kMinute - owed, 0);
    // Costs are rounded down by less than a nanosecond each; the one added back keeps 1 from
    // being told as 0.
    const Wide remaining = scaled(static_cast<std::uint64_t>(room) + 1,
                                  static_cast<std::uint64_t>(per_minute), kMinute);
    return {.remaining = std::min(static_cast<std::uint64_t>(remaining),
                                  static_cast<std::uint64_t>(per_minute)),
            .until_full = std::chrono::nanoseconds(owed)};
}

bool Concurrency::enter() noexcept {
    const std::uint32_t most = most_.load(std::memory_order_relaxed);
    std::uint32_t running = running_.load(std::memory_order_relaxed);
    do {
        if (most != 0 && running >= most) {
            return false;
        }
    } while (!running_.compare_exchange_weak(running, running + 1, std::memory_order_relaxed));
    return true;
}

}  // namespace tollgate::router
