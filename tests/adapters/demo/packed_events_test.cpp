#include "adapters/demo/packed_events.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace tollgate::demo::tests {
namespace {

TEST_CASE("packed events come out as they went in") {
    const std::vector<std::vector<std::string>> cases{
        {},
        {""},
        {"one"},
        {"", "a", "", "b"},
        {"same", "same", "same"},
        {"abab", "ab", "ababab", "b"},
        {"aaaa", "aa", "aaaaaa", "a"},
        {R"(data: {"delta":"one"})", R"(data: {"delta":"two "})", R"(data: {"delta":""})",
         "data: [DONE]"},
        {std::string(100'000, 'x'), "y", std::string("a\0b", 3), std::string("a\0c", 3)},
    };
    for (const std::vector<std::string>& events : cases) {
        PackedEvents packed(events);
        for (std::size_t i = 0; i < events.size(); ++i) {
            CHECK(packed.size() == events.size() - i);
            CHECK(packed.next() == events[i]);
        }
        CHECK(packed.size() == 0);
    }
}

}  // namespace
}  // namespace tollgate::demo::tests
