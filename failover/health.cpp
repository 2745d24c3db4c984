#include "failover/health.hpp"

#include <algorithm>

namespace tollgate::failover {

void Health::rest(Rest why, Clock::time_point until) noexcept {
    const std::int64_t wanted = until.time_since_epoch().count();
    std::int64_t known = rest_until_.load(std::memory_order_relaxed);
    while (known < wanted) {
        if (rest_until_.compare_exchange_weak(known, wanted, std::memory_order_relaxed)) {
            rest_.store(why, std::memory_order_relaxed);
            return;
        }
    }
}

Turn Health::failed(Admission admission, const Failure& failure, Clock::time_point now,
                    const HealthOptions& options) noexcept {
    const CoolDownOptions& cool_down = options.cool_down;
    switch (policy(failure.kind).health) {
        case HealthEffect::error:
            in_flight_.fetch_sub(1, std::memory_order_relaxed);
            is_unreachable_.store(failure.kind == FailureKind::connect_failed,
                                  std::memory_order_relaxed);
            return breaker.failed(admission, now, options.breaker) ? Turn::opened : Turn::none;
        case HealthEffect::cool_down:
            rest(Rest::limited, now + std::min(failure.retry_after.value_or(cool_down.limited),
                                               cool_down.longest));
            break;
        case HealthEffect::key_quarantine:
            rest(Rest::refused, now + cool_down.quarantine);
            break;
        case HealthEffect::none:
            break;
    }
    // It answered, so it is there: a limit or a refused key is no trouble of the place itself.
    return succeeded(admission, now, options);
}

HealthTable::Entry& HealthTable::at(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
        return *found->second;
    }
    if (entries_.size() == kMost) {
        return entries_.back();
    }
    Entry& entry = entries_.emplace_back();
    entry.id = static_cast<std::uint16_t>(entries_.size());
    by_name_.emplace(std::string(name), &entry);
    return entry;
}

}  // namespace tollgate::failover
