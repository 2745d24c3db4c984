#include "router/auto/plan.hpp"

#include "router/auto/quality.hpp"

#include <algorithm>
#include <chrono>

namespace tollgate::router {
namespace {

std::array<std::uint8_t, kTasks> quality_for(const RoutedTarget& target,
                                             const config::AutoRouter& settings) {
    const std::string full = target.provider->settings.name + "/" + std::string(target.model);
    const config::AutoQuality* known = nullptr;
    for (const config::AutoQuality& entry : settings.quality) {
        // The full name is the more exact one.
        if (entry.model == full || (known == nullptr && entry.model == target.model)) {
            known = &entry;
        }
    }
    if (known == nullptr) {
        return quality_of(target.model);
    }
    std::array<std::uint8_t, kTasks> out{};
    out.fill(static_cast<std::uint8_t>(known->quality));
    return out;
}

class Planner {
public:
    explicit Planner(const Snapshot& snapshot)
        : snapshot_(snapshot), settings_(snapshot.settings().router.automatic) {}

    [[nodiscard]] AutoPlan plan() {
        for (const config::AutoRule& rule : settings_.rules) {
            add_all(rule.to);
        }
        for (const auto& [task, targets] : settings_.tasks) {
            add_all(targets);
        }
        if (!settings_.candidates.empty()) {
            for (const std::string& name : settings_.candidates) {
                candidate(name);
            }
            return std::move(out_);
        }
        for (const bool builtin : {false, true}) {
            if (builtin && !out_.candidates.empty()) {
                break;
            }
            discover(builtin);
        }
        return std::move(out_);
    }

private:
    const std::pair<const std::string, AutoName>& add(const std::string& name) {
        const auto [entry, fresh] = out_.names.try_emplace(name);
        if (fresh) {
            Result<Route> route = snapshot_.route(name, adapters::Operation::chat, 0);
            if (route) {
                entry->second.is_alias = !route->alias.empty();
                entry->second.quality = quality_for(route->targets.front(), settings_);
                for (const RoutedTarget& target : route->targets) {
                    // Only what the snapshot owns outlives this call.
                    entry->second.targets.push_back(planned_target(kept(target, entry->first)));
                }
            } else {
                entry->second.problem = std::move(route.error().detail);
            }
        }
        return *entry;
    }
    /// The same target with a model name that lives as long as the plan.
    static RoutedTarget kept(RoutedTarget target, std::string_view name) {
        if (name.ends_with(target.model)) {
            target.model = name.substr(name.size() - target.model.size());
        }
        return target;
    }
    void add_all(const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            (void)add(name);
        }
    }
    void candidate(const std::string& name) {
        const std::string_view kept = add(name).first;
        if (std::ranges::find(out_.candidates, kept) == out_.candidates.end()) {
            out_.candidates.push_back(kept);
        }
    }
    static bool is_builtin(const Provider& provider) {
        return provider.vendor.kind == adapters::VendorKind::builtin;
    }
    void discover(bool builtin) {
        if (!builtin) {
            for (const config::ModelAlias& alias : snapshot_.settings().models) {
                candidate(alias.name);
            }
        }
        for (const Provider& provider : snapshot_.providers()) {
            if (!provider.usable || is_builtin(provider) != builtin) {
                continue;
            }
            const std::string prefix = provider.settings.name + "/";
            if (!provider.default_model.empty()) {
                candidate(prefix + provider.default_model);
            }
            for (const std::string& model : provider.settings.models) {
                candidate(prefix + model);
            }
        }
    }

    const Snapshot& snapshot_;
    const config::AutoRouter& settings_;
    AutoPlan out_;
};

}  // namespace

PlannedTarget planned_target(const RoutedTarget& target) {
    const ModelPrices& prices = target.provider->prices;
    const catalog::Model* const model = prices.find(target.model);
    constexpr std::int64_t kTokens = 1000;
    const auto price = [&](const metrics::Usage& usage) -> std::optional<std::int64_t> {
        const auto cost = prices.price(model, metrics::counts_of(usage),
                                       {.when = std::chrono::system_clock::now(), .service = {}});
        return cost && cost->counts() ? std::optional(cost->pico / kTokens) : std::nullopt;
    };
    return {.target = target,
            .known = model,
            .input_price = price({.input = kTokens}),
            .output_price = price({.output = kTokens}),
            .cached_price = price({.cache_read = kTokens})};
}

AutoPlan plan_auto(const Snapshot& snapshot) {
    return Planner(snapshot).plan();
}

}  // namespace tollgate::router
