#include "router/choose.hpp"

#include "adapters/codec/json.hpp"
#include "router/auto/choose_automatically.hpp"
#include "router/capabilities.hpp"
#include "router/rank.hpp"

#include <algorithm>
#include <array>

namespace tollgate::router {
namespace {

constexpr std::size_t kMostFallbacks = 16;

std::string name_of(const RoutedTarget& target) {
    return target.provider->endpoint.provider + "/" + std::string(target.model);
}

// "provider/model" or "provider/*".
bool matches(std::string_view pattern, const RoutedTarget& target) noexcept {
    const std::string_view provider = target.provider->endpoint.provider;
    return pattern.size() > provider.size() && pattern.starts_with(provider) &&
           pattern[provider.size()] == '/' &&
           (pattern.substr(provider.size() + 1) == "*" ||
            pattern.substr(provider.size() + 1) == target.model);
}

bool any_matches(const std::vector<std::string>& patterns, const RoutedTarget& target) noexcept {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches(pattern, target); });
}

bool region_fits(config::RegionRule rule, adapters::Region region) noexcept {
    using adapters::Region;
    switch (rule) {
        case config::RegionRule::any:
            return true;
        case config::RegionRule::overseas:
            return region != Region::china;
        case config::RegionRule::china:
            return region != Region::overseas;
    }
    return true;
}

// Why the configuration keeps the target out; empty: it does not.
std::string_view kept_out(const config::RouterSettings& rules, const RoutedTarget& target) {
    if (any_matches(rules.deny, target)) {
        return "router.deny lists it";
    }
    if (!rules.allow.empty() && !any_matches(rules.allow, target)) {
        return "router.allow does not list it";
    }
    return region_fits(rules.region, target.provider->vendor.region)
               ? std::string_view()
               : "its region is not that of router.region";
}

void filter(Route& route, const config::RouterSettings& rules) {
    if (rules.deny.empty() && rules.allow.empty() && rules.region == config::RegionRule::any) {
        return;
    }
    std::erase_if(route.targets, [&](const RoutedTarget& target) {
        const std::string_view why = kept_out(rules, target);
        if (!why.empty()) {
            route.left_out.push_back({.target = name_of(target), .reason = std::string(why)});
        }
        return !why.empty();
    });
}

// The caller's key lets the name through, whatever is behind it.
bool is_allowed(const Ask& ask, std::string_view model, std::string_view alias) noexcept {
    return ask.allowed == nullptr || ask.allowed->empty() ||
           std::any_of(ask.allowed->begin(), ask.allowed->end(),
                       [&](const std::string& name) { return name == model || name == alias; });
}

constexpr std::string_view kNotForKey = "the caller's key may not use it";

void filter_by_key(Route& route, std::string_view model, const Ask& ask) {
    if (is_allowed(ask, model, route.alias)) {
        return;
    }
    std::erase_if(route.targets, [&](const RoutedTarget& target) {
        const bool allowed = any_matches(*ask.allowed, target);
        if (!allowed) {
            route.left_out.push_back(
                {.target = name_of(target), .reason = std::string(kNotForKey)});
        }
        return !allowed;
    });
}

// One name through all filters.
Result<Route> route_of(const Snapshot& snapshot, std::string_view model, const Ask& ask) {
    Result<Route> route = snapshot.route(model, ask.request.operation, ask.random, ask.now);
    if (!route) {
        return route;
    }
    filter(*route, snapshot.settings().router);
    if (route->targets.empty()) {
        return std::unexpected(cannot_serve(model, route->left_out));
    }
    filter_by_key(*route, model, ask);
    if (route->targets.empty()) {
        return std::unexpected(Failure{.kind = FailureKind::forbidden,
                                       .detail = "The API key '" + std::string(ask.key_name) +
                                                 "' may not use the model '" +
                                                 std::string(model.substr(0, 200)) + "'.",
                                       .param = "model"});
    }
    return route;
}

