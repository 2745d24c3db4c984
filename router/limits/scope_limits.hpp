// What is counted for one scope: a key, a team, a tag, a provider, a model, or everything.
#pragma once

#include "config/settings.hpp"
#include "router/limits/budget.hpp"
#include "router/limits/rate.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tollgate::router {

struct Rates {
    Rate requests;
    Rate tokens;
    Concurrency concurrency;
    std::atomic<std::uint32_t> waiting{0};  ///< requests in the queue for any of the three
};

/// Immutable; the counters behind it are shared with those that a reload makes for the same scope.
struct ScopeLimits {
    config::Scope scope;
    std::shared_ptr<Rates> rates;  ///< null: none
    std::vector<std::shared_ptr<Budget>> budgets;
};

/// Where limits are counted.  Requests touch only Rate, Concurrency and Budget, which are atomics
/// of this process, and whose limit is the slice that the store has leased to it.  A store for many
/// instances leases parts of a limit, moves them by set_limit() from a thread of its own, and
/// settles by what state() says was used; the local one leases the whole.
class LimitStore {
public:
    virtual ~LimitStore() = default;
    /// Null where nothing is limited.
    [[nodiscard]] virtual std::shared_ptr<Rates> rates(const config::Scope& scope,
                                                       const config::KeyLimits& limits) = 0;
    [[nodiscard]] virtual std::shared_ptr<Budget> budget(const config::Scope& scope,
                                                         const config::KeyBudget& budget) = 0;
};

class LocalLimits final : public LimitStore {
public:
    /// What was spent in the period of now before this process began, for a budget met for the
    /// first time.
    using Spent =
        std::function<Pico(const config::Scope& scope, config::Period per, const Window& window)>;

    LocalLimits(std::function<WallTime()> now, Spent spent);

    // From any one thread at a time.
    [[nodiscard]] std::shared_ptr<Rates> rates(const config::Scope& scope,
                                               const config::KeyLimits& limits) override;
    [[nodiscard]] std::shared_ptr<Budget> budget(const config::Scope& scope,
                                                 const config::KeyBudget& budget) override;
    /// What an alert passes without being told.
    void set_thresholds(std::vector<unsigned> thresholds) { thresholds_ = std::move(thresholds); }
    /// Every budget that is in use.
    void for_each(const std::function<void(const config::Scope&, const Budget&)>& visit);

private:
    using BudgetId = std::pair<config::Scope, config::Period>;

    std::function<WallTime()> now_;
    Spent spent_;
    std::vector<unsigned> thresholds_;
    std::mutex mutex_;  // of the maps; no request comes here
    std::map<config::Scope, std::weak_ptr<Rates>> rates_;
    std::map<BudgetId, std::weak_ptr<Budget>> budgets_;
};

}  // namespace tollgate::router
