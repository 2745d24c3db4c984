#include "router/limits/scope_limits.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace tollgate::router {
namespace {

using config::Period;
using config::Scope;
using config::ScopeKind;
using namespace std::chrono;
const WallTime kNow = sys_days(year(2026) / 11 / 25) + hours(12);

Scope key(int i) {
    return {.kind = ScopeKind::key, .name = "key-" + std::to_string(i)};
}

config::KeyBudget usd(std::int64_t micros, Period per) {
    return {.usd = {micros}, .per = per};
}

}  // namespace

TEST_CASE("each of many scopes finds its own counters again") {
    LocalLimits store([] { return kNow; }, {});
    constexpr int kScopes = 20'000;
    std::vector<std::shared_ptr<Rates>> rates;
    std::vector<std::shared_ptr<Budget>> budgets;
    for (int i = 0; i < kScopes; ++i) {
        rates.push_back(store.rates(key(i), {.rpm = 5}));
        budgets.push_back(store.budget(key(i), usd(1, Period::day)));
    }
    int others = 0;
    for (int i = 0; i < kScopes; ++i) {
        others += store.rates(key(i), {.rpm = 7}) != rates[static_cast<std::size_t>(i)] ? 1 : 0;
        others += store.budget(key(i), usd(2, Period::day)) != budgets[static_cast<std::size_t>(i)]
                      ? 1
                      : 0;
    }
    CHECK(others == 0);
    CHECK(rates[17]->requests.limit() == 7);
    CHECK(budgets[17]->limit() == 2'000'000);
    CHECK(store.rates({.kind = ScopeKind::team, .name = "key-17"}, {.rpm = 5}) != rates[17]);
    CHECK(store.rates(key(17), {}) == nullptr);
}

TEST_CASE("a scope has a budget for each period") {
    LocalLimits store([] { return kNow; }, {});
    std::vector<std::shared_ptr<Budget>> budgets;
    for (const Period per :
         {Period::day, Period::hour, Period::week, Period::month, Period::total}) {
        budgets.push_back(store.budget(key(1), usd(static_cast<int>(per) + 1, per)));
    }
    budgets.front().reset();
    const auto again = store.budget(key(1), usd(9, Period::day));
    for (std::size_t i = 1; i < budgets.size(); ++i) {
        CHECK(store.budget(key(1), usd(9, budgets[i]->per())) == budgets[i]);
        CHECK(budgets[i] != again);
    }
    CHECK(store.budget(key(1), usd(9, Period::day)) == again);
}

TEST_CASE("what nobody has is forgotten, and begins with what was spent meanwhile") {
    Pico spent = 0;
    LocalLimits store([] { return kNow; },
                      [&](const Scope&, Period, const Window&) { return spent; });
    auto rates = store.rates(key(1), {.rpm = 5});
    auto budget = store.budget(key(1), usd(1, Period::month));
    static_cast<void>(budget->settle(0, 100, {}));
    REQUIRE(rates->requests.take(5, steady_clock::time_point(1h)) == 0ns);
    std::vector<std::shared_ptr<Rates>> many;
    for (int i = 2; i < 100; ++i) {
        many.push_back(store.rates(key(i), {.rpm = 5}));
    }
    rates.reset();
    budget.reset();
    spent = 300;
    many.clear();
    store.sweep();
    CHECK(store.budget(key(1), usd(1, Period::month))->state(kNow).spent == 300);
    CHECK(store.rates(key(1), {.rpm = 5})->requests.take(5, steady_clock::time_point(1h)) == 0ns);
}

TEST_CASE("a list of budgets holds any number of them") {
    BudgetList list;
    CHECK(list.empty());
    for (int i = 1; i <= 3; ++i) {
        list.push_back(std::make_shared<Budget>(Period::total, i, kNow));
        Pico sum = 0;
        for (const std::shared_ptr<Budget>& budget : list) {
            sum += budget->limit();
        }
        CHECK(sum == i * (i + 1) / 2);
    }
    const BudgetList moved = std::move(list);
    CHECK(moved.front()->limit() == 1);
}

}  // namespace tollgate::router
