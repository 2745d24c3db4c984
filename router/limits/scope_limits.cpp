#include "router/limits/scope_limits.hpp"

namespace tollgate::router {

LocalLimits::LocalLimits(std::function<WallTime()> now, Spent spent)
    : now_(std::move(now)), spent_(std::move(spent)) {}

std::shared_ptr<Rates> LocalLimits::rates(const config::Scope& scope,
                                          const config::KeyLimits& limits) {
    if (limits == config::KeyLimits()) {
        return nullptr;
    }
    const std::lock_guard lock(mutex_);
    std::weak_ptr<Rates>& known = rates_[scope];
    std::shared_ptr<Rates> rates = known.lock();
    if (!rates) {
        rates = std::make_shared<Rates>();
        known = rates;
    }
    rates->requests.set_limit(limits.rpm);
    rates->tokens.set_limit(limits.tpm);
    rates->concurrency.set_limit(limits.concurrency);
    return rates;
}

std::shared_ptr<Budget> LocalLimits::budget(const config::Scope& scope,
                                            const config::KeyBudget& budget) {
    constexpr Pico kPicoPerMicro = 1'000'000;
    const Pico limit = budget.usd.micros * kPicoPerMicro;
    {
        const std::lock_guard lock(mutex_);
        if (std::shared_ptr<Budget> same = budgets_[{scope, budget.per}].lock()) {
            same->set_limit(limit);
            return same;
        }
    }
    const WallTime now = now_();
    auto fresh = std::make_shared<Budget>(budget.per, limit, now);
    // Not under the lock: it may take long, and a scrape would wait for it.
    if (const Pico spent = spent_ ? spent_(scope, budget.per, window_at(budget.per, now)) : 0;
        spent != 0) {
        fresh->restore(spent, now, thresholds_);
    }
    const std::lock_guard lock(mutex_);
    budgets_[{scope, budget.per}] = fresh;
    return fresh;
}

void LocalLimits::for_each(const std::function<void(const config::Scope&, const Budget&)>& visit) {
    const std::lock_guard lock(mutex_);
    std::erase_if(rates_, [](const auto& item) { return item.second.expired(); });
    for (auto item = budgets_.begin(); item != budgets_.end();) {
        if (const std::shared_ptr<Budget> budget = item->second.lock()) {
            visit(item->first.first, *budget);
            ++item;
        } else {
            item = budgets_.erase(item);
        }
    }
}

}  // namespace tollgate::router
