#include "router/keys/auth_throttle.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <thread>
#include <vector>

namespace tollgate::router {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
constexpr AuthThrottle::Time kStart{minutes(1000)};

TEST_CASE("wrong keys are counted per address and minute") {
    AuthThrottle throttle(7);
    CHECK(throttle.count("192.0.2.1", kStart) == 1);
    CHECK(throttle.count("192.0.2.1", kStart + seconds(59)) == 2);
    CHECK(throttle.count("192.0.2.2", kStart) == 1);
    CHECK(throttle.failures("192.0.2.1", kStart + seconds(59)) == 2);
    CHECK(throttle.failures("192.0.2.1", kStart + seconds(60)) == 0);
    CHECK(throttle.count("192.0.2.1", kStart + seconds(60)) == 1);
}

TEST_CASE("addresses of one IPv6 network count together") {
    AuthThrottle throttle(7);
    throttle.count("2001:db8:1:2::1", kStart);
    CHECK(throttle.count("2001:db8:1:2:ffff::9", kStart) == 2);
    CHECK(throttle.count("2001:db8:1:3::1", kStart) == 1);
    CHECK(throttle.count("::1", kStart) == 1);
    CHECK(throttle.count("::2", kStart) == 1);
}

TEST_CASE("the wait is until the minute turns") {
    CHECK(AuthThrottle::until_next(kStart) == minutes(1));
    CHECK(AuthThrottle::until_next(kStart + seconds(59)) == seconds(1));
}

TEST_CASE("a flood from everywhere does not free the one that floods most") {
    AuthThrottle throttle(7);
    for (int i = 0; i < 1000; ++i) {
        throttle.count("192.0.2.1", kStart);
    }
    for (int i = 0; i < 100'000; ++i) {
        throttle.count("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256), kStart);
    }
    CHECK(throttle.failures("192.0.2.1", kStart) == 1000);
}

TEST_CASE("no failure is lost between threads", "[threads]") {
    AuthThrottle throttle(7);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                throttle.count("192.0.2.1", kStart);
            }
        });
    }
    threads.clear();
    CHECK(throttle.failures("192.0.2.1", kStart) == 4000);
}

}  // namespace
}  // namespace tollgate::router
