#include "server/keys/spent_reader.hpp"

#include "router/keys/caller_table.hpp"

#include <algorithm>
#include <limits>

namespace tollgate::server {
namespace {

ledger::Grain grain_of(config::Period per) noexcept {
    switch (per) {
        case config::Period::hour:
            return ledger::Grain::hour;
        case config::Period::day:
        case config::Period::week:
            return ledger::Grain::day;
        case config::Period::month:
        case config::Period::total:
            break;
    }
    return ledger::Grain::month;
}

metrics::Int128 sum_of(const ledger::SpentSums& sums, const config::Scope& scope) {
    switch (scope.kind) {
        case config::ScopeKind::everything:
            return sums.everything;
        case config::ScopeKind::key: {
            std::string name = scope.name;
            if (name.ends_with(router::kRuleSuffix)) {
                name.resize(name.size() - router::kRuleSuffix.size());
            }
            return ledger::SpentSums::find(sums.keys, name);
        }
        case config::ScopeKind::team:
            return ledger::SpentSums::find(sums.teams, scope.name);
        case config::ScopeKind::tag:
            return ledger::SpentSums::find(sums.tags, scope.name);
        case config::ScopeKind::provider:
            return ledger::SpentSums::find(sums.providers, scope.name);
        case config::ScopeKind::model:
            break;
    }
    return ledger::SpentSums::find(sums.models, scope.name);
}

}  // namespace

void SpentReader::use(std::string path, std::string journal) {
    path_ = std::move(path);
    journal_ = std::move(journal);
}

router::Pico SpentReader::find(const config::Scope& scope, config::Period per,
                               const router::Window& window) {
    if (path_.empty()) {
        return 0;
    }
    auto known = known_.find(per);
    if (known == known_.end()) {
        auto sums = ledger::read_spent(path_, journal_, grain_of(per),
                                       window.begin.time_since_epoch().count(),
                                       window.end.time_since_epoch().count());
        if (!sums) {
            logger_.log(metrics::Level::error, "cannot read what budgets have spent",
                        {{"per", router::to_string(per)}, {"problem", sums.error().text}});
        }
        known = known_.emplace(per, sums ? std::move(*sums) : ledger::SpentSums()).first;
    }
    constexpr metrics::Int128 kMost = std::numeric_limits<router::Pico>::max() / 2;
    return static_cast<router::Pico>(
        std::clamp<metrics::Int128>(sum_of(known->second, scope), 0, kMost));
}

}  // namespace tollgate::server
