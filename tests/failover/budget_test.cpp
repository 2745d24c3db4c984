#include "failover/budget.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate::failover;
using namespace std::chrono_literals;

namespace {

unsigned retries_granted(RetryBudget& budget, Clock::time_point now) {
    unsigned granted = 0;
    while (granted < 1000 && budget.try_retry(now)) {
        ++granted;
    }
    return granted;
}

}  // namespace

TEST_CASE("a quiet gateway may retry up to the floor") {
    ManualClock clock;
    RetryBudget budget;
    CHECK(retries_granted(budget, clock.now()) == 3);
}

TEST_CASE("a busy gateway may retry a share of its requests") {
    ManualClock clock;
    RetryBudget budget;
    for (int i = 0; i < 100; ++i) {
        budget.request(clock.now());
    }
    CHECK(retries_granted(budget, clock.now()) == 20);
}

TEST_CASE("the window forgets requests and retries slot by slot") {
    ManualClock clock;
    RetryBudget budget;
    for (int second = 0; second < 10; ++second) {
        for (int i = 0; i < 10; ++i) {
            budget.request(clock.now());
        }
        clock.advance(1s);
    }
    clock.advance(-1s);
    CHECK(budget.counts(clock.now()).requests == 100);
    clock.advance(1s);
    CHECK(budget.counts(clock.now()).requests == 90);
    CHECK(retries_granted(budget, clock.now()) == 18);
    clock.advance(9s);
    CHECK(budget.counts(clock.now()).requests == 0);
    CHECK(budget.counts(clock.now()).retries == 18);
    CHECK(retries_granted(budget, clock.now()) == 0);
    clock.advance(1s);
    CHECK(retries_granted(budget, clock.now()) == 3);
    clock.advance(100h);
    CHECK(budget.counts(clock.now()).retries == 0);
}

TEST_CASE("a share of zero and a floor of zero forbid every retry") {
    ManualClock clock;
    BudgetOptions options;
    options.share = 0;
    options.floor = 0;
    RetryBudget budget(options);
    budget.request(clock.now());
    CHECK_FALSE(budget.try_retry(clock.now()));
}

TEST_CASE("an earlier time does not corrupt the window") {
    ManualClock clock;
    RetryBudget budget;
    budget.request(clock.now());
    budget.request(clock.now() - 5s);
    CHECK(budget.counts(clock.now() - 5s).requests == 2);
}
