#include "server/h2/connection.hpp"

#include "tests/support/catch.hpp"

#include <cstdint>
#include <limits>
#include <random>
#include <set>

namespace tollgate::server::h2::tests {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

TEST_CASE(
    "a connection's own age is the configured one or up to a tenth less, and spread over it") {
    std::mt19937_64 random(1);  // of a fixed seed
    std::set<std::int64_t> tenths;
    for (int i = 0; i < 1000; ++i) {
        const Clock::duration age = own_age(hours(1), random());
        REQUIRE(age <= hours(1));
        REQUIRE(age >= minutes(54));
        tenths.insert((hours(1) - age) / std::chrono::seconds(36));
    }
    CHECK(tenths.size() >= 10);  // of the jitter's six minutes
    CHECK(own_age(hours(1), 0) == hours(1));
}

TEST_CASE("an age so short that it has no tenth stays as it is") {
    for (const std::uint64_t random :
         {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}) {
        CHECK(own_age(Clock::duration(5), random) == Clock::duration(5));
    }
}

}  // namespace
}  // namespace tollgate::server::h2::tests
