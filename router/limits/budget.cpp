#include "router/limits/budget.hpp"

#include <algorithm>

namespace tollgate::router {
namespace {

std::int64_t seconds(WallTime time) noexcept {
    return time.time_since_epoch().count();
}

}  // namespace

Budget::Budget(config::Period per, Pico limit, WallTime now, std::uint32_t owner) noexcept
    : per_(per), owner_(owner), limit_(limit), end_(seconds(window_at(per, now).end)) {}

bool Budget::reserve(Pico worst, WallTime now) noexcept {
    if (seconds(now) >= end_.load(std::memory_order_acquire)) {
        roll(now);
    }
    const Pico limit = limit_.load(std::memory_order_relaxed);
    Pico used = used_.load(std::memory_order_relaxed);
    do {
        if (used > limit || worst > limit - used) {
            return false;
        }
    } while (!used_.compare_exchange_weak(used, used + worst, std::memory_order_relaxed));
    return true;
}

// A new period: what was spent in the last one no longer counts, what runs still does.  One thread
// does it; the others wait for these three stores, so that none is refused for the old period.
void Budget::roll(WallTime now) noexcept {
    while (rolling_.exchange(true, std::memory_order_acquire)) {}
    if (seconds(now) >= end_.load(std::memory_order_relaxed)) {
        // settle() adds to used_ first and to spent_ second, so this takes away no more than is in
        // used_.
        used_.fetch_sub(spent_.exchange(0, std::memory_order_acq_rel), std::memory_order_relaxed);
        passed_.store(0, std::memory_order_relaxed);
        end_.store(seconds(window_at(per_, now).end), std::memory_order_release);
    }
    rolling_.store(false, std::memory_order_release);
}

std::uint8_t Budget::settle(Pico reserved, Pico spent,
                            std::span<const unsigned> thresholds) noexcept {
    used_.fetch_add(spent - reserved, std::memory_order_relaxed);
    if (spent == 0) {
        return 0;
    }
    return pass(spent_.fetch_add(spent, std::memory_order_acq_rel) + spent, thresholds);
}

std::uint8_t Budget::pass(Pico spent, std::span<const unsigned> thresholds) noexcept {
    __extension__ using Wide = __int128;
    const Wide limit = limit_.load(std::memory_order_relaxed);
    unsigned reached = 0;
    for (std::size_t i = 0; i < thresholds.size() && i < 8; ++i) {
        if (static_cast<Wide>(spent) * 100 >= limit * thresholds[i]) {
            reached |= 1U << i;
        }
    }
    const auto bits = static_cast<std::uint8_t>(reached);
    if (bits == 0 || (passed_.load(std::memory_order_relaxed) & bits) == bits) {
        return 0;
    }
    const std::uint8_t before = passed_.fetch_or(bits, std::memory_order_relaxed);
    return static_cast<std::uint8_t>(bits & ~before);
}

void Budget::restore(Pico spent, WallTime now, std::span<const unsigned> thresholds) noexcept {
    if (seconds(now) >= end_.load(std::memory_order_acquire)) {
        roll(now);
    }
    static_cast<void>(settle(0, spent, thresholds));
}

Budget::State Budget::state(WallTime now) const noexcept {
    const bool over = seconds(now) >= end_.load(std::memory_order_acquire);
    const Pico spent = spent_.load(std::memory_order_relaxed);
    const Pico used = used_.load(std::memory_order_relaxed);
    return {.limit = limit(),
            .spent = over ? 0 : spent,
            .reserved = std::max<Pico>(used - spent, 0),
            .window = window_at(per_, now)};
}

}  // namespace tollgate::router
