#include "router/provider_state.hpp"

#include <algorithm>

namespace tollgate::router {

std::string_view to_string(ProviderState state) noexcept {
    switch (state) {
        case ProviderState::ready:
            return "ready";
        case ProviderState::no_key:
            return "no key";
        case ProviderState::unreachable:
            return "unreachable";
        case ProviderState::cooling_down:
            return "cooling down";
    }
    return {};
}

ProviderState state_of(const Provider& provider, const failover::HealthOptions& options,
                       failover::Clock::time_point now) {
    if (!provider.usable) {
        return provider.endpoint.base_url.empty() &&
                       provider.vendor.kind != adapters::VendorKind::builtin
                   ? ProviderState::unreachable
                   : ProviderState::no_key;
    }
    if (provider.reach->health.is_resting(now)) {
        return ProviderState::unreachable;
    }
    const auto is_well = [&](const failover::Health& health) {
        return health.is_well(now, options.breaker);
    };
    if (std::none_of(provider.key_live.begin(), provider.key_live.end(),
                     [&](const auto* key) { return is_well(key->health); })) {
        return ProviderState::cooling_down;
    }
    bool answers = false;
    bool trouble = false;
    bool unreachable = true;
    const auto look = [&](const TargetRecord& record) {
        const failover::Health& health = record.live->health;
        if (is_well(health)) {
            answers = answers || health.heard() != failover::Clock::time_point();
            return;
        }
        trouble = true;
        unreachable = unreachable && health.is_unreachable();
    };
    for (const auto& [model, record] : provider.records) {
        look(record);
    }
    look(provider.others);
    if (answers || !trouble) {
        return ProviderState::ready;
    }
    return unreachable ? ProviderState::unreachable : ProviderState::cooling_down;
}

Trouble trouble_of(const Snapshot& snapshot, failover::Clock::time_point now) {
    Trouble trouble;
    for (const Provider& provider : snapshot.providers()) {
        if (!provider.usable) {
            continue;  // the configuration's doing, and told at the start
        }
        const ProviderState state = state_of(provider, snapshot.health_options(), now);
        trouble.unreachable += state == ProviderState::unreachable ? 1U : 0U;
        trouble.cooling_down += state == ProviderState::cooling_down ? 1U : 0U;
    }
    return trouble;
}

}  // namespace tollgate::router
