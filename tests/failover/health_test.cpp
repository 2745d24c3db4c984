#include "failover/health.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

#include <thread>
#include <vector>

using namespace tollgate::failover;
using namespace std::chrono_literals;

namespace {

void fail_once(Health& health, const Failure& failure, Clock::time_point now,
               const HealthOptions& options = {}) {
    health.began(now);
    health.failed(Admission::normal, failure, now, options);
}

}  // namespace

TEST_CASE("failures act on a target as their policy says") {
    for (std::size_t i = 0; i < kFailureKinds; ++i) {
        const Failure failure{.kind = static_cast<FailureKind>(i), .detail = "test"};
        const FailurePolicy& row = policy(failure.kind);
        INFO(row.name);
        ManualClock clock;
        Health health;
        for (int times = 0; times < 5; ++times) {
            fail_once(health, failure, clock.now());
        }
        const bool rests =
            row.health == HealthEffect::cool_down || row.health == HealthEffect::key_quarantine;
        const bool opens = row.health == HealthEffect::error;
        CHECK(health.is_resting(clock.now()) == rests);
        CHECK(health.breaker.state(clock.now(), {}) ==
              (opens ? BreakerState::open : BreakerState::closed));
        CHECK(health.is_well(clock.now(), {}) == !(rests || opens));
        CHECK(health.in_flight() == 0);
        if (row.side == FailureSide::client) {
            CHECK(health.is_well(clock.now(), {}));  // the caller's mistakes never hurt a target
        }
    }
}

TEST_CASE("a rate limit cools a target down for as long as the vendor asked, within reason") {
    ManualClock clock;
    Failure failure{.kind = FailureKind::upstream_limited, .detail = "test"};
    HealthOptions options;
    const auto rest_of = [&] {
        Health health;
        fail_once(health, failure, clock.now(), options);
        return health.usable_from({}) - clock.now();
    };
    CHECK(rest_of() == 5s);
    failure.retry_after = 20s;
    CHECK(rest_of() == 20s);
    failure.retry_after = 24h;
    CHECK(rest_of() == 300s);
    options.cool_down.longest = 0ms;
    CHECK(rest_of() <= 0s);
}

TEST_CASE("a rest ends by itself, is never shortened, and says why") {
    ManualClock clock;
    Health health;
    health.rest(Rest::refused, clock.now() + 10s);
    health.rest(Rest::limited, clock.now() + 2s);
    CHECK(health.rest(clock.now()) == Rest::refused);
    clock.advance(9999ms);
    CHECK_FALSE(health.is_well(clock.now(), {}));
    clock.advance(1ms);
    CHECK(health.is_well(clock.now(), {}));
    CHECK(health.rest(clock.now()) == Rest::none);
    health.rest(Rest::limited, clock.now() + 10s);
    health.wake();
    CHECK(health.is_well(clock.now(), {}));
}

TEST_CASE("a table keeps what it knows by name") {
    HealthTable table;
    HealthTable::Entry& one = table.at("a/m");
    one.health.rest(Rest::limited, Clock::time_point(1h));
    CHECK(&table.at("a/m") == &one);
    CHECK(&table.at("b/m") != &one);
    CHECK(one.id != 0);
    CHECK(table.at("b/m").id != one.id);
}

TEST_CASE("names beyond the most that a table holds share one entry") {
    HealthTable table;
    for (std::size_t i = 0; i < HealthTable::kMost; ++i) {
        static_cast<void>(table.at(std::to_string(i)));
    }
    CHECK(&table.at("one more") == &table.at("another"));
    CHECK(&table.at("0") != &table.at("another"));
}

TEST_CASE("workers share a target without losing the longest rest, a request or an error") {
    HealthTable table;
    Health& health = table.at("a/m").health;
    const Clock::time_point base(1000h);
    HealthOptions options;
    options.breaker.errors = 40'001;
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 4; ++worker) {
        workers.emplace_back([&, worker] {
            const Failure down{.kind = FailureKind::connect_failed, .detail = "test"};
            for (int i = 1; i <= 10'000; ++i) {
                health.began(base);
                health.rest(Rest::limited, base + std::chrono::seconds(i * 4 + worker));
                health.failed(Admission::normal, down, base, options);
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    CHECK(health.usable_from({}) == base + 40'003s);
    CHECK(health.in_flight() == 0);
    CHECK(health.breaker.state(base, options.breaker) == BreakerState::closed);
    fail_once(health, {.kind = FailureKind::connect_failed, .detail = "test"}, base, options);
    CHECK(health.breaker.state(base, options.breaker) == BreakerState::open);
}

TEST_CASE("who opens or closes a breaker is told so, once") {
    ManualClock clock;
    Health health;
    HealthOptions options;
    options.breaker.errors = 2;
    const Failure failure{.kind = FailureKind::connect_failed, .detail = "test"};
    const auto fails = [&](Admission admission) {
        health.began(clock.now());
        return health.failed(admission, failure, clock.now(), options);
    };
    CHECK(health.heard() == Clock::time_point());
    CHECK(fails(Admission::normal) == Turn::none);
    CHECK(fails(Admission::normal) == Turn::opened);
    CHECK(fails(Admission::normal) == Turn::none);
    CHECK(health.is_unreachable());
    clock.advance(options.breaker.open);
    CHECK(fails(health.breaker.admit(clock.now(), options.breaker)) == Turn::none);
    clock.advance(options.breaker.open);
    const Admission probe = health.breaker.admit(clock.now(), options.breaker);
    health.began(clock.now());
    CHECK(health.succeeded(probe, clock.now(), options) == Turn::closed);
    CHECK(health.heard() == clock.now());
    health.began(clock.now());
    CHECK(health.succeeded(Admission::normal, clock.now(), options) == Turn::none);
}
