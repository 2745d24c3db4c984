#include "router/snapshot.hpp"

#include "router/rank.hpp"

#include <algorithm>

namespace tollgate::router {

const Provider* Snapshot::provider(std::string_view name) const noexcept {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

namespace {

constexpr unsigned kMostNesting =
    8;  // config::validate refuses cycles; this bounds what slips through

failover::RateLimits limits_of(const Provider& provider) noexcept {
    const std::uint64_t keys = std::max<std::size_t>(provider.keys.size(), 1);
    return {.rpm = provider.settings.limits.rpm * keys, .tpm = provider.settings.limits.tpm * keys};
}

}  // namespace

bool is_same_place(const RoutedTarget& a, const RoutedTarget& b) noexcept {
    return a.provider == b.provider && a.model == b.model;
}

bool append_new(const RoutedTarget& target, std::vector<RoutedTarget>& targets) {
    const bool seen = std::ranges::any_of(
        targets, [&](const RoutedTarget& other) { return is_same_place(other, target); });
    if (!seen) {
        targets.push_back(target);
    }
    return !seen;
}

bool Snapshot::is_well(const RoutedTarget& target, failover::Clock::time_point now) const noexcept {
    return target.record->live->health.is_well(now, health_options_.breaker) &&
           !target.provider->reach->health.is_resting(now) &&
           std::any_of(target.provider->key_live.begin(), target.provider->key_live.end(),
                       [&](const failover::HealthTable::Entry* key) {
                           return key->health.is_well(now, health_options_.breaker);
                       });
}

// The least bad of those that are not well comes first among them.
void Snapshot::put_unwell_last(std::vector<RoutedTarget>& targets,
                               failover::Clock::time_point now) const {
    if (targets.size() < 2) {
        return;
    }
    const auto unwell =
        std::stable_partition(targets.begin(), targets.end(),
                              [&](const RoutedTarget& target) { return is_well(target, now); });
    const auto usable_from = [&](const RoutedTarget& target) {
        auto key = failover::Clock::time_point::max();
        for (const failover::HealthTable::Entry* const entry : target.provider->key_live) {
            key = std::min(key, entry->health.usable_from(health_options_.breaker));
        }
        return std::max({key, target.record->live->health.usable_from(health_options_.breaker),
                         target.provider->reach->health.usable_from(health_options_.breaker)});
    };
    std::stable_sort(unwell, targets.end(), [&](const RoutedTarget& a, const RoutedTarget& b) {
        return usable_from(a) < usable_from(b);
    });
}

void Snapshot::expand_group(const config::ModelAlias& alias, Draw& draw, unsigned depth,
                            failover::Clock::time_point now, std::vector<RoutedTarget>& out) const {
    std::vector<std::vector<RoutedTarget>> members(alias.targets.size());
    std::vector<Contender> contenders(alias.targets.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
        std::vector<RoutedTarget>& member = members[i];
        expand(alias.targets[i].model, draw, depth + 1, now, member);
        if (member.empty()) {
            continue;
        }
        put_unwell_last(member, now);  // a nested group is as well as its best member
        const RoutedTarget& best = member.front();
        contenders[i] = contender_of(best.record->live->health, now, health_options_,
                                     limits_of(*best.provider));
        contenders[i].is_well = is_well(best, now);
        contenders[i].weight = alias.targets[i].weight;
        contenders[i].price = best.record->typical_price;
        if (alias.targets[i].timeouts.any()) {
            for (RoutedTarget& target : member) {
                target.timeouts = &alias.targets[i].timeouts;
            }
        }
    }
    const config::Balance balance = alias.is_chain ? config::Balance::order : alias.balance;
    for (const std::size_t index : rank(contenders, balance, draw)) {
        for (const RoutedTarget& target : members[index]) {
            append_new(target, out);
        }
    }
}

void Snapshot::expand(std::string_view name, Draw& draw, unsigned depth,
                      failover::Clock::time_point now, std::vector<RoutedTarget>& out) const {
    const auto found = aliases_.find(name);
    if (found != aliases_.end() && depth < kMostNesting) {
        expand_group(*found->second, draw, depth, now, out);
        return;
    }
    Route plain;
    if (resolve_plain(name, plain)) {
        append_new(plain.targets.front(), out);
    }
}

// Whose model a bare id is: the default provider's where its catalog has it, else that of the first
// whose has.
const Provider* Snapshot::owner_in_catalog(std::string_view model) const {
    const auto has = [model](const Provider& provider) {
        const catalog::Vendor* const known = provider.prices.vendor();
        return provider.usable && known != nullptr && known->exactly(model) != nullptr;
    };
    if (default_provider_ != nullptr && has(*default_provider_)) {
        return default_provider_;
    }
    const auto found = std::ranges::find_if(providers_, has);
    return found == providers_.end() ? nullptr : &*found;
}

bool Snapshot::resolve_plain(std::string_view model, Route& route) const {
    const std::size_t slash = model.find('/');
    if (slash != std::string_view::npos) {
        if (const Provider* const named = provider(model.substr(0, slash))) {
            std::string_view id = model.substr(slash + 1);
            if (id.empty() || id == "default") {
                id = named->default_model;
            }
            if (id.empty()) {
                return false;
            }
            route.reason = "direct";
            route.targets.push_back({.provider = named, .model = id, .record = &named->record(id)});
            return true;
        }
    } else if (const Provider* const named = provider(model);
               named != nullptr && !named->default_model.empty()) {
        route.reason = "direct";
        route.targets.push_back({.provider = named,
                                 .model = named->default_model,
                                 .record = &named->record(named->default_model)});
        return true;
    }
    const auto listed = listed_.find(model);
    if (listed != listed_.end()) {
        route.reason = "listed";
        route.targets.push_back(listed->second);
        return true;
    }
    if (const Provider* const owner = owner_in_catalog(model)) {
        route.reason = owner == default_provider_ ? "default" : "catalog";
        route.targets.push_back(
            {.provider = owner, .model = model, .record = &owner->record(model)});
        return true;
    }
    return false;
}

Failure cannot_serve(std::string_view model, std::span<const LeftOut> left_out) {
    std::string detail = "The model '" + std::string(model.substr(0, 200)) + "' cannot be served:";
    for (const LeftOut& one : left_out) {
        detail += " " + one.target + ": " + one.reason + ".";
    }
    if (left_out.empty()) {
        detail += " it has no target.";
    }
    return Failure{
        .kind = FailureKind::unknown_model, .detail = std::move(detail), .param = "model"};
}

Result<Route> Snapshot::route(std::string_view model, adapters::Operation operation,
                              std::uint64_t random, failover::Clock::time_point now) const {
    Route route;
    if (aliases_.contains(model)) {
        route.reason = "alias";
        route.group = aliases_.find(model)->second;
        route.alias = route.group->name;
        Draw draw(random);
        expand(model, draw, 0, now, route.targets);
        put_unwell_last(route.targets, now);
    } else if (!resolve_plain(model, route)) {
        if (default_provider_ == nullptr || model.starts_with("auto/") || model == "auto") {
            return std::unexpected(unknown(model));
        }
        route.reason = "default";
        route.targets.push_back({.provider = default_provider_,
                                 .model = model,
                                 .record = &default_provider_->record(model)});
    }
    const adapters::Op wanted = operation == adapters::Operation::chat ? adapters::Op::chat
                                : operation == adapters::Operation::completions
                                    ? adapters::Op::completions
                                    : adapters::Op::embeddings;
    std::erase_if(route.targets, [&](const RoutedTarget& target) {
        std::string why;
        if (!target.provider->usable) {
            why = target.provider->problem;
        } else if (!has(target.provider->vendor.operations, wanted)) {
            why = "it has no " + std::string(to_string(operation));
        } else {
            return false;
        }
        route.left_out.push_back(
            {.target = target.provider->endpoint.provider + "/" + std::string(target.model),
             .reason = std::move(why)});
        return true;
    });
    if (route.targets.empty()) {
        return std::unexpected(cannot_serve(model, route.left_out));
    }
    return route;
}

Failure Snapshot::unknown(std::string_view model) const {
    std::string detail = "The model '" + std::string(model.substr(0, 200)) +
                         "' does not exist here. Use provider/model";
    if (!aliases_.empty()) {
        detail += ", an alias such as '" + aliases_.begin()->first + "'";
    }
    detail += ", or a model of GET /v1/models.";
    return Failure{
        .kind = FailureKind::unknown_model, .detail = std::move(detail), .param = "model"};
}

}  // namespace tollgate::router
