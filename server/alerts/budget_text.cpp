#include "server/alerts/budget_text.hpp"

#include "adapters/codec/json.hpp"
#include "metrics/money.hpp"

#include <array>
#include <ctime>

namespace tollgate::server {

std::string whose(const config::Scope& scope) {
    return scope.kind == config::ScopeKind::everything
               ? std::string("the whole gateway")
               : "the " + std::string(to_string(scope.kind)) + " '" + scope.name + "'";
}

std::string_view to_string(config::ScopeKind kind) noexcept {
    constexpr std::array<std::string_view, 6> kNames{"everything", "key",      "team",
                                                     "tag",        "provider", "model"};
    return kNames[static_cast<std::size_t>(kind)];
}

std::string usd_text(router::Pico amount) {
    return "$" + metrics::to_decimal(amount);
}

std::string time_text(router::WallTime when) {
    const std::time_t seconds = when.time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 40> text;
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string alert_body(const config::Scope& scope, config::Period per,
                       const router::Budget::State& state, unsigned threshold) {
    const std::string period(router::to_string(per));
    const bool renews = state.window.end != router::WallTime::max();
    std::string text = "The budget of " + whose(scope) + " has reached " +
                       std::to_string(threshold) + " %: " + usd_text(state.spent) + " of " +
                       usd_text(state.limit) +
                       (renews ? " per " + period : std::string(" in total")) + " is spent.";
    if (renews) {
        text += " It renews at " + time_text(state.window.end) + ".";
    }
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("text", text).member("event", "budget_threshold");
    writer.member("scope", to_string(scope.kind)).member("name", scope.name);
    writer.member("per", period).member_count("threshold_percent", threshold);
    writer.member("limit_usd", metrics::to_decimal(state.limit));
    writer.member("spent_usd", metrics::to_decimal(state.spent)).key("renews_at");
    if (renews) {
        writer.string(time_text(state.window.end));
    } else {
        writer.null();
    }
    writer.end_object();
    return body;
}

}  // namespace tollgate::server
