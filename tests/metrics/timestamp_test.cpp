#include "metrics/timestamp.hpp"

#include "tests/support/catch.hpp"

using namespace tollgate::metrics;

TEST_CASE("times are RFC 3339 in UTC with milliseconds") {
    struct Row {
        std::int64_t milliseconds;
        const char* text;
    };
    const Row rows[]{
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.999Z"},
        {1000, "1970-01-01T00:00:01.000Z"},
        {951'782'399'999, "2000-02-28T23:59:59.999Z"},
        {951'782'400'000, "2000-02-29T00:00:00.000Z"},
        {1'767'225'599'042, "2025-12-31T23:59:59.042Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {999, "1970-01-01T00:00:00.999Z"},
    };
    TimestampWriter writer;  // one for all: a cached second must not leak into the next
    for (const Row& row : rows) {
        const std::chrono::sys_time<std::chrono::milliseconds> when{
            std::chrono::milliseconds(row.milliseconds)};
        CHECK(writer.write(when) == row.text);
        TimestampWriter fresh;
        CHECK(fresh.write(when) == row.text);
    }
}
