#include "router/limits/period.hpp"

#include "tests/support/catch.hpp"

namespace tollgate::router {
namespace {

using config::Period;
using namespace std::chrono;

WallTime at(int y, unsigned m, unsigned d, int h = 0, int min = 0) {
    return sys_days(year(y) / month(m) / day(d)) + hours(h) + minutes(min);
}

TEST_CASE("periods begin and end where the UTC calendar says") {
    CHECK(window_at(Period::hour, at(2026, 12, 31, 23, 59)) ==
          Window{at(2026, 12, 31, 23), at(2027, 1, 1)});
    CHECK(window_at(Period::day, at(2026, 11, 25, 13)) ==
          Window{at(2026, 11, 25), at(2026, 11, 26)});
    CHECK(window_at(Period::month, at(2026, 11, 25)) == Window{at(2026, 11, 1), at(2026, 12, 1)});
    CHECK(window_at(Period::total, at(2026, 11, 25)).end == WallTime::max());
}

TEST_CASE("February has a day more in a leap year") {
    CHECK(window_at(Period::month, at(2028, 2, 29)) == Window{at(2028, 2, 1), at(2028, 3, 1)});
    CHECK(window_at(Period::day, at(2028, 2, 28, 23)).end == at(2028, 2, 29));
    CHECK(window_at(Period::day, at(2027, 2, 28, 23)).end == at(2027, 3, 1));
}

TEST_CASE("December is followed by January") {
    CHECK(window_at(Period::month, at(2026, 12, 31)).end == at(2027, 1, 1));
}

TEST_CASE("weeks begin on Monday") {
    const Window week{at(2026, 11, 23), at(2026, 11, 30)};  // 2026-11-25 is a Wednesday
    CHECK(window_at(Period::week, at(2026, 11, 23)) == week);
    CHECK(window_at(Period::week, at(2026, 11, 29, 23, 59)) == week);
    CHECK(window_at(Period::week, at(2026, 11, 22, 23, 59)).end == week.begin);
}

TEST_CASE("a boundary belongs to the period that begins") {
    CHECK(window_at(Period::hour, at(2026, 1, 1)).begin == at(2026, 1, 1));
}

}  // namespace
}  // namespace tollgate::router
