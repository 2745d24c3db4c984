#include "router/auto/choose_automatically.hpp"

#include "router/capabilities.hpp"

#include <algorithm>

namespace tollgate::router {
namespace {

using failover::Health;

/// More are never tried: an attempt plan ends before that.
constexpr std::size_t kMostTargets = 8;

/// By how much another target must be better before a conversation leaves the one it has: 16 points
/// of quality with the weights of `balanced`, or a sixteenth of the price.
constexpr double kWorthMoving = 8;

/// The target that the conversation had, and how it is called.
struct Held {
    Conversation conversation;
    std::uint16_t id = 0;  ///< of the health table; 0: none
};

Held held_by(const Snapshot& snapshot, const Ask& ask) {
    Held held;
    if (ask.sticky == nullptr) {
        return held;
    }
    held.conversation = conversation_by(snapshot.settings().router.automatic.sticky, ask);
    if (held.conversation.continues) {
        held.id = ask.sticky->recall(held.conversation.hash, ask.now);
    }
    return held;
}

bool is_held(const RoutedTarget& target, const Held& held) noexcept {
    return held.id != 0 && target.record->live->id == held.id;
}

TargetFacts facts_of(const Snapshot& snapshot, const Ask& ask, const Held& held,
                     std::string_view name, const PlannedTarget& planned) {
    const RoutedTarget& target = planned.target;
    TargetFacts facts;
    if (const std::string_view why = kept_out(snapshot, ask, name, target); !why.empty()) {
        facts.left_out = why;
        return facts;
    }
    if (std::optional<Unfit> lacks = unfit(ask.request, planned.known, target.provider->vendor)) {
        facts.left_out = std::move(lacks->reason);
        return facts;
    }
    const ModelPrices& prices = target.provider->prices;
    if (snapshot.settings().cost.unpriced == config::Unpriced::reject &&
        !prices.is_priced(planned.known)) {
        facts.left_out = prices.why_unpriced(planned.known);
        return facts;
    }
    facts.is_well = snapshot.is_well(target, ask.now);
    const failover::Clock::duration wait = target.record->live->health.first_token.read(ask.now);
    if (wait > failover::Clock::duration::zero()) {
        facts.first_token = wait;
    }
    if (is_held(target, held)) {
        facts.cached_tokens = ask.request.body.size() / 4;  // all of it but the last message
    }
    return facts;
}

void append_all(const Snapshot& snapshot, const Ask& ask, const AutoCandidate& candidate,
                Route& route) {
    const auto planned = snapshot.auto_plan().names.find(candidate.name);
    if (ask.request.operation == adapters::Operation::chat && !planned->second.is_alias) {
        append_new(candidate.planned.target, route.targets);
        return;
    }
    // An alias has an order of its own.
    const Result<Route> behind =
        snapshot.route(candidate.name, ask.request.operation, ask.random, ask.now);
    if (!behind) {
        return;
    }
    for (const RoutedTarget& target : behind->targets) {
        if (kept_out(snapshot, ask, candidate.name, target).empty()) {
            append_new(target, route.targets);
        }
    }
}

/// Puts the target that the conversation had to the front, where nothing speaks against it.
bool stay(const Snapshot& snapshot, const Ask& ask, const Held& held, const Decision& decision,
          Route& route) {
    const auto place = std::ranges::find_if(
        route.targets, [&](const RoutedTarget& target) { return is_held(target, held); });
    if (place == route.targets.end() || !snapshot.is_well(*place, ask.now)) {
        return false;
    }
    const auto known = std::ranges::find_if(decision.ranked, [&](const AutoCandidate& candidate) {
        return is_same_place(candidate.planned.target, *place);
    });
    // A target deeper within an alias goes where the alias goes.
    if (known != decision.ranked.end()) {
        const auto index = static_cast<std::size_t>(known - decision.ranked.begin());
        const bool is_outranked = decision.chosen > 0
                                      ? index >= decision.chosen
                                      : known->score + kWorthMoving < decision.ranked.front().score;
        if (is_outranked) {
            return false;
        }
    }
    std::rotate(route.targets.begin(), place, place + 1);
    return true;
}

std::string why_of(const Decision& decision) {
    constexpr std::array<std::string_view, 4> kPolicies{"balanced", "cheap", "fast", "best"};
    std::string why = "auto,";
    if (decision.by == DecidedBy::rule) {
        why += "rule=" + std::to_string(decision.rule);
    } else if (decision.by == DecidedBy::task) {
        why += "tasks";
    } else {
        why += kPolicies[static_cast<std::size_t>(decision.policy)];
    }
    if (decision.classified) {
        why.append(",task=").append(to_string(decision.found.task));
        why.append(",difficulty=").append(to_string(decision.found.difficulty));
        why.append(",language=").append(to_string(decision.found.language));
    }
    return why;
}

Result<Choice> choice_of(const Snapshot& snapshot, const Ask& ask, const Held& held,
                         const Decision& decision) {
    if (decision.ranked.empty()) {
        return std::unexpected(nothing_left(ask.model, decision));
    }
    Choice choice{.route = {}, .why = why_of(decision)};
    choice.route.reason = "auto";
    for (const AutoCandidate& candidate : decision.ranked) {
        if (choice.route.targets.size() < kMostTargets) {
            append_all(snapshot, ask, candidate, choice.route);
        }
    }
    if (choice.route.targets.empty()) {
        return std::unexpected(Failure{.kind = FailureKind::unknown_model,
                                       .detail = "No model that '" + std::string(ask.model) +
                                                 "' may choose offers this operation.",
                                       .param = "model"});
    }
    choice.conversation = held.conversation.hash;
    if (stay(snapshot, ask, held, decision, choice.route)) {
        choice.why += ",sticky";
    }
    return choice;
}

}  // namespace

bool goes_automatically(const Snapshot& snapshot, std::string_view model) noexcept {
    return is_auto(model) && snapshot.provider("auto") == nullptr &&
           std::ranges::find(snapshot.settings().models, model, &config::ModelAlias::name) ==
               snapshot.settings().models.end();
}

Result<Choice> choose_automatically(const Snapshot& snapshot, const Ask& ask) {
    const Held held = held_by(snapshot, ask);
    const auto facts = [&](std::string_view name, const PlannedTarget& planned) {
        return facts_of(snapshot, ask, held, name, planned);
    };
    Result<Decision> decision = decide({.request = ask.request,
                                        .model = ask.model,
                                        .key = ask.key_name,
                                        .tags = ask.tags,
                                        .header = ask.header},
                                       snapshot, facts);
    if (!decision) {
        return std::unexpected(std::move(decision.error()));
    }
    Result<Choice> choice = choice_of(snapshot, ask, held, *decision);
    if (ask.decision != nullptr) {
        *ask.decision = std::move(*decision);
    }
    return choice;
}

}  // namespace tollgate::router
