#include "failover/sticky.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate::failover;
using namespace std::chrono_literals;

TEST_CASE("a conversation's target is remembered for an hour") {
    ManualClock clock;
    StickyTable table;
    constexpr std::uint64_t kOne = 0x1234'5678'0000'0001U;
    CHECK(table.recall(kOne, clock.now()) == 0);
    table.remember(kOne, 7, clock.now());
    CHECK(table.recall(kOne, clock.now()) == 7);
    CHECK(table.recall(kOne ^ (std::uint64_t{1} << 40U), clock.now()) == 0);
    clock.advance(59min);
    CHECK(table.recall(kOne, clock.now()) == 7);
    clock.advance(1min);
    CHECK(table.recall(kOne, clock.now()) == 0);
}

TEST_CASE("nobody's target is not remembered, and a newer conversation takes the slot") {
    ManualClock clock;
    StickyTable table;
    constexpr std::uint64_t kOld = 0x1111'1111'0000'0005U;
    constexpr std::uint64_t kNew = 0x2222'2222'0000'0005U;
    table.remember(kOld, 3, clock.now());
    table.remember(kOld, 0, clock.now());
    CHECK(table.recall(kOld, clock.now()) == 3);
    table.remember(kNew, 4, clock.now());
    CHECK(table.recall(kOld, clock.now()) == 0);
    CHECK(table.recall(kNew, clock.now()) == 4);
}
