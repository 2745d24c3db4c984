#include "failover/breaker.hpp"

namespace tollgate::failover {

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

BreakerState Breaker::state(Clock::time_point now) const noexcept {
    if (!is_open_) {
        return BreakerState::closed;
    }
    return now - opened_ >= options_.open ? BreakerState::half_open : BreakerState::open;
}

bool Breaker::allow(Clock::time_point now) noexcept {
    switch (state(now)) {
        case BreakerState::closed:
            return true;
        case BreakerState::open:
            return false;
        case BreakerState::half_open:
            break;
    }
    if (probing_ && now - probe_began_ < options_.open) {
        return false;
    }
    probing_ = true;
    probe_began_ = now;
    return true;
}

void Breaker::succeeded(Clock::time_point now) noexcept {
    // Answers to requests sent before it opened say nothing about now; only a probe's does.
    if (is_open_ && probing_) {
        is_open_ = false;
        window_.clear();
    }
    probing_ = false;
    if (!is_open_) {
        ++window_.at(now).outcomes;
    }
}

void Breaker::failed(Clock::time_point now) noexcept {
    if (is_open_) {
        if (probing_) {
            open(now);
        }
        return;
    }
    Counts& slot = window_.at(now);
    ++slot.outcomes;
    ++slot.errors;
    const Counts sum = window_.sum(now);
    if (options_.errors > 0 && sum.errors >= options_.errors &&
        static_cast<double>(sum.errors) >=
            options_.least_share * static_cast<double>(sum.outcomes)) {
        open(now);
    }
}

void Breaker::open(Clock::time_point now) noexcept {
    is_open_ = true;
    opened_ = now;
    probing_ = false;
}

}  // namespace tollgate::failover
