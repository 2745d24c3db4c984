#include "adapters/dialect.hpp"
#include "tests/support/catch.hpp"

#include <set>

using namespace tollgate::adapters;

TEST_CASE("every dialect has an object and a name of its own", "[dialect]") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < kDialects; ++i) {
        names.insert(dialect(static_cast<DialectName>(i)).name());
    }
    CHECK(names.size() == kDialects);
    CHECK(dialect(DialectName::openai).relays());
    CHECK(dialect(DialectName::azure).relays());
    CHECK_FALSE(dialect(DialectName::anthropic).relays());
}
