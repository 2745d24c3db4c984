// The providers and what is known of their keys and targets.
#include "router/provider_state.hpp"
#include "server/admin/admin.hpp"

#include <chrono>

namespace tollgate::server::admin {
namespace {

using failover::Clock;
using failover::Health;

/// Of the provider that is being written.
struct Moment {
    const failover::HealthOptions& options;
    Clock::time_point now;
};

std::string_view to_string(adapters::VendorKind kind) noexcept {
    switch (kind) {
        case adapters::VendorKind::cloud:
            return "cloud";
        case adapters::VendorKind::local:
            return "local";
        case adapters::VendorKind::aggregator:
            return "aggregator";
        case adapters::VendorKind::builtin:
            return "builtin";
    }
    return {};
}

std::string_view to_string(adapters::Region region) noexcept {
    switch (region) {
        case adapters::Region::any:
            return "any";
        case adapters::Region::overseas:
            return "overseas";
        case adapters::Region::china:
            return "china";
    }
    return {};
}

std::string_view state_of(const Health& health, const Moment& at) noexcept {
    switch (health.rest(at.now)) {
        case failover::Rest::limited:
            return "limited";
        case failover::Rest::refused:
            return "quarantined";
        case failover::Rest::unreachable:
            return "unreachable";
        case failover::Rest::none:
            break;
    }
    return health.is_well(at.now, at.options.breaker) ? "ready" : "failing";
}

/// Those of a key as well as of a target.
void write_health(json::Writer& writer, const Health& health, const Moment& at) {
    writer.member("state", state_of(health, at));
    writer.member("breaker", failover::to_string(health.breaker.state(at.now, at.options.breaker)));
    const Clock::duration wait = health.usable_from(at.options.breaker) - at.now;
    if (wait > Clock::duration::zero()) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
        writer.member_count("usable_in_seconds", static_cast<std::uint64_t>(seconds));
    }
}

void write_keys(json::Writer& writer, const router::Provider& provider, const Moment& at) {
    writer.key("keys").begin_array();
    for (std::size_t i = 0; i < provider.key_live.size(); ++i) {
        writer.begin_object().member_count("key", i + 1);
        write_health(writer, provider.key_live[i]->health, at);
        writer.end_object();
    }
    writer.end_array();
}

void write_target(json::Writer& writer, std::string_view model, const Health& health,
                  const Moment& at) {
    writer.begin_object().member("model", model);
    write_health(writer, health, at);
    writer.member_count("requests_in_flight", health.in_flight());
    if (health.heard() != Clock::time_point()) {
        const auto since = std::chrono::floor<std::chrono::seconds>(at.now - health.heard());
        writer.member_count("answered_seconds_ago",
                            static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0)));
    }
    writer.end_object();
}

void write_provider(json::Writer& writer, const router::Provider& provider, const Moment& at) {
    writer.begin_object().member_count("number", provider.index + 1);
    writer.member("name", provider.settings.name).member("vendor", provider.vendor.name);
    writer.member("kind", to_string(provider.vendor.kind));
    writer.member("region", to_string(provider.vendor.region));
    writer.member("state", router::to_string(router::state_of(provider, at.options, at.now)));
    writer.member("problem", provider.problem).member("base_url", provider.endpoint.base_url);
    writer.member("default_model", provider.default_model);
}

}  // namespace

Result<Answer> list_providers(const Request& /*request*/, const Services& services) {
    const router::SnapshotPtr snapshot = services.snapshot();
    const Moment at{.options = snapshot->health_options(), .now = Clock::now()};
    Answer answer;
    json::Writer writer(answer.body);
    writer.begin_object().key("data").begin_array();
    for (const router::Provider& provider : snapshot->providers()) {
        write_provider(writer, provider, at);
        writer.key("is_default").boolean(&provider == snapshot->default_provider());
        write_keys(writer, provider, at);
        writer.key("targets").begin_array();
        for (const auto& [model, record] : provider.records) {
            write_target(writer, model, record.live->health, at);
        }
        write_target(writer, "*", provider.others.live->health, at);
        writer.end_array().end_object();
    }
    writer.end_array().end_object();
    return answer;
}

}  // namespace tollgate::server::admin
