#include "router/snapshot.hpp"

#include <algorithm>

namespace tollgate::router {

const Provider* Snapshot::provider(std::string_view name) const noexcept {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

namespace {

// An order of a weighted group: drawn by weight without replacement, so that the rest are the
// fallbacks.
std::vector<const config::ModelTarget*> weighted_order(const config::ModelAlias& alias,
                                                       std::uint64_t random) {
    std::vector<const config::ModelTarget*> left;
    for (const config::ModelTarget& target : alias.targets) {
        left.push_back(&target);
    }
    std::vector<const config::ModelTarget*> order;
    while (!left.empty()) {
        std::uint64_t total = 0;
        for (const config::ModelTarget* target : left) {
            total += target->weight;
        }
        std::size_t chosen = 0;
        if (total > 0) {
            std::uint64_t point = random % total;
            while (point >= left[chosen]->weight) {
                point -= left[chosen++]->weight;
            }
        }
        order.push_back(left[chosen]);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(chosen));
        random =
            random * 6364136223846793005ULL + 1442695040888963407ULL;  // the next draw; LCG of MMIX
        random ^= random >> 29;
    }
    return order;
}

constexpr unsigned kMostNesting =
    8;  // config::validate refuses cycles; this bounds what slips through

}  // namespace

void Snapshot::expand(std::string_view name, std::uint64_t random, unsigned depth,
                      std::vector<RoutedTarget>& out) const {
    const auto found = aliases_.find(name);
    if (found != aliases_.end() && depth < kMostNesting) {
        const config::ModelAlias& alias = *found->second;
        if (alias.is_chain || alias.balance == config::Balance::order) {
            for (const config::ModelTarget& target : alias.targets) {
                expand(target.model, random, depth + 1, out);
            }
        } else {
            for (const config::ModelTarget* target : weighted_order(alias, random)) {
                expand(target->model, random, depth + 1, out);
            }
        }
        return;
    }
    Route plain;
    if (resolve_plain(name, plain)) {
        const RoutedTarget& target = plain.targets.front();
        const bool seen = std::any_of(out.begin(), out.end(), [&](const RoutedTarget& other) {
            return other.provider == target.provider && other.model == target.model;
        });
        if (!seen) {
            out.push_back(target);
        }
    }
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
            route.targets.push_back({.provider = named, .model = id});
            return true;
        }
    } else if (const Provider* const named = provider(model);
               named != nullptr && !named->default_model.empty()) {
        route.reason = "direct";
        route.targets.push_back({.provider = named, .model = named->default_model});
        return true;
    }
    const auto listed = listed_.find(model);
    if (listed != listed_.end()) {
        route.reason = "listed";
        route.targets.push_back(listed->second);
        return true;
    }
    return false;
}

Result<Route> Snapshot::route(std::string_view model, adapters::Operation operation,
                              std::uint64_t random) const {
    Route route;
    if (aliases_.contains(model)) {
        route.reason = "alias";
        route.alias = aliases_.find(model)->second->name;
        expand(model, random, 0, route.targets);
    } else if (!resolve_plain(model, route)) {
        if (default_provider_ == nullptr || model.starts_with("auto/") || model == "auto") {
            return std::unexpected(unknown(model));
        }
        route.reason = "default";
        route.targets.push_back({.provider = default_provider_, .model = model});
    }
    const adapters::Op wanted = operation == adapters::Operation::chat ? adapters::Op::chat
                                : operation == adapters::Operation::completions
                                    ? adapters::Op::completions
                                    : adapters::Op::embeddings;
    std::string reasons;
    std::erase_if(route.targets, [&](const RoutedTarget& target) {
        if (!target.provider->usable) {
            reasons +=
                " " + target.provider->endpoint.provider + ": " + target.provider->problem + ".";
            return true;
        }
        if (!has(target.provider->vendor.operations, wanted)) {
            reasons += " " + target.provider->endpoint.provider + " has no " +
                       std::string(to_string(operation)) + ".";
            return true;
        }
        return false;
    });
    if (route.targets.empty()) {
        return std::unexpected(Failure{
            .kind = FailureKind::unknown_model,
            .detail = "The model '" + std::string(model.substr(0, 200)) +
                      "' cannot be served:" + (reasons.empty() ? " it has no target." : reasons),
            .param = "model"});
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