void append(const Route& from, Route& to) {
    for (const RoutedTarget& target : from.targets) {
        append_new(target, to.targets);
    }
    to.left_out.insert(to.left_out.end(), from.left_out.begin(), from.left_out.end());
}

// What the cache that `held` keeps of the conversation is worth, against what `best` does better.
bool worth_staying(const RoutedTarget& held, const RoutedTarget& best, config::Balance balance,
                   const Ask& ask) {
    if (balance == config::Balance::latency) {
        // A long prompt is read from the cache in a fraction of the time it takes anew.
        const double tokens = static_cast<double>(ask.request.body.size()) / 4;
        const double tolerance = 1.5 + std::min(tokens / 4000, 6.5);
        const auto wait = [&](const RoutedTarget& target) {
            const failover::Health& health = target.record->live->health;
            return static_cast<double>(health.first_token.read(ask.now).count()) *
                   (static_cast<double>(health.in_flight()) + 1);
        };
        return wait(held) <= tolerance * wait(best) || wait(best) == 0;
    }
    if (balance == config::Balance::cost) {
        const std::optional<std::int64_t>& here = held.record->cached_price;
        const std::optional<std::int64_t>& there = best.record->typical_price;
        return here && there && *here <= *there;
    }
    return true;
}

// Puts the target that the conversation had to the front, where it is well.
bool stay(const Snapshot& snapshot, const Ask& ask, const Conversation& conversation,
          Route& route) {
    const std::uint16_t had = ask.sticky->recall(conversation.hash, ask.now);
    if (had == 0) {
        return false;
    }
    const auto held =
        std::find_if(route.targets.begin(), route.targets.end(),
                     [&](const RoutedTarget& one) { return one.record->live->id == had; });
    const config::Balance balance = route.group != nullptr && !route.group->is_chain
                                        ? route.group->balance
                                        : config::Balance::order;
    if (held == route.targets.end() || !snapshot.is_well(*held, ask.now) ||
        !worth_staying(*held, route.targets.front(), balance, ask)) {
        return false;
    }
    std::rotate(route.targets.begin(), held, held + 1);
    return true;
}

Conversation conversation_for(const Snapshot& snapshot, const Ask& ask, const Route& route) {
    const config::Sticky sticky = snapshot.settings().router.automatic.sticky;
    return conversation_by(route.group == nullptr ? sticky : route.group->sticky.value_or(sticky),
                           ask);
}

std::string_view strategy_of(const Route& route) noexcept {
    if (route.group == nullptr || route.group->is_chain) {
        return {};
    }
    constexpr std::array<std::string_view, 6> kNames{"weighted", "latency", "least_inflight",
                                                     "cost",     "usage",   "order"};
    return kNames[static_cast<std::size_t>(route.group->balance)];
}

Result<Choice> choose_named(const Snapshot& snapshot, const Ask& ask) {
    Result<Route> route = route_of(snapshot, ask.model, ask);
    if (!route) {
        return std::unexpected(std::move(route.error()));
    }
    Choice choice{.route = std::move(*route), .why = {}};
    choice.why = choice.route.reason;
    if (const std::string_view strategy = strategy_of(choice.route); !strategy.empty()) {
        choice.why.append(",").append(strategy);
    }
    return choice;
}

}  // namespace

Conversation conversation_by(config::Sticky sticky, const Ask& ask) {
    switch (sticky) {
        case config::Sticky::none:
            return {};
        case config::Sticky::conversation:
            return conversation_of(ask.request, ask.session);
        case config::Sticky::key:
            return ask.key_name.empty()
                       ? Conversation()
                       : conversation_of(ask.request, ask.key_name);  // the caller is the session
    }
    return {};
}

std::string_view kept_out(const Snapshot& snapshot, const Ask& ask, std::string_view name,
                          const RoutedTarget& target) {
    const std::string_view why = kept_out(snapshot.settings().router, target);
    if (!why.empty()) {
        return why;
    }
    return is_allowed(ask, ask.model, name) || any_matches(*ask.allowed, target)
               ? std::string_view()
               : kNotForKey;
}

