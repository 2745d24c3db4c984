#include "server/keys/directory.hpp"

#include "server/alerts/budget_text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <unordered_set>

namespace tollgate::server {

namespace {

constexpr std::size_t kMostBudgets = 1024;  // with series of their own

}  // namespace

using router::CallerTablePtr;
using router::KeyPtr;

// Numbers are given for the life of the process, so that counters keep their names.
std::uint16_t KeyDirectory::label(const config::KeySettings& key) {
    const std::lock_guard lock(mutex_);
    const auto known = labels_.find({key.name, key.team});
    if (known != labels_.end()) {
        return known->second;
    }
    const std::size_t next = metrics::kFirstKey + labels_.size();
    if (next >= metrics::kMaxKeys) {
        return metrics::kOtherKey;
    }
    labels_.emplace(std::pair(key.name, key.team), static_cast<std::uint16_t>(next));
    return static_cast<std::uint16_t>(next);
}

KeyPtr KeyDirectory::make(const router::KeySpec& spec) {
    return router::Key::make(spec, label(spec.settings), limits_, &profiles_);
}

CallerTablePtr KeyDirectory::configure(const config::Settings& settings) {
    limits_.set_thresholds(settings.alerts.thresholds);
    const std::span<const KeyPtr> made = made_keys();
    std::vector<KeyPtr> all;
    all.reserve(settings.keys.size() + made.size());
    for (const config::KeySettings& key : settings.keys) {
        all.push_back(make({.settings = key}));
    }
    configured_ = all.size();
    all.insert(all.end(), made.begin(), made.end());
    rules_ = router::RuleSet::make(settings, limits_);
    requires_key_ = !settings.keys.empty() || settings.server.require_keys;
    return publish(std::move(all));
}

std::span<const KeyPtr> KeyDirectory::configured_keys() const {
    return table_ ? std::span(table_->keys()).first(configured_) : std::span<const KeyPtr>();
}

std::span<const KeyPtr> KeyDirectory::made_keys() const {
    return table_ ? std::span(table_->keys()).subspan(configured_) : std::span<const KeyPtr>();
}

CallerTablePtr KeyDirectory::replace(std::vector<KeyPtr> made) {
    const std::span<const KeyPtr> configured = configured_keys();
    made.insert(made.begin(), configured.begin(), configured.end());
    has_made_ = true;
    return publish(std::move(made));
}

CallerTablePtr KeyDirectory::change(const router::KeySpec& made) {
    KeyPtr key = make(made);
    std::vector<KeyPtr> all = table_ ? table_->keys() : std::vector<KeyPtr>();
    const auto same = std::ranges::find(
        all.begin() + static_cast<std::ptrdiff_t>(configured_), all.end(), made.settings.name,
        [](const KeyPtr& one) -> const auto& { return one->name(); });
    if (same != all.end()) {
        *same = std::move(key);
    } else {
        all.push_back(std::move(key));
    }
    has_made_ = true;
    return publish(std::move(all));
}

CallerTablePtr KeyDirectory::remove(std::string_view name) {
    std::vector<KeyPtr> all = table_ ? table_->keys() : std::vector<KeyPtr>();
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(configured_);
    all.erase(
        std::remove_if(first, all.end(), [&](const KeyPtr& key) { return key->name() == name; }),
        all.end());
    return publish(std::move(all));
}

// The configuration's keys come first: where two have one hash, they count.
CallerTablePtr KeyDirectory::publish(std::vector<KeyPtr> all) {
    profiles_.sweep();
    limits_.sweep();
    all.shrink_to_fit();
    auto table = std::make_shared<const router::CallerTable>(std::move(all), rules_,
                                                             requires_key_ || has_made_);
    const std::lock_guard lock(mutex_);
    table_ = table;
    return table;
}

CallerTablePtr KeyDirectory::table() const {
    const std::lock_guard lock(mutex_);
    return table_;
}

metrics::LimitFigures KeyDirectory::figures(const router::LimitRejections& rejections) {
    constexpr std::array<std::string_view, router::kLimitKinds> kLimits{"requests", "tokens",
                                                                        "concurrency", "budget"};
    constexpr double kPicoPerUsd = 1e12;
    metrics::LimitFigures figures;
    metrics::name_fixed_keys(figures.keys);
    {
        const std::lock_guard lock(mutex_);
        figures.keys.resize(figures.keys.size() + labels_.size());
        for (const auto& [key, label] : labels_) {
            figures.keys[label] = {.key = key.first, .team = key.second};
        }
    }
    std::map<std::pair<std::string_view, std::size_t>, std::uint64_t> seen;
    for (std::size_t label = 0; label < figures.keys.size(); ++label) {
        for (std::size_t kind = 0; kind < kLimits.size(); ++kind) {
            if (const std::uint64_t count = rejections.read(label, kind); count != 0) {
                seen[{figures.keys[label].key, kind}] += count;
            }
        }
    }
    for (const auto& [what, count] : seen) {
        figures.rejections.push_back(
            {.key = std::string(what.first), .limit = kLimits[what.second], .count = count});
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    metrics::LimitFigures::BudgetFigures rest{.scope = "other", .name = "other", .per = "other"};
    std::size_t beyond = 0;
    std::unordered_set<const router::Budget*> counted;  // two keys of a name share theirs
    const auto add = [&](const config::Scope& scope, const router::Budget& budget) {
        if (!counted.insert(&budget).second) {
            return;
        }
        const router::Budget::State state = budget.state(now);
        const bool fits = figures.budgets.size() < kMostBudgets;
        metrics::LimitFigures::BudgetFigures one{.scope = to_string(scope.kind),
                                                 .name = scope.name,
                                                 .per = router::to_string(budget.per())};
        metrics::LimitFigures::BudgetFigures& row = fits ? one : rest;
        row.limit += static_cast<double>(state.limit) / kPicoPerUsd;
        row.spent += static_cast<double>(state.spent) / kPicoPerUsd;
        row.reserved += static_cast<double>(state.reserved) / kPicoPerUsd;
        if (fits) {
            figures.budgets.push_back(std::move(one));
        } else {
            ++beyond;
        }
    };
    const auto add_all = [&](const router::ScopeLimits& limits) {
        for (const std::shared_ptr<router::Budget>& budget : limits.budgets) {
            add(limits.scope, *budget);
        }
    };
    if (const CallerTablePtr callers = table()) {
        for (const auto& limits : callers->rules().all()) {
            add_all(*limits);
        }
        for (const KeyPtr& key : callers->keys()) {
            add_all(key->limits);
        }
    }
    if (beyond != 0) {
        figures.budgets.push_back(std::move(rest));
    }
    return figures;
}

}  // namespace tollgate::server
