#include "failover/hedge.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <random>
#include <vector>

using namespace tollgate::failover;
using namespace std::chrono_literals;

TEST_CASE("a percentile is waited for once enough answers are known, a fixed delay always") {
    Percentiles answers;
    const HedgeOptions by_percentile{.percentile = 95};
    for (int i = 0; i < 19; ++i) {
        answers.observe(100ms);
    }
    CHECK_FALSE(hedge_delay(by_percentile, answers));
    for (int i = 0; i < 81; ++i) {
        answers.observe(i % 20 == 0 ? 3s : 100ms);
    }
    REQUIRE(hedge_delay(by_percentile, answers));
    CHECK(*hedge_delay(by_percentile, answers) >= 100ms);
    CHECK(*hedge_delay(by_percentile, answers) < 130ms);
    CHECK(*hedge_delay({.percentile = 99}, answers) >= 3s);
    CHECK(hedge_delay({.delay = 2s}, Percentiles()) == Clock::duration(2s));
}

TEST_CASE("second attempts stay within their share of the requests") {
    HedgeBudget budget;
    const HedgeOptions options{.percentile = 95, .share = 0.05};
    CHECK_FALSE(budget.try_hedge());
    int hedges = 0;
    for (int requests = 1; requests <= 1000; ++requests) {
        budget.request(options);
        hedges += budget.try_hedge() ? 1 : 0;
        REQUIRE(hedges <= requests / 20);
    }
    CHECK(hedges >= 49);
}

TEST_CASE("quiet times save up a few second attempts, not many") {
    HedgeBudget budget;
    for (int i = 0; i < 10'000; ++i) {
        budget.request({.share = 0.05});
    }
    int hedges = 0;
    while (budget.try_hedge()) {
        ++hedges;
    }
    CHECK(hedges == 10);
}

TEST_CASE("with 2 % slow calls the 99th percentile is halved for at most 5 % more calls") {
    // Calls one after another on a clock of their own: 2 % take 2 s, the others 80 to 120 ms.
    std::mt19937_64 random(1);
    std::uniform_int_distribution<int> ordinary(80, 120);
    std::uniform_int_distribution<int> percent(0, 99);
    const auto call = [&]() -> Clock::duration {
        return percent(random) < 2 ? Clock::duration(2s)
                                   : std::chrono::milliseconds(ordinary(random));
    };
    const HedgeOptions options{.percentile = 95, .share = 0.05};
    Percentiles answers;
    HedgeBudget budget;
    ManualClock clock;
    std::vector<Clock::duration> without;
    std::vector<Clock::duration> with;
    constexpr int kCalls = 20'000;
    int extra = 0;
    for (int i = 0; i < kCalls; ++i) {
        without.push_back(call());
        budget.request(options);
        const Clock::time_point began = clock.now();
        Clock::time_point answered = began + call();
        const auto delay = hedge_delay(options, answers);
        if (delay && began + *delay < answered && budget.try_hedge()) {
            ++extra;
            answered = std::min(answered, began + *delay + call());
        }
        clock.advance(answered - began);
        answers.observe(answered - began);
        with.push_back(answered - began);
    }
    const auto p99 = [](std::vector<Clock::duration> times) {
        std::sort(times.begin(), times.end());
        return times[times.size() * 99 / 100];
    };
    CHECK(p99(with) * 2 <= p99(without));
    CHECK(extra * 20 <= kCalls);
}
