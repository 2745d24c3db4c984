#include "router/active_check.hpp"

#include <algorithm>

namespace tollgate::router {

using failover::Clock;

bool check_is_due(const Provider& provider, std::chrono::milliseconds every,
                  Clock::time_point since, Clock::time_point now) {
    Clock::time_point heard = since;
    bool is_busy = false;
    const auto look = [&](const TargetRecord& record) {
        heard = std::max(heard, record.live->health.heard());
        is_busy = is_busy || record.live->health.in_flight() > 0;
    };
    for (const auto& [model, record] : provider.records) {
        look(record);
    }
    look(provider.others);
    return !is_busy && now - heard >= every;
}

CheckNews note_check(const Snapshot& snapshot, const Provider& provider, const KeyChoice& key,
                     const Result<unsigned>& status, Clock::time_point now) {
    failover::Health& reach = provider.reach->health;
    const bool was_resting = reach.is_resting(now);
    if (!status || *status >= 500) {
        const Clock::duration every = snapshot.settings().failover.checks.every;
        reach.rest(failover::Rest::unreachable, now + 3 * every);
        return was_resting ? CheckNews::none : CheckNews::unreachable;
    }
    reach.wake();
    const auto quarantine = snapshot.health_options().cool_down.quarantine;
    const bool is_refused = *status == 401 || *status == 402 || *status == 403;
    if (is_refused && quarantine.count() > 0 && !key.live->health.is_resting(now)) {
        key.live->health.rest(failover::Rest::refused, now + quarantine);
        return CheckNews::key_refused;
    }
    return was_resting ? CheckNews::reachable : CheckNews::none;
}

}  // namespace tollgate::router
