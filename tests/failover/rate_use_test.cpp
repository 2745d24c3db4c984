#include "failover/rate_use.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace tollgate::failover;
using namespace std::chrono_literals;

TEST_CASE("OpenAI's rate limit fields are read") {
    const RateReport report = parse_rate_limits(
        "Content-Type: application/json\r\nX-RateLimit-Limit-Requests: 60\r\n"
        "x-ratelimit-remaining-requests: 59\r\nx-ratelimit-reset-requests: 1s\r\n"
        "x-ratelimit-limit-tokens: 150000\r\nx-ratelimit-remaining-tokens: 0\r\n"
        "x-ratelimit-reset-tokens: 6m0.5s\r\n",
        0);
    REQUIRE(report.requests);
    CHECK(report.requests->limit == 60);
    CHECK(report.requests->remaining == 59);
    CHECK(report.requests->reset == 1s);
    REQUIRE(report.tokens);
    CHECK(report.tokens->reset == 360'500ms);
    CHECK(report.used_up_for() == 360'500ms);
}

TEST_CASE("Anthropic's rate limit fields are read") {
    const RateReport report = parse_rate_limits(
        "anthropic-ratelimit-requests-limit: 1000\r\nanthropic-ratelimit-requests-remaining: 0\r\n"
        "anthropic-ratelimit-requests-reset: 2026-01-27T18:00:00Z\r\n",
        1'769'536'790);
    REQUIRE(report.requests);
    CHECK(report.requests->reset == 10s);
    CHECK_FALSE(report.tokens);
}

TEST_CASE("what is no rate limit is nothing") {
    for (const std::string lines :
         {"", "x", "x-ratelimit-limit-requests: many\r\nx-ratelimit-remaining-requests: 1\r\n",
          "x-ratelimit-limit-requests: 10\r\n", "x-ratelimit-: 1\r\nx-ratelimit-limit: 3\r\n",
          "x-ratelimit-limit-requests: 0\r\nx-ratelimit-remaining-requests: 0\r\n"}) {
        INFO(lines);
        const RateReport report = parse_rate_limits(lines, 0);
        CHECK_FALSE(report.requests);
        CHECK_FALSE(report.tokens);
        CHECK_FALSE(report.used_up_for());
    }
    const RateReport odd = parse_rate_limits(
        "x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 99\r\n"
        "x-ratelimit-reset-requests: soon\r\n",
        0);
    REQUIRE(odd.requests);
    CHECK(odd.requests->remaining == 10);
    CHECK(odd.requests->reset == 60s);
}

TEST_CASE("headroom is what the tighter limit leaves of the last minute") {
    ManualClock clock;
    RateUse use;
    const RateLimits limits{.rpm = 100, .tpm = 1'000};
    CHECK(use.headroom(clock.now(), limits) == 1);
    for (int i = 0; i < 25; ++i) {
        use.request(clock.now());
    }
    CHECK(use.headroom(clock.now(), limits) == Approx(0.75));
    use.tokens(clock.now(), 900);
    CHECK(use.headroom(clock.now(), limits) == Approx(0.1));
    CHECK(use.headroom(clock.now(), {}) == 1);
    clock.advance(90s);
    CHECK(use.headroom(clock.now(), limits) == Approx(0.55));
    clock.advance(60s);
    CHECK(use.headroom(clock.now(), limits) == 1);
}

TEST_CASE("what the vendor says counts until its limit is whole again") {
    ManualClock clock;
    RateUse use;
    use.report({.requests = RateWindow{.limit = 100, .remaining = 20, .reset = 30s}, .tokens = {}},
               clock.now());
    CHECK(use.headroom(clock.now(), {}) == Approx(0.2));
    clock.advance(30s);
    CHECK(use.headroom(clock.now(), {}) == 1);
}
