// Budgets and limits in words, for callers and operators.
#pragma once

#include "config/settings.hpp"
#include "router/limits/budget.hpp"

#include <string>
#include <string_view>

namespace tollgate::server {

/// "the team 'search'", "the whole gateway".
[[nodiscard]] std::string whose(const config::Scope& scope);
/// "key", "team", "everything".
[[nodiscard]] std::string_view to_string(config::ScopeKind kind) noexcept;
/// "$12.5": exact.
[[nodiscard]] std::string usd_text(router::Pico amount);
/// "2026-12-01T00:00:00Z".
[[nodiscard]] std::string time_text(router::WallTime when);

/// What webhooks are sent: JSON with a `text` as Slack wants it, and the same in fields.
[[nodiscard]] std::string alert_body(const config::Scope& scope, config::Period per,
                                     const router::Budget::State& state, unsigned threshold);

}  // namespace tollgate::server
