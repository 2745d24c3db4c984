#include "failover/breaker.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate::failover;
using namespace std::chrono_literals;

namespace {

/// A breaker with its options and the last admission, so that a test reads as what happens.
struct Guarded {
    BreakerOptions options;
    Breaker breaker;
    Admission last = Admission::normal;

    Guarded() = default;
    explicit Guarded(const BreakerOptions& given) : options(given) {}
    bool allow(Clock::time_point now) {
        const Admission admission = breaker.admit(now, options);
        if (admission == Admission::refused) {
            return false;
        }
        last = admission;
        return true;
    }
    void succeeded(Clock::time_point now) { breaker.succeeded(last, now, options); }
    void failed(Clock::time_point now) { breaker.failed(last, now, options); }
    void abandoned() { breaker.abandoned(last); }
    BreakerState state(Clock::time_point now) const { return breaker.state(now, options); }
};

void fail_times(Guarded& breaker, ManualClock& clock, int times) {
    for (int i = 0; i < times; ++i) {
        CHECK(breaker.allow(clock.now()));
        breaker.failed(clock.now());
    }
}

}  // namespace

TEST_CASE("a breaker opens at the configured number of errors") {
    ManualClock clock;
    Guarded breaker;
    fail_times(breaker, clock, 4);
    CHECK(breaker.state(clock.now()) == BreakerState::closed);
    fail_times(breaker, clock, 1);
    CHECK(breaker.state(clock.now()) == BreakerState::open);
    CHECK_FALSE(breaker.allow(clock.now()));
    clock.advance(14999ms);
    CHECK_FALSE(breaker.allow(clock.now()));
}

TEST_CASE("an open breaker lets one probe through when its time is over") {
    ManualClock clock;
    Guarded breaker;
    fail_times(breaker, clock, 5);
    clock.advance(15s);
    CHECK(breaker.state(clock.now()) == BreakerState::half_open);
    CHECK(breaker.allow(clock.now()));
    CHECK_FALSE(breaker.allow(clock.now()));
    SECTION("a good probe closes it, with a clean slate") {
        breaker.succeeded(clock.now());
        CHECK(breaker.state(clock.now()) == BreakerState::closed);
        fail_times(breaker, clock, 4);
        CHECK(breaker.state(clock.now()) == BreakerState::closed);
    }
    SECTION("a bad probe opens it again for the whole time") {
        breaker.failed(clock.now());
        CHECK(breaker.state(clock.now()) == BreakerState::open);
        clock.advance(14s);
        CHECK_FALSE(breaker.allow(clock.now()));
        clock.advance(1s);
        CHECK(breaker.allow(clock.now()));
    }
    SECTION("a probe that tells nothing makes room for the next") {
        breaker.abandoned();
        CHECK(breaker.allow(clock.now()));
    }
    SECTION("a probe that is never heard of is forgotten") {
        clock.advance(15s);
        CHECK(breaker.allow(clock.now()));
    }
}

TEST_CASE("answers to requests sent before it opened do not close it") {
    ManualClock clock;
    Guarded breaker;
    fail_times(breaker, clock, 5);
    breaker.succeeded(clock.now());
    CHECK(breaker.state(clock.now()) == BreakerState::open);
    breaker.failed(clock.now());
    clock.advance(15s);
    CHECK(breaker.state(clock.now()) == BreakerState::half_open);
    breaker.succeeded(clock.now());
    CHECK(breaker.state(clock.now()) == BreakerState::half_open);
}

TEST_CASE("errors spread over more than the window do not open it") {
    ManualClock clock;
    Guarded breaker;
    for (int i = 0; i < 50; ++i) {
        fail_times(breaker, clock, 1);
        clock.advance(8s);
    }
    CHECK(breaker.state(clock.now()) == BreakerState::closed);
}

TEST_CASE("a busy target with few errors stays closed") {
    ManualClock clock;
    Guarded breaker;
    for (int i = 0; i < 1000; ++i) {
        CHECK(breaker.allow(clock.now()));
        breaker.succeeded(clock.now());
    }
    fail_times(breaker, clock, 100);
    CHECK(breaker.state(clock.now()) == BreakerState::closed);
    BreakerOptions strict;
    strict.least_share = 0;
    Guarded pure_count(strict);
    for (int i = 0; i < 1000; ++i) {
        pure_count.succeeded(clock.now());
    }
    fail_times(pure_count, clock, 5);
    CHECK(pure_count.state(clock.now()) == BreakerState::open);
}

TEST_CASE("zero errors in the configuration turn the breaker off") {
    ManualClock clock;
    BreakerOptions options;
    options.errors = 0;
    Guarded breaker(options);
    fail_times(breaker, clock, 100);
    CHECK(breaker.state(clock.now()) == BreakerState::closed);
}

TEST_CASE("breaker states have names") {
    CHECK(to_string(BreakerState::closed) == "closed");
    CHECK(to_string(BreakerState::open) == "open");
    CHECK(to_string(BreakerState::half_open) == "half_open");
}

TEST_CASE("an answer to a request from before it opened does not close it") {
    ManualClock clock;
    Guarded breaker;
    REQUIRE(breaker.allow(clock.now()));
    const Admission early = breaker.last;
    fail_times(breaker, clock, 5);
    clock.advance(15s);
    REQUIRE(breaker.allow(clock.now()));  // the probe is under way
    breaker.breaker.succeeded(early, clock.now(), breaker.options);
    CHECK(breaker.state(clock.now()) == BreakerState::half_open);
    breaker.succeeded(clock.now());
    CHECK(breaker.state(clock.now()) == BreakerState::closed);
}

TEST_CASE("a target that came back is given its load over the slow start") {
    ManualClock clock;
    Guarded breaker;
    CHECK(breaker.breaker.load_share(clock.now(), breaker.options) == 1);
    fail_times(breaker, clock, 5);
    clock.advance(15s);
    REQUIRE(breaker.allow(clock.now()));
    breaker.succeeded(clock.now());
    CHECK(breaker.breaker.load_share(clock.now(), breaker.options) == Approx(0.1));
    clock.advance(5s);
    CHECK(breaker.breaker.load_share(clock.now(), breaker.options) == Approx(0.5));
    clock.advance(5s);
    CHECK(breaker.breaker.load_share(clock.now(), breaker.options) == 1);
}

TEST_CASE("an open breaker can be forced, and a good answer then closes it") {
    ManualClock clock;
    Guarded breaker;
    fail_times(breaker, clock, 5);
    CHECK_FALSE(breaker.breaker.would_admit(clock.now(), breaker.options));
    breaker.last = breaker.breaker.force(clock.now(), breaker.options);
    CHECK(breaker.last == Admission::probe);
    breaker.succeeded(clock.now());
    CHECK(breaker.state(clock.now()) == BreakerState::closed);
}
