#include "failover/breaker.hpp"

#include <algorithm>

namespace tollgate::failover {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint64_t kCountMask = (1U << 20U) - 1;
constexpr std::uint64_t kSlotMask = (1U << 24U) - 1;
// A target that came back begins with this share of its load: with none it would never be seen to
// be well.
constexpr double kFirstShare = 0.1;

std::int64_t ticks(Clock::time_point time) noexcept {
    return time.time_since_epoch().count();
}

std::uint64_t slot_number(Clock::time_point now, Clock::duration window,
                          std::size_t slots) noexcept {
    const Clock::duration length =
        std::max(window / static_cast<std::int64_t>(slots), Clock::duration(1));
    return static_cast<std::uint64_t>(now.time_since_epoch() / length);
}

}  // namespace

std::string_view to_string(BreakerState state) noexcept {
    switch (state) {
        case BreakerState::closed:
            return "closed";
        case BreakerState::open:
            return "open";
        case BreakerState::half_open:
            return "half_open";
    }
    return {};
}

BreakerState Breaker::state(Clock::time_point now, const BreakerOptions& options) const noexcept {
    const std::int64_t opened = opened_.load(kRelaxed);
    if (opened == 0) {
        return BreakerState::closed;
    }
    return ticks(now) - opened >= Clock::duration(options.open).count() ? BreakerState::half_open
                                                                        : BreakerState::open;
}

bool Breaker::would_admit(Clock::time_point now, const BreakerOptions& options) const noexcept {
    switch (state(now, options)) {
        case BreakerState::closed:
            return true;
        case BreakerState::open:
            return false;
        case BreakerState::half_open:
            break;
    }
    const std::int64_t probing = probing_.load(kRelaxed);
    return probing == 0 || ticks(now) - probing >= Clock::duration(options.open).count();
}

Admission Breaker::admit(Clock::time_point now, const BreakerOptions& options) noexcept {
    if (opened_.load(kRelaxed) == 0) [[likely]] {
        return Admission::normal;
    }
    std::int64_t probing = probing_.load(kRelaxed);
    if (!would_admit(now, options) ||
        !probing_.compare_exchange_strong(probing, ticks(now), kRelaxed)) {
        return Admission::refused;  // or another worker was quicker to probe
    }
    return Admission::probe;
}

Admission Breaker::force(Clock::time_point now, const BreakerOptions& options) noexcept {
    const Admission admission = admit(now, options);
    if (admission != Admission::refused) {
        return admission;
    }
    probing_.store(ticks(now), kRelaxed);
    return Admission::probe;
}

bool Breaker::succeeded(Admission admission, Clock::time_point now,
                        const BreakerOptions& options) noexcept {
    // Answers to requests sent before it opened say nothing about now; only a probe's does.
    bool closed = false;
    if (admission == Admission::probe) {
        for (std::atomic<std::uint64_t>& slot : slots_) {
            slot.store(0, kRelaxed);
        }
        returned_.store(ticks(now), kRelaxed);
        closed = opened_.exchange(0, kRelaxed) != 0;
        probing_.store(0, kRelaxed);
    }
    if (options.errors > 0) {
        count(now, options, false);
    }
    return closed;
}

bool Breaker::failed(Admission admission, Clock::time_point now,
                     const BreakerOptions& options) noexcept {
    if (options.errors == 0) {
        abandoned(admission);
        return false;
    }
    if (admission == Admission::probe) {
        opened_.store(ticks(now), kRelaxed);
        probing_.store(0, kRelaxed);
        return false;  // it has been open before
    }
    if (opened_.load(kRelaxed) != 0) {
        return false;
    }
    count(now, options, true);
    const Sum all = sum(now, options);
    const bool opens =
        all.errors >= options.errors &&
        static_cast<double>(all.errors) >= options.least_share * static_cast<double>(all.outcomes);
    return opens && opened_.exchange(ticks(now), kRelaxed) == 0;
}

void Breaker::abandoned(Admission admission) noexcept {
    if (admission == Admission::probe) {
        probing_.store(0, kRelaxed);
    }
}

double Breaker::load_share(Clock::time_point now, const BreakerOptions& options) const noexcept {
    const std::int64_t returned = returned_.load(kRelaxed);
    if (returned == 0) [[likely]] {
        return 1.0;
    }
    const auto whole = Clock::duration(options.slow_start).count();
    const std::int64_t passed = ticks(now) - returned;
    if (passed >= whole) {
        return 1.0;
    }
    return std::max(kFirstShare, static_cast<double>(std::max<std::int64_t>(passed, 0)) /
                                     static_cast<double>(whole));
}

Clock::time_point Breaker::usable_from(const BreakerOptions& options) const noexcept {
    const std::int64_t opened = opened_.load(kRelaxed);
    return opened == 0 ? Clock::time_point()
                       : Clock::time_point(Clock::duration(opened)) + Clock::duration(options.open);
}

void Breaker::count(Clock::time_point now, const BreakerOptions& options, bool error) noexcept {
    const std::uint64_t number = slot_number(now, options.window, kSlots);
    const std::uint64_t tag = number & kSlotMask;
    std::atomic<std::uint64_t>& slot = slots_[number % kSlots];
    std::uint64_t known = slot.load(kRelaxed);
    std::uint64_t next = 0;
    do {
        const bool same = (known >> 40U) == tag;
        const std::uint64_t outcomes = same ? (known >> 20U) & kCountMask : 0;
        const std::uint64_t errors = same ? known & kCountMask : 0;
        next = (tag << 40U) | (std::min(outcomes + 1, kCountMask) << 20U) |
               std::min(errors + (error ? 1U : 0U), kCountMask);
    } while (!slot.compare_exchange_weak(known, next, kRelaxed));
}

Breaker::Sum Breaker::sum(Clock::time_point now, const BreakerOptions& options) const noexcept {
    const std::uint64_t number = slot_number(now, options.window, kSlots);
    Sum all;
    for (const std::atomic<std::uint64_t>& slot : slots_) {
        const std::uint64_t known = slot.load(kRelaxed);
        if (((number - (known >> 40U)) & kSlotMask) < kSlots) {
            all.outcomes += (known >> 20U) & kCountMask;
            all.errors += known & kCountMask;
        }
    }
    return all;
}

}  // namespace tollgate::failover
