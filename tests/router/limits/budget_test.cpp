#include "router/limits/lease.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace tollgate::router {
namespace {

using config::Period;
using namespace std::chrono;
const WallTime kNow = sys_days(year(2026) / 11 / 25) + hours(12);
constexpr std::array<unsigned, 3> kThresholds{50, 80, 95};

TEST_CASE("what is set aside counts until it is settled") {
    Budget budget(Period::day, 100, kNow);
    CHECK(budget.reserve(60, kNow));
    CHECK_FALSE(budget.reserve(41, kNow));
    CHECK(budget.reserve(40, kNow));
    CHECK(budget.state(kNow).left() == 0);
    budget.settle(60, 10, {});
    CHECK(budget.state(kNow).spent == 10);
    CHECK(budget.state(kNow).reserved == 40);
    CHECK(budget.state(kNow).left() == 50);
}

TEST_CASE("a new period starts at nothing spent, and what runs still counts") {
    Budget budget(Period::day, 100, kNow);
    REQUIRE(budget.reserve(50, kNow));
    budget.settle(50, 50, {});
    REQUIRE(budget.reserve(50, kNow));
    CHECK_FALSE(budget.reserve(1, kNow));
    const WallTime tomorrow = kNow + hours(12);
    CHECK(budget.state(tomorrow).spent == 0);
    CHECK(budget.reserve(50, tomorrow));
    CHECK_FALSE(budget.reserve(1, tomorrow));
    budget.settle(50, 20, {});  // paid from the day in which it ended
    CHECK(budget.state(tomorrow).spent == 20);
    CHECK(budget.state(tomorrow).left() == 30);
}

TEST_CASE("each threshold is passed once in a period") {
    Budget budget(Period::month, 1000, kNow);
    const auto spend = [&](Pico amount, WallTime when) {
        REQUIRE(budget.reserve(amount, when));
        return budget.settle(amount, amount, kThresholds);
    };
    CHECK(spend(499, kNow) == 0);
    CHECK(spend(1, kNow) == 1);
    CHECK(spend(100, kNow) == 0);
    CHECK(spend(350, kNow) == 0b110);
    CHECK(spend(50, kNow) == 0);
    const WallTime next = sys_days(year(2026) / 12 / 1);
    CHECK(spend(500, next) == 1);
}

TEST_CASE("what an earlier process spent counts and is no news") {
    Budget budget(Period::month, 1000, kNow);
    budget.restore(600, kNow, kThresholds);
    CHECK_FALSE(budget.reserve(401, kNow));
    REQUIRE(budget.reserve(400, kNow));
    CHECK(budget.settle(400, 100, kThresholds) == 0);
}

TEST_CASE("threads together never overshoot, over the turns of a period", "[threads]") {
    constexpr Pico kLimit = 50;
    Budget budget(Period::hour, kLimit, kNow);
    std::atomic<Pico> running{0};
    std::atomic<bool> overshot{false};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 5000; ++i) {
                const WallTime now = kNow + hours(i / 50);
                if (budget.reserve(7, now)) {
                    const Pico all = running.fetch_add(7) + 7;
                    if (all > kLimit) {
                        overshot = true;
                    }
                    running.fetch_sub(7);
                    budget.settle(7, i % 2, {});
                }
            }
        });
    }
    threads.clear();
    CHECK_FALSE(overshot);
    CHECK(budget.state(kNow + hours(99)).reserved == 0);
}

TEST_CASE("a lease takes all or nothing and gives back what was not used") {
    ScopeLimits roomy{.scope = {}, .rates = std::make_shared<Rates>(), .budgets = {}};
    ScopeLimits tight{.scope = roomy.scope, .rates = roomy.rates, .budgets = {}};
    tight.rates = std::make_shared<Rates>();
    roomy.rates->concurrency.set_limit(5);
    roomy.rates->requests.set_limit(10);
    tight.rates->concurrency.set_limit(1);
    tight.budgets.push_back(std::make_shared<Budget>(Period::total, 100, kNow));
    const Scopes both{&roomy, &tight};
    const SteadyTime now{hours(1)};
    {
        Lease first;
        CHECK_FALSE(first.take(both, {both}, {.tokens = 5, .worst = 80}, now, kNow));
        Lease second;
        const auto refusal = second.take(both, {both}, {.tokens = 5, .worst = 80}, now, kNow);
        REQUIRE(refusal);
        CHECK(refusal->scope == &tight);
        CHECK(refusal->kind == LimitKind::concurrency);
        CHECK(second.empty());
        CHECK(roomy.rates->concurrency.running() == 1);
        CHECK(roomy.rates->requests.state(now).remaining == 9);
        Lease third;
        const auto poor = third.take({}, {both}, {.tokens = 0, .worst = 21}, now, kNow);
        REQUIRE(poor);
        CHECK(poor->kind == LimitKind::budget);
    }
    CHECK(roomy.rates->concurrency.running() == 0);
    CHECK(tight.budgets.front()->state(kNow).reserved == 0);
    CHECK(tight.budgets.front()->state(kNow).spent == 0);
}

}  // namespace
}  // namespace tollgate::router
