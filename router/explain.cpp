#include "router/explain.hpp"

#include "metrics/money.hpp"
#include "router/auto/choose_automatically.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace tollgate::router {
namespace {

std::string name_of(const RoutedTarget& target) {
    return target.provider == nullptr
               ? std::string()
               : target.provider->endpoint.provider + "/" + std::string(target.model);
}

ExplainedTarget explained(const AutoCandidate& candidate) {
    return {.name = std::string(candidate.name),
            .target = candidate.planned.target,
            .known = candidate.planned.known,
            .quality = candidate.quality,
            .score = candidate.left_out.empty() ? std::optional(candidate.score) : std::nullopt,
            .cost = candidate.cost,
            .input = candidate.planned.input_price,
            .output = candidate.planned.output_price,
            .left_out = candidate.left_out};
}

ExplainedTarget explained(const RoutedTarget& target, const adapters::Request& request,
                          std::uint64_t tokens) {
    const PlannedTarget planned = planned_target(target);
    return {.name = name_of(target),
            .target = target,
            .known = planned.known,
            .cost = estimate_cost(planned, request, tokens, 0),
            .input = planned.input_price,
            .output = planned.output_price};
}

/// What is known about a target's health at `now`, in a word.
std::string_view health_of(const Snapshot& snapshot, const RoutedTarget& target,
                           failover::Clock::time_point now) {
    if (!target.provider->usable) {
        return "unusable";
    }
    if (target.provider->reach != nullptr && target.provider->reach->health.is_resting(now)) {
        return "unreachable";
    }
    const failover::Health& health = target.record->live->health;
    switch (health.rest(now)) {
        case failover::Rest::limited:
            return "cooling down";
        case failover::Rest::refused:
            return "quarantined";
        case failover::Rest::unreachable:
            return "unreachable";
        case failover::Rest::none:
            break;
    }
    if (!health.breaker.would_admit(now, snapshot.health_options().breaker)) {
        return "breaker open";
    }
    return snapshot.is_well(target, now) ? "well" : "no key usable";
}

std::string per_million(std::int64_t pico_per_token) {
    return metrics::to_decimal(metrics::Int128(pico_per_token) * 1'000'000);
}

std::string rounded(double value) {
    std::array<char, 32> space;
    const int size = std::snprintf(space.data(), space.size(), "%.2f", value);
    return {space.data(), static_cast<std::size_t>(std::max(size, 0))};
}

std::optional<std::int64_t> first_token_ms(const RoutedTarget& target,
                                           failover::Clock::time_point now) {
    const auto wait = target.record->live->health.first_token.read(now);
    return wait > failover::Clock::duration::zero()
               ? std::optional(std::int64_t(
                     std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()))
               : std::nullopt;
}

void write_target(const Snapshot& snapshot, const ExplainedTarget& one,
                  failover::Clock::time_point now, json::Writer& writer) {
    writer.begin_object().member("name", one.name);
    if (!one.left_out.empty()) {
        writer.member("reason", one.left_out);
    }
    if (one.target.provider == nullptr) {
        writer.end_object();
        return;
    }
    writer.member("target", name_of(one.target));
    const auto number = [&](std::string_view key, const std::optional<double>& value) {
        if (value && std::isfinite(*value)) {
            writer.member_raw(key, rounded(*value));
        }
    };
    number("quality", one.quality);
    number("score", one.score);
    if (one.cost) {
        writer.member("estimated_cost_usd", metrics::to_decimal(*one.cost));
    }
    if (one.input && one.output) {
        writer.key("price_per_million_usd").begin_object();
        writer.member("input", per_million(*one.input));
        writer.member("output", per_million(*one.output)).end_object();
    }
    const failover::Health& health = one.target.record->live->health;
    writer.key("health").begin_object().member("state", health_of(snapshot, one.target, now));
    writer.member_count("in_flight", health.in_flight());
    if (const std::optional<std::int64_t> wait = first_token_ms(one.target, now)) {
        writer.key("first_token_ms").integer(*wait);
    }
    writer.end_object();
    writer.key("limits").begin_object();
    const auto limit = [&](std::string_view key, std::uint64_t value) {
        if (value != 0) {
            writer.member_count(key, value);
        }
    };
    limit("context", one.known == nullptr ? 0 : one.known->context);
    limit("max_output", one.known == nullptr ? 0 : one.known->max_output);
    limit("rpm", one.target.provider->settings.limits.rpm);
    limit("tpm", one.target.provider->settings.limits.tpm);
    writer.end_object().end_object();
}

/// Columns as wide as their widest cell.
std::string table(const std::vector<std::array<std::string, 8>>& rows) {
    const auto width = [](std::string_view text) {
        return static_cast<std::size_t>(
            std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
    };
    std::array<std::size_t, 8> widths{};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line.append(row[i]).append(widths[i] - width(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out.append(line).append("\n");
    }
    return out;
}

std::array<std::string, 8> row_of(const Snapshot& snapshot, const ExplainedTarget& one,
                                  bool is_winner, failover::Clock::time_point now) {
    const auto wait = first_token_ms(one.target, now);
    return {
        (is_winner ? "★ " : "  ") + one.name,
        name_of(one.target) == one.name ? "" : name_of(one.target),
        one.quality ? std::to_string(std::lround(*one.quality)) : "",
        one.input && one.output ? per_million(*one.input) + " / " + per_million(*one.output)
                                : "unknown",
        one.cost ? metrics::to_decimal(*one.cost) : "",
        wait ? std::to_string(*wait) + " ms" : "unmeasured",
        std::string(health_of(snapshot, one.target, now)),
        one.known != nullptr && one.known->context != 0 ? std::to_string(one.known->context) : ""};
}

}  // namespace

Explanation explain(const Snapshot& snapshot, const Ask& asked) {
    Decision decision;
    Ask ask = asked;
    ask.decision = &decision;
    Explanation out{.model = std::string(ask.model),
                    .found = {},
                    .tokens = 0,
                    .choice = choose_able(snapshot, ask)};
    const bool automatic = goes_automatically(snapshot, ask.model);
    if (automatic && decision.classified) {
        out.found = decision.found;
        out.tokens = decision.tokens;
    } else {
        const PromptOutline outline = outline_prompt(ask.request);
        out.tokens = estimate_tokens(outline);
        out.found = classify(outline, out.tokens,
                             {.long_context = snapshot.settings().router.automatic.long_context});
    }
    if (automatic) {
        constexpr std::array<std::string_view, 4> kPolicies{"balanced", "cheap", "fast", "best"};
        out.policy = kPolicies[static_cast<std::size_t>(decision.policy)];
        out.decided_by = to_string(decision.by);
        out.rule = decision.rule;
        for (const AutoCandidate& candidate : decision.ranked) {
            out.candidates.push_back(explained(candidate));
        }
        for (const AutoCandidate& candidate : decision.left_out) {
            out.left_out.push_back(explained(candidate));
        }
    } else if (out.choice) {
        for (const RoutedTarget& target : out.choice->route.targets) {
            out.candidates.push_back(explained(target, ask.request, out.tokens));
        }
    }
    if (out.choice) {
        for (const LeftOut& one : out.choice->route.left_out) {
            out.left_out.push_back({.name = one.target, .target = {}, .left_out = one.reason});
        }
    }
    return out;
}

std::string to_json(const Snapshot& snapshot, const Explanation& explanation,
                    failover::Clock::time_point now, std::string_view id) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    if (!id.empty()) {
        writer.member_raw("id", id);
    }
    const Classification& found = explanation.found;
    writer.member("model", explanation.model).member("task", to_string(found.task));
    writer.member("difficulty", to_string(found.difficulty));
    writer.member("language", to_string(found.language));
    writer.member_raw("confidence", rounded(double{found.confidence}));
    writer.member_count("tokens", explanation.tokens);
    if (!explanation.policy.empty()) {
        writer.member("policy", explanation.policy).member("decided_by", explanation.decided_by);
        if (explanation.decided_by == "rule") {
            writer.member_count("rule", explanation.rule);
        }
    }
    if (explanation.choice) {
        const Route& route = explanation.choice->route;
        writer.member("winner", name_of(route.targets.front()));
        writer.member("route", explanation.choice->why);
        writer.key("tries").begin_array();
        for (const RoutedTarget& target : route.targets) {
            writer.string(name_of(target));
        }
        writer.end_array();
    } else {
        writer.key("winner").null();
        writer.member("error", explanation.choice.error().detail);
    }
    const auto list = [&](std::string_view key, const std::vector<ExplainedTarget>& targets) {
        writer.key(key).begin_array();
        for (const ExplainedTarget& one : targets) {
            write_target(snapshot, one, now, writer);
        }
        writer.end_array();
    };
    list("candidates", explanation.candidates);
    list("left_out", explanation.left_out);
    writer.end_object();
    return out;
}

std::string to_text(const Snapshot& snapshot, const Explanation& explanation,
                    failover::Clock::time_point now) {
    const Classification& found = explanation.found;
    std::string out = "task " + std::string(to_string(found.task)) + " (" +
                      std::to_string(std::lround(found.confidence * 100)) + " %), difficulty " +
                      std::string(to_string(found.difficulty)) + ", language " +
                      std::string(to_string(found.language)) + ", about " +
                      std::to_string(explanation.tokens) + " tokens\n";
    std::string winner;
    if (explanation.choice) {
        winner = name_of(explanation.choice->route.targets.front());
        out += "winner " + winner + ": " + explanation.choice->why + "\n";
    } else {
        out += "no winner: " + explanation.choice.error().detail + "\n";
    }
    if (!explanation.candidates.empty()) {
        std::vector<std::array<std::string, 8>> rows{{"  candidate", "target", "quality",
                                                      "price per 1M (in / out)", "estimate in USD",
                                                      "first token", "health", "context"}};
        bool is_marked = false;
        for (const ExplainedTarget& one : explanation.candidates) {
            const bool wins = !is_marked && name_of(one.target) == winner;
            is_marked = is_marked || wins;
            rows.push_back(row_of(snapshot, one, wins, now));
        }
        out += "\n" + table(rows);
    }
    if (!explanation.left_out.empty()) {
        out += "\nleft out\n";
        for (const ExplainedTarget& one : explanation.left_out) {
            out += "  " + one.name + ": " + one.left_out + "\n";
        }
    }
    return out;
}

}  // namespace tollgate::router
