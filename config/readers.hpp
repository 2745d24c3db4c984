// The readers of the top-level sections.  Each asks for its keys in the order of
// docs/configuration.md.
#pragma once

#include "config/scalar.hpp"
#include "config/section.hpp"
#include "config/settings.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace tollgate::config {

inline constexpr std::array<std::pair<std::string_view, Sticky>, 3> kStickies{
    {{"none", Sticky::none}, {"conversation", Sticky::conversation}, {"key", Sticky::key}}};
inline constexpr milliseconds kShortest{1};
inline constexpr milliseconds kLongest = std::chrono::hours(24);

void read_server(Section& in, ServerSettings& out);
void read_providers(Section& in, Settings& out);
/// One of the words for a way to choose among several; false where none is given.
bool read_balance(Section& in, std::string_view key, Balance& out);
/// "provider/model" or an alias.
[[nodiscard]] scalar::Parsed<std::string> target_name(std::string_view text);
/// One alias of `models`: a name, a list, or a mapping with chain or targets.
void read_alias(Context& context, const Section::Named& entry, std::vector<ModelAlias>& out);
void read_router(Section& in, RouterSettings& out);
void read_failover(Section& in, FailoverSettings& out);
void read_key(Section& in, std::vector<KeySettings>& out);
void read_limits(Section& in, LimitsSettings& out);
/// One item of `budgets`.
void read_budget(Section& in, std::vector<BudgetRule>& out);
void read_alerts(Section& in, AlertSettings& out);
void read_admin(Section& in, AdminSettings& out);
void read_cost(Section& in, CostSettings& out);
/// `price` of a provider.
void read_provider_price(Section& in, ProviderPrice& out);
void read_metrics(Section& in, MetricsSettings& out);
void read_logging(Section& in, LoggingSettings& out);
void read_ledger(Section& in, LedgerSettings& out);

}  // namespace tollgate::config