bool may_use(const Snapshot& snapshot, std::string_view model,
             const std::vector<std::string>* allowed, failover::Clock::time_point now) {
    using adapters::Operation;
    if (goes_automatically(snapshot, model)) {
        adapters::Request request;
        request.operation = Operation::chat;
        const Ask ask{.request = request, .model = model, .allowed = allowed, .now = now};
        return choose_automatically(snapshot, ask).has_value();
    }
    const config::RouterSettings& rules = snapshot.settings().router;
    if ((allowed == nullptr || allowed->empty()) && rules.deny.empty() && rules.allow.empty() &&
        rules.region == config::RegionRule::any) {
        return true;
    }
    for (const Operation operation :
         {Operation::chat, Operation::embeddings, Operation::completions}) {
        adapters::Request request;
        request.operation = operation;
        const Ask ask{.request = request, .model = model, .allowed = allowed, .now = now};
        if (route_of(snapshot, model, ask)) {
            return true;
        }
    }
    return false;
}

Result<Choice> choose(const Snapshot& snapshot, const Ask& ask) {
    const bool automatic = goes_automatically(snapshot, ask.model);
    Result<Choice> chosen =
        automatic ? choose_automatically(snapshot, ask) : choose_named(snapshot, ask);
    if (!chosen) {
        return chosen;
    }
    Choice& choice = *chosen;
    Route& route = choice.route;
    for (const std::string& name : ask.fallbacks) {
        Result<Route> further = route_of(snapshot, name, ask);
        if (!further && route.targets.front().provider->vendor.request.takes_fallbacks) {
            continue;  // a name of the aggregator's own, which is sent on to it
        }
        if (!further) {
            further.error().param = "models";
            return std::unexpected(std::move(further.error()));
        }
        append(*further, route);
    }
    if (!automatic && ask.sticky != nullptr && route.targets.size() > 1) {
        const Conversation conversation = conversation_for(snapshot, ask, route);
        choice.conversation = conversation.hash;
        if (conversation.continues && stay(snapshot, ask, conversation, route)) {
            choice.why.append(",sticky");
        }
    }
    return chosen;
}

std::vector<RoutedTarget> further_targets(const Snapshot& snapshot, const Ask& ask,
                                          std::span<const std::string> names) {
    Route all;
    for (const std::string& name : names) {
        if (const Result<Route> route = route_of(snapshot, name, ask)) {
            append(*route, all);
        }
    }
    return std::move(all.targets);
}

std::span<const std::string> fallback_names(const Snapshot& snapshot, const Route& route,
                                            FailureKind kind) {
    const config::FailoverSettings& settings = snapshot.settings().failover;
    const config::ModelAlias* const group = route.group;
    switch (kind) {
        case FailureKind::context_exceeded:
            return group != nullptr && !group->context_fallbacks.empty()
                       ? group->context_fallbacks
                       : settings.context_fallbacks;
        case FailureKind::content_filtered:
            return group != nullptr && !group->content_fallbacks.empty()
                       ? group->content_fallbacks
                       : settings.content_fallbacks;
        default:
            return {};
    }
}

Result<void> keep_fit(const Snapshot& snapshot, const Ask& ask, Choice& choice) {
    Result<void> fit = keep_fit(ask.request, choice.route);
    if (fit || fit.error().kind != FailureKind::context_exceeded) {
        return fit;
    }
    Route larger;
    larger.targets = further_targets(
        snapshot, ask, fallback_names(snapshot, choice.route, FailureKind::context_exceeded));
    if (larger.targets.empty() || !keep_fit(ask.request, larger)) {
        return fit;
    }
    choice.route.targets = std::move(larger.targets);
    choice.why.append(",context");
    return {};
}

