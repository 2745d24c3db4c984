// What is counted for one scope: a key, a team, a tag, a provider, a model, or everything.
#pragma once

#include "config/settings.hpp"
#include "router/limits/budget.hpp"
#include "router/limits/rate.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
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
    std::uint32_t owner = 0;                ///< LocalLimits'
};

/// Of one scope: nearly always none or one, and there may be tens of thousands of such lists.
class BudgetList {
public:
    void push_back(std::shared_ptr<Budget> budget) {
        if (!one_ && !many_) {
            one_ = std::move(budget);
            return;
        }
        if (!many_) {
            many_ = std::make_unique<std::vector<std::shared_ptr<Budget>>>();
            many_->push_back(std::move(one_));
        }
        many_->push_back(std::move(budget));
    }
    [[nodiscard]] const std::shared_ptr<Budget>* begin() const noexcept {
        return many_ ? many_->data() : &one_;
    }
    [[nodiscard]] const std::shared_ptr<Budget>* end() const noexcept {
        return many_ ? many_->data() + many_->size() : &one_ + (one_ ? 1 : 0);
    }
    [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
    [[nodiscard]] const std::shared_ptr<Budget>& front() const noexcept { return *begin(); }

private:
    std::shared_ptr<Budget> one_;  // null where there are several
    std::unique_ptr<std::vector<std::shared_ptr<Budget>>> many_;
};

/// Immutable; the counters behind it are shared with those that a reload makes for the same scope.
struct ScopeLimits {
    config::Scope scope;
    std::shared_ptr<Rates> rates;  ///< null: none
    BudgetList budgets;
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
    /// Forgets counters that nobody has any more.
    void sweep();

private:
    /// 96 bits of hash stand for a scope, which may be one of tens of thousands: its name is kept
    /// once, by who has the limit.
    struct Owner {
        std::uint64_t hash;
        std::uint32_t check;  // is in what is found
    };
    /// The counters of a scope: its rates, and one budget.
    struct Slot {
        std::uint64_t hash = 0;
        std::weak_ptr<Rates> rates;
        std::weak_ptr<Budget> budget;
        [[nodiscard]] bool is_free() const noexcept { return rates.expired() && budget.expired(); }
    };
    [[nodiscard]] static Owner owner_of(const config::Scope& scope) noexcept;
    [[nodiscard]] static Owner owner_of(const config::Scope& scope, config::Period per) noexcept;
    [[nodiscard]] std::shared_ptr<Budget> known(const config::Scope& scope,
                                                config::Period per) const;
    void remember(const config::Scope& scope, const std::shared_ptr<Budget>& budget);
    [[nodiscard]] const Slot* find(const Owner& owner) const noexcept;
    [[nodiscard]] Slot& place(const Owner& owner);
    void resize();

    std::function<WallTime()> now_;
    Spent spent_;
    std::vector<unsigned> thresholds_;
    mutable std::mutex mutex_;  // of what follows; no request comes here
    std::vector<Slot> slots_;   // open addressing, a power of two, at most seven eighths full
    std::size_t used_ = 0;      // hash is not 0
};

}  // namespace tollgate::router
