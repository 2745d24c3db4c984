#include "router/limits/rate.hpp"

#include "tests/support/catch.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace tollgate::router {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kStart{std::chrono::hours(100)};

TEST_CASE("a minute's worth passes at once, the next when its share has flowed in") {
    for (const std::uint64_t limit : {1U, 3U, 7U, 59U, 600U}) {
        Rate rate;
        rate.set_limit(limit);
        for (std::uint64_t i = 0; i < limit; ++i) {
            REQUIRE(rate.take(1, kStart) == 0ns);
        }
        CAPTURE(limit);
        const auto wait = rate.take(1, kStart);
        CHECK(wait > 0ns);
        CHECK(wait <= 60'000'000'000ns / static_cast<std::int64_t>(limit));
        CHECK(rate.take(1, kStart + wait - 1us) > 0ns);
        CHECK(rate.take(1, kStart + wait) == 0ns);
        CHECK(rate.take(1, kStart + wait) > 0ns);
    }
}

TEST_CASE("without a limit everything passes") {
    Rate rate;
    CHECK(rate.take(1'000'000'000, kStart) == 0ns);
}

TEST_CASE("what was taken and not used comes back") {
    Rate rate;
    rate.set_limit(1000);
    REQUIRE(rate.take(900, kStart) == 0ns);
    CHECK(rate.state(kStart).remaining == 100);
    CHECK(rate.take(200, kStart) > 0ns);
    rate.settle(900, 50);
    CHECK(rate.state(kStart).remaining == 950);
    CHECK(rate.take(900, kStart) == 0ns);
}

TEST_CASE("more used than taken is owed") {
    Rate rate;
    rate.set_limit(1000);
    REQUIRE(rate.take(100, kStart) == 0ns);
    rate.settle(100, 1500);
    CHECK(rate.state(kStart).remaining == 0);
    CHECK(rate.take(1, kStart + 29s) > 0ns);
    CHECK(rate.take(1, kStart + 31s) == 0ns);
}

TEST_CASE("a request above the limit passes from a full bucket, which then owes the rest") {
    Rate rate;
    rate.set_limit(100);
    CHECK(rate.take(250, kStart) == 0ns);
    CHECK(rate.take(1, kStart + 89s) > 0ns);
    CHECK(rate.take(1, kStart + 91s) == 0ns);
}

TEST_CASE("an idle bucket holds no more than a minute's worth") {
    Rate rate;
    rate.set_limit(60);
    REQUIRE(rate.take(60, kStart) == 0ns);
    CHECK(rate.state(kStart + 1h).remaining == 60);
    REQUIRE(rate.take(60, kStart + 1h) == 0ns);
    CHECK(rate.take(1, kStart + 1h) == 1s);
}

TEST_CASE("threads together get what one would get", "[threads]") {
    Rate rate;
    rate.set_limit(1000);
    Concurrency places;
    places.set_limit(10);
    std::atomic<int> passed{0};
    std::atomic<int> entered{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                passed += rate.take(1, kStart) == 0ns ? 1 : 0;
                entered += places.enter() ? 1 : 0;
            }
        });
    }
    threads.clear();
    CHECK(passed == 1000);
    CHECK(entered == 10);
    places.leave();
    CHECK(places.enter());
    CHECK_FALSE(places.enter());
}

}  // namespace
}  // namespace tollgate::router