Result<void> keep_priced(const Snapshot& snapshot, Route& route) {
    if (snapshot.settings().cost.unpriced != config::Unpriced::reject) {
        return {};
    }
    std::string reasons;
    std::erase_if(route.targets, [&](const RoutedTarget& target) {
        const ModelPrices& prices = target.provider->prices;
        const catalog::Model* const known = target.known();
        if (prices.is_priced(known)) {
            return false;
        }
        const std::string name =
            target.provider->endpoint.provider + "/" + std::string(target.model.substr(0, 200));
        const std::string why(prices.why_unpriced(known));
        route.left_out.push_back({.target = name, .reason = why});
        reasons.append(reasons.empty() ? "" : "; ").append(name).append(" ").append(why);
        reasons.append(" (cost.prices.").append(name).append(")");
        return true;
    });
    if (!route.targets.empty()) {
        return {};
    }
    return std::unexpected(
        Failure{.kind = FailureKind::bad_request,
                .detail = "Requests without a known price are refused here (cost.unpriced), and "
                          "no target has one: " +
                          reasons + ".",
                .param = "model"});
}

Result<Choice> choose_able(const Snapshot& snapshot, const Ask& ask) {
    Result<Choice> choice = choose(snapshot, ask);
    if (!choice) {
        return choice;
    }
    if (const Result<void> fit = keep_fit(snapshot, ask, *choice); !fit) {
        return std::unexpected(fit.error());
    }
    if (const Result<void> priced = keep_priced(snapshot, choice->route); !priced) {
        return std::unexpected(priced.error());
    }
    return choice;
}

Result<std::vector<std::string>> requested_fallbacks(const adapters::Request& request) {
    std::vector<std::string> names;
    for (const std::string_view field : {"models", "fallbacks"}) {
        const adapters::Member* const member = request.find(field);
        if (member == nullptr || request.raw(*member) == "null") {
            continue;
        }
        const auto refuse = [&] {
            return fail_param(field,
                              "'" + std::string(field) +
                                  "' must be a list of up to 16 model names, which are tried in "
                                  "order when the model before cannot answer.");
        };
        const Result<json::Document> document = json::Document::parse(request.raw(*member));
        if (!document || !document->root().is_array()) {
            return refuse();
        }
        for (const json::Value item : document->root()) {
            const json::Value name = item.is_object() ? item["model"] : item;
            if (!name.is_string() || name.string().empty() || names.size() == kMostFallbacks) {
                return refuse();
            }
            names.emplace_back(name.string());
        }
    }
    return names;
}

bool has_well_key(const Snapshot& snapshot, const Provider& provider,
                  failover::Clock::time_point now) noexcept {
    return std::any_of(provider.key_live.begin(), provider.key_live.end(),
                       [&](const failover::HealthTable::Entry* key) {
                           return key->health.is_well(now, snapshot.health_options().breaker);
                       });
}

KeyChoice choose_key(const Snapshot& snapshot, const Provider& provider, std::uint64_t random,
                     failover::Clock::time_point now) {
    if (provider.key_live.size() == 1) [[likely]] {
        return {.index = 0, .live = provider.key_live.front()};
    }
    const failover::RateLimits limits{.rpm = provider.settings.limits.rpm,
                                      .tpm = provider.settings.limits.tpm};
    const std::vector<std::uint64_t>& weights = provider.settings.key_weights;
    std::vector<Contender> contenders;
    contenders.reserve(provider.key_live.size());
    for (std::size_t i = 0; i < provider.key_live.size(); ++i) {
        contenders.push_back(
            contender_of(provider.key_live[i]->health, now, snapshot.health_options(), limits));
        contenders.back().weight = i < weights.size() ? weights[i] : 1;
    }
    Draw draw(random);
    const std::size_t best = rank(contenders, provider.settings.key_balance, draw).front();
    return {.index = best, .live = provider.key_live[best]};
}

}  // namespace tollgate::router
