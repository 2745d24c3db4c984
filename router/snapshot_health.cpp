// The live state of a snapshot's targets and keys, and what strategies compare.
#include "router/snapshot_builder.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

namespace tollgate::router {

void SnapshotBuilder::record(Provider& provider, std::string_view model) {
    const auto [place, is_new] = provider.records.try_emplace(std::string(model));
    if (!is_new) {
        return;
    }
    TargetRecord& out = place->second;
    const std::string name = provider.settings.name + "/" + std::string(model);
    out.live = &snapshot_->health_->at(name);
}

// What strategies compare, from the catalog and the configuration.
void SnapshotBuilder::describe_records() {
    const metrics::Circumstances now{.when = std::chrono::system_clock::now(), .service = {}};
    for (Provider& provider : snapshot_->providers_) {
        const auto price = [&](const catalog::Model* model,
                               const metrics::Usage& usage) -> std::optional<std::int64_t> {
            const auto cost = provider.prices.price(model, metrics::counts_of(usage), now);
            return cost && cost->counts() ? std::optional(cost->pico) : std::nullopt;
        };
        for (auto& [name, record] : provider.records) {
            const catalog::Model* const model = provider.prices.find(name);
            record.known = model;
            record.window = model == nullptr ? 0 : model->context;
            record.typical_price = price(model, {.input = 3000, .output = 1000});
            record.cached_price = price(model, {.cache_read = 3000, .output = 1000});
        }
    }
}

// Everything that the configuration or a vendor names gets its own live state; other models share
// their provider's, so that what clients invent cannot grow it.
void SnapshotBuilder::keep_health() {
    const config::FailoverSettings& settings = snapshot_->settings_.failover;
    failover::HealthOptions& options = snapshot_->health_options_;
    options.breaker = {.errors = settings.breaker.errors,
                       .least_share = settings.breaker.share,
                       .window = settings.breaker.window,
                       .open = settings.breaker.open,
                       .slow_start = settings.breaker.slow_start};
    options.cool_down = {.limited = settings.cool_down.limited,
                         .longest = settings.cool_down.longest,
                         .quarantine = settings.cool_down.quarantine};
    snapshot_->health_ =
        context_.health ? context_.health : std::make_shared<failover::HealthTable>();
    failover::HealthTable& table = *snapshot_->health_;
    for (Provider& provider : snapshot_->providers_) {
        const std::string& name = provider.settings.name;
        provider.others.live = &table.at(name + "/*");
        // By its address: another one starts afresh.
        provider.reach = &table.at(name + "@" + provider.endpoint.base_url);
        for (const config::Secret& key : provider.keys) {
            // By its text: another key in the same place starts afresh.
            provider.key_live.push_back(&table.at(
                name + "#" + std::to_string(std::hash<std::string_view>()(key.reveal()))));
        }
        if (provider.keys.empty()) {
            provider.key_live.push_back(&table.at(name + "#"));
        }
        if (!provider.default_model.empty()) {
            record(provider, provider.default_model);
        }
        for (const std::string& id : provider.settings.models) {
            record(provider, id);
        }
        for (const auto& [model, deployment] : provider.settings.deployment_map) {
            record(provider, model);
        }
        for (const std::string_view id : provider.vendor.models) {
            record(provider, id);
        }
    }
    constexpr auto kUsage = config::Balance::usage;
    for (const Provider& provider : snapshot_->providers_) {
        snapshot_->watches_rates_ |= provider.settings.key_balance == kUsage;
    }
    for (const config::ModelAlias& alias : snapshot_->settings_.models) {
        snapshot_->watches_rates_ |= !alias.is_chain && alias.balance == kUsage;
    }
    const auto record_name = [&](std::string_view text) {
        const std::size_t slash = text.find('/');
        if (slash == std::string_view::npos) {
            return;
        }
        for (Provider& provider : snapshot_->providers_) {
            if (provider.settings.name == text.substr(0, slash)) {
                record(provider, text.substr(slash + 1));
            }
        }
    };
    for (const config::ModelAlias& alias : snapshot_->settings_.models) {
        for (const config::ModelTarget& target : alias.targets) {
            record_name(target.model);
        }
    }
    for (const config::ModelPrice& price : snapshot_->settings_.cost.prices) {
        record_name(price.model);
    }
    const config::AutoRouter& automatic = snapshot_->settings_.router.automatic;
    const auto record_all = [&](const std::vector<std::string>& names) {
        std::ranges::for_each(names, record_name);
    };
    record_all(automatic.candidates);
    for (const config::AutoRule& rule : automatic.rules) {
        record_all(rule.to);
    }
    for (const auto& [task, targets] : automatic.tasks) {
        record_all(targets);
    }
}

}  // namespace tollgate::router
