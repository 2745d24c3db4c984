#include "metrics/record.hpp"

#include "tests/support/catch.hpp"

#include <set>

using namespace tollgate::metrics;

TEST_CASE("every outcome has its own label value") {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Outcome::truncated); ++i) {
        names.insert(to_string(static_cast<Outcome>(i)));
    }
    CHECK(names == std::set<std::string_view>{"ok", "client_error", "upstream_error",
                                              "gateway_error", "client_gone", "truncated"});
    CHECK(to_string(Outcome::client_gone) == "client_gone");
}

TEST_CASE("a negative duration counts as nothing") {
    CHECK(nanoseconds(std::chrono::microseconds(3)) == 3000);
    CHECK(nanoseconds(-std::chrono::seconds(1)) == 0);
}
