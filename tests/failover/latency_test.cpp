#include "failover/latency.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate::failover;
using namespace std::chrono_literals;

TEST_CASE("a slow answer counts at once, fast ones bring it down with time") {
    ManualClock clock;
    PeakAverage average;
    CHECK(average.read(clock.now()) == 0ns);
    average.observe(100ms, clock.now());
    CHECK(average.read(clock.now()) == 100ms);
    average.observe(2s, clock.now());
    CHECK(average.read(clock.now()) == 2s);
    average.observe(100ms, clock.now());  // at the same moment: hardly any weight
    CHECK(average.read(clock.now()) > 1900ms);
    clock.advance(10s);
    average.observe(100ms, clock.now());
    CHECK(average.read(clock.now()) < 900ms);
}

TEST_CASE("what was slow is forgotten, so that it is tried again") {
    ManualClock clock;
    PeakAverage average;
    average.observe(10s, clock.now());
    clock.advance(60s);
    CHECK(average.read(clock.now()) < 50ms);
}

TEST_CASE("percentiles speak only when they have seen enough") {
    Percentiles percentiles;
    for (int i = 0; i < 19; ++i) {
        percentiles.observe(100ms);
    }
    CHECK_FALSE(percentiles.read(95));
    percentiles.observe(100ms);
    CHECK(percentiles.read(95));
}

TEST_CASE("percentiles are right to a quarter and follow a change") {
    Percentiles percentiles;
    for (int i = 0; i < 980; ++i) {
        percentiles.observe(100ms);
        if (i % 49 == 0) {
            percentiles.observe(3s);
        }
    }
    CHECK(*percentiles.read(50) >= 100ms);
    CHECK(*percentiles.read(50) <= 125ms);
    CHECK(*percentiles.read(95) <= 125ms);
    CHECK(*percentiles.read(99) >= 3s);
    for (int i = 0; i < 5'000; ++i) {
        percentiles.observe(1s);
    }
    CHECK(*percentiles.read(5) >= 1s);
}
