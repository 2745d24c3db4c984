#include "router/rank.hpp"

#include "tests/support/catch.hpp"

#include <array>

using namespace tollgate;
using namespace tollgate::router;
using namespace std::chrono_literals;
using config::Balance;

namespace {

/// How often each of the contenders came first.
std::vector<int> firsts(const std::vector<Contender>& all, Balance balance, int rounds = 10'000) {
    std::vector<int> count(all.size());
    Draw draw(42);
    for (int i = 0; i < rounds; ++i) {
        const std::vector<std::size_t> order = rank(all, balance, draw);
        REQUIRE(order.size() == all.size());
        ++count[order.front()];
    }
    return count;
}

bool is_near(int count, double share) {
    return std::abs(count - share * 10'000) < 300;
}

}  // namespace

TEST_CASE("order keeps the order") {
    const std::vector<Contender> all(3);
    CHECK(firsts(all, Balance::order) == std::vector<int>{10'000, 0, 0});
}

TEST_CASE("weighted groups share by weight, and a weight of 0 comes last") {
    std::vector<Contender> all(3);
    all[0].weight = 3;
    all[2].weight = 0;
    const std::vector<int> count = firsts(all, Balance::weighted);
    CHECK(is_near(count[0], 0.75));
    CHECK(is_near(count[1], 0.25));
    CHECK(count[2] == 0);
    for (const Balance balance :
         {Balance::latency, Balance::least_inflight, Balance::usage, Balance::cost}) {
        CHECK(firsts(all, balance)[2] == 0);
    }
}

TEST_CASE("latency takes the better of two drawn ones") {
    std::vector<Contender> all(3);
    all[0].latency = 100ms;
    all[1].latency = 200ms;
    all[2].latency = 300ms;
    const std::vector<int> count = firsts(all, Balance::latency);
    CHECK(is_near(count[0], 2.0 / 3));
    CHECK(is_near(count[1], 1.0 / 3));
    CHECK(count[2] == 0);
    all[0].in_flight = 3;  // the wait for those that are there already counts
    CHECK(firsts(all, Balance::latency)[0] == 0);
    all[2].latency = 0ms;  // nothing is known: it is tried
    CHECK(is_near(firsts(all, Balance::latency)[2], 2.0 / 3));
}

TEST_CASE("two of a latency group are compared, never drawn") {
    std::vector<Contender> all(2);
    all[0].latency = 2s;
    all[1].latency = 1s;
    CHECK(firsts(all, Balance::latency)[1] == 10'000);
}

TEST_CASE("least_inflight, usage and cost take the best, and share where it is equal") {
    std::vector<Contender> all(3);
    all[0].in_flight = 1;
    const std::vector<int> by_load = firsts(all, Balance::least_inflight);
    CHECK(by_load[0] == 0);
    CHECK(is_near(by_load[1], 0.5));
    all[1].headroom = 0.9;
    all[2].headroom = 0.2;
    CHECK(firsts(all, Balance::usage)[0] == 10'000);
    all[0].headroom = 0.1;
    CHECK(firsts(all, Balance::usage)[1] == 10'000);
    all[1].price = 5;
    all[2].price = 4;  // the first has none
    CHECK(firsts(all, Balance::cost)[2] == 10'000);
}

TEST_CASE("what is not well comes last, the least bad first, whatever the strategy") {
    std::vector<Contender> all(4);
    all[0].is_well = false;
    all[0].usable_from = failover::Clock::time_point(20s);
    all[1].is_well = false;
    all[1].usable_from = failover::Clock::time_point(10s);
    all[3].weight = 5;
    for (const Balance balance : {Balance::order, Balance::weighted, Balance::latency,
                                  Balance::least_inflight, Balance::usage, Balance::cost}) {
        Draw draw(7);
        const std::vector<std::size_t> order = rank(all, balance, draw);
        CHECK(order[2] == 1);
        CHECK(order[3] == 0);
    }
}

TEST_CASE("a target in its slow start steps behind the others as often as its share says") {
    std::vector<Contender> all(2);
    all[0].load_share = 0.3;
    CHECK(is_near(firsts(all, Balance::order)[0], 0.3));
    all[1].is_well = false;  // there is nobody else
    CHECK(firsts(all, Balance::order)[0] == 10'000);
}
