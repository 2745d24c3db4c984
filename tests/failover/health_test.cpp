#include "failover/health.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

#include <thread>
#include <vector>

using namespace tollgate::failover;
using namespace std::chrono_literals;

TEST_CASE("failures act on a target as their policy says") {
    for (std::size_t i = 0; i < kFailureKinds; ++i) {
        const Failure failure{.kind = static_cast<FailureKind>(i), .detail = "test"};
        const FailurePolicy& row = policy(failure.kind);
        INFO(row.name);
        ManualClock clock;
        TargetHealth health;
        health.failed(failure, clock.now());
        const bool rests =
            row.health == HealthEffect::cool_down || row.health == HealthEffect::key_quarantine;
        CHECK(health.is_usable(clock.now()) == !rests);
        CHECK(health.errors_in_a_row() == (row.health == HealthEffect::error ? 1 : 0));
    }
}

TEST_CASE("the caller's mistakes never hurt a target") {
    ManualClock clock;
    TargetHealth health;
    for (std::size_t i = 0; i < kFailureKinds; ++i) {
        const Failure failure{.kind = static_cast<FailureKind>(i), .detail = "test"};
        if (policy(failure.kind).side == FailureSide::client) {
            health.failed(failure, clock.now());
        }
    }
    CHECK(health.is_usable(clock.now()));
    CHECK(health.errors_in_a_row() == 0);
}

TEST_CASE("a rate limit cools a target down for as long as the vendor asked, within reason") {
    ManualClock clock;
    Failure failure{.kind = FailureKind::upstream_limited, .detail = "test"};
    const auto rest_of = [&] {
        TargetHealth health;
        health.failed(failure, clock.now());
        return health.usable_from() - clock.now();
    };
    CHECK(rest_of() == 5s);
    failure.retry_after = 20s;
    CHECK(rest_of() == 20s);
    failure.retry_after = 24h;
    CHECK(rest_of() == 300s);
}

TEST_CASE("a cool-down ends by itself and is never shortened") {
    ManualClock clock;
    TargetHealth health;
    health.cool_down(clock.now() + 10s);
    health.cool_down(clock.now() + 2s);
    clock.advance(9999ms);
    CHECK_FALSE(health.is_usable(clock.now()));
    clock.advance(1ms);
    CHECK(health.is_usable(clock.now()));
    health.cool_down(clock.now() + 10s);
    health.reset();
    CHECK(health.is_usable(clock.now()));
}

TEST_CASE("success ends a row of errors; requests under way and times to first byte are counted") {
    ManualClock clock;
    TargetHealth health;
    health.failed({.kind = FailureKind::upstream_timeout, .detail = "test"}, clock.now());
    health.failed({.kind = FailureKind::connect_failed, .detail = "test"}, clock.now());
    CHECK(health.errors_in_a_row() == 2);
    health.succeeded();
    CHECK(health.errors_in_a_row() == 0);
    health.began();
    health.began();
    health.ended();
    CHECK(health.in_flight() == 1);
    CHECK_FALSE(health.first_byte().has_value());
    health.first_byte(800ms);
    CHECK(health.first_byte() == 800ms);
    health.first_byte(1600ms);
    CHECK(health.first_byte() == 900ms);
}

TEST_CASE("workers share a table without losing the longest cool-down") {
    HealthTable table(3);
    REQUIRE(table.size() == 3);
    const Clock::time_point base{};
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 4; ++worker) {
        workers.emplace_back([&table, base, worker] {
            for (int i = 1; i <= 10'000; ++i) {
                table[1].began();
                table[1].cool_down(base + std::chrono::seconds(i * 4 + worker));
                table[1].ended();
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    CHECK(table[1].usable_from() == base + 40'003s);
    CHECK(table[1].in_flight() == 0);
    CHECK(table[0].is_usable(base));
    CHECK(reinterpret_cast<std::uintptr_t>(&table[2]) -
              reinterpret_cast<std::uintptr_t>(&table[1]) ==
          64);
}
