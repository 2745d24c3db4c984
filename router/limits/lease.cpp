#include "router/limits/lease.hpp"

namespace tollgate::router {

std::optional<Refusal> Lease::take_rates(const ScopeLimits& scope, SteadyTime now) {
    Rates& rates = *scope.rates;
    if (!rates.concurrency.enter()) {
        return Refusal{.scope = &scope, .kind = LimitKind::concurrency};
    }
    if (const auto wait = rates.requests.take(1, now); wait.count() != 0) {
        rates.concurrency.leave();
        return Refusal{.scope = &scope, .kind = LimitKind::requests, .wait = wait};
    }
    if (const auto wait = rates.tokens.take(amounts_.tokens, now); wait.count() != 0) {
        rates.requests.settle(1, 0);
        rates.concurrency.leave();
        return Refusal{.scope = &scope, .kind = LimitKind::tokens, .wait = wait};
    }
    rates_.push_back(&rates);
    return std::nullopt;
}

std::optional<Refusal> Lease::take_budgets(const ScopeLimits& scope, WallTime wall) {
    for (const std::shared_ptr<Budget>& budget : scope.budgets) {
        if (!budget->reserve(amounts_.worst, wall)) {
            return Refusal{.scope = &scope, .kind = LimitKind::budget, .budget = budget.get()};
        }
        budgets_.push_back({.scope = &scope, .budget = budget.get()});
    }
    return std::nullopt;
}

std::optional<Refusal> Lease::take(
    std::span<const ScopeLimits* const> rated,
    std::initializer_list<std::span<const ScopeLimits* const>> paying, const Amounts& amounts,
    SteadyTime now, WallTime wall) {
    amounts_ = amounts;
    for (const ScopeLimits* const scope : rated) {
        if (scope->rates == nullptr) {
            continue;
        }
        if (std::optional<Refusal> refusal = take_rates(*scope, now)) {
            give_back();
            return refusal;
        }
    }
    for (const std::span<const ScopeLimits* const> scopes : paying) {
        for (const ScopeLimits* const scope : scopes) {
            if (std::optional<Refusal> refusal = take_budgets(*scope, wall)) {
                give_back();
                return refusal;
            }
        }
    }
    return std::nullopt;
}

// A refused request has used nothing, not even a request.
void Lease::give_back() noexcept {
    for (Rates* const rates : rates_) {
        rates->requests.settle(1, 0);
    }
    settle(0, 0, {}, nullptr);
}

void Lease::settle(std::uint64_t tokens, Pico spent, std::span<const unsigned> thresholds,
                   std::vector<Alert>* alerts) noexcept {
    for (Rates* const rates : rates_) {
        rates->tokens.settle(amounts_.tokens, tokens);
        rates->concurrency.leave();
    }
    rates_.clear();
    for (const Paying& paying : budgets_) {
        const std::uint8_t passed = paying.budget->settle(amounts_.worst, spent, thresholds);
        if (passed != 0 && alerts != nullptr) {
            alerts->push_back({.scope = paying.scope, .budget = paying.budget, .passed = passed});
        }
    }
    budgets_.clear();
}

}  // namespace tollgate::router
