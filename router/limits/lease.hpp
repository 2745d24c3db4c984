// What one request, or one attempt of it, has taken from limits and budgets.
#pragma once

#include "router/limits/scope_limits.hpp"
#include "router/limits/short_list.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tollgate::router {

using Scopes = ShortList<const ScopeLimits*, 3>;

enum class LimitKind : std::uint8_t { requests, tokens, concurrency, budget };

struct Refusal {
    const ScopeLimits* scope = nullptr;
    LimitKind kind = LimitKind::requests;
    const Budget* budget = nullptr;   ///< of LimitKind::budget
    std::chrono::nanoseconds wait{};  ///< until it could pass; zero: nobody knows
};

/// What is asked for.
struct Amounts {
    std::uint64_t tokens = 0;  ///< at most, prompt and answer together
    Pico worst = 0;            ///< at most, in money
};

/// A budget and the thresholds that were passed, as bits.
struct Alert {
    const ScopeLimits* scope = nullptr;
    const Budget* budget = nullptr;
    std::uint8_t passed = 0;
};

/// Taken all or not at all; settled once.  Unsettled it gives back what it has taken: nothing was
/// used.  The scopes must outlive it.
class Lease {
public:
    Lease() = default;
    ~Lease() { settle(0, 0, {}, nullptr); }
    Lease(Lease&& other) noexcept = default;  // leaves nothing to settle
    /// What this one held is settled with nothing first.
    Lease& operator=(Lease&& other) noexcept {
        settle(0, 0, {}, nullptr);
        rates_ = std::move(other.rates_);
        budgets_ = std::move(other.budgets_);
        amounts_ = other.amounts_;
        return *this;
    }

    /// Takes one request and `amounts` from the rates of `rated` and the budgets of `paying`, in
    /// the order of both.
    [[nodiscard]] std::optional<Refusal> take(
        std::span<const ScopeLimits* const> rated,
        std::initializer_list<std::span<const ScopeLimits* const>> paying, const Amounts& amounts,
        SteadyTime now, WallTime wall);
    /// `alerts` null: nobody wants to know.
    void settle(std::uint64_t tokens, Pico spent, std::span<const unsigned> thresholds,
                std::vector<Alert>* alerts) noexcept;
    /// What was taken was not used at all, not even as a request.
    void give_back() noexcept;
    [[nodiscard]] bool empty() const noexcept { return rates_.empty() && budgets_.empty(); }

private:
    struct Paying {
        const ScopeLimits* scope;
        Budget* budget;
    };
    [[nodiscard]] std::optional<Refusal> take_rates(const ScopeLimits& scope, SteadyTime now);
    [[nodiscard]] std::optional<Refusal> take_budgets(const ScopeLimits& scope, WallTime wall);

    ShortList<Rates*, 2> rates_;
    ShortList<Paying, 2> budgets_;
    Amounts amounts_;
};

}  // namespace tollgate::router
