#include "metrics/money.hpp"

#include "tests/support/catch.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

using namespace tollgate::metrics;

TEST_CASE("money is written exactly and without trailing zeros") {
    CHECK(to_decimal(0) == "0");
    CHECK(to_decimal(1) == "0.000000000001");
    CHECK(to_decimal(-1) == "-0.000000000001");
    CHECK(to_decimal(kPicoPerUsd) == "1");
    CHECK(to_decimal(Int128{10} * kPicoPerUsd) == "10");
    CHECK(to_decimal(1'500'000'000'000) == "1.5");
    CHECK(to_decimal(123'000'456'000'000) == "123.000456");
    CHECK(to_decimal(std::numeric_limits<std::int64_t>::max()) == "9223372.036854775807");
    CHECK(to_decimal(std::numeric_limits<std::int64_t>::min()) == "-9223372.036854775808");
    CHECK(to_decimal(Int128{kPicoPerUsd} * kPicoPerUsd * kPicoPerUsd) ==
          "1000000000000000000000000");
    DecimalText space;
    CHECK(write_decimal(-(Int128{1} << 126), 0, space) ==
          "-85070591730234615865843651857942052864");
    CHECK(write_decimal(7, 38, space) == "0.00000000000000000000000000000000000007");
    CHECK(write_decimal(120, 0, space) == "120");
}

TEST_CASE("a decimal is read exactly, or not at all") {
    struct Row {
        std::string text;
        unsigned digits;
        std::optional<std::int64_t> want;
    };
    const auto none = std::nullopt;
    for (const Row& row : {
             Row{"0", 12, 0},
             Row{"1", 6, 1'000'000},
             Row{"2.50", 1, 25},
             Row{".5", 6, 500'000},
             Row{"5.", 0, 5},
             Row{"+3", 0, 3},
             Row{"-0.000001", 6, -1},
             Row{"3e-7", 12, 300'000},
             Row{"1.25E+2", 0, 125},
             Row{"0.0833333333333", 13, 833'333'333'333},
             Row{"9223372036854775807", 0, 9'223'372'036'854'775'807},
             Row{"9223372036854775808", 0, none},
             Row{"922337203685477580.8", 1, none},
             Row{"0.0000001", 6, none},
             Row{"1e-7", 6, none},
             Row{"", 6, none},
             Row{".", 6, none},
             Row{"-", 6, none},
             Row{"1.2.3", 6, none},
             Row{"1 ", 6, none},
             Row{"0x10", 6, none},
             Row{"nan", 6, none},
             Row{"1e", 6, none},
             Row{"1e999", 6, none},
             Row{"1e-999", 6, none},
         }) {
        INFO(row.text);
        CHECK(parse_decimal(row.text, row.digits) == row.want);
    }
}

TEST_CASE("what others report is rounded half to even") {
    CHECK(parse_rounded("0.25", 1) == 2);
    CHECK(parse_rounded("0.35", 1) == 4);
    CHECK(parse_rounded("0.2500001", 1) == 3);
    CHECK(parse_rounded("-0.35", 1) == -4);
    CHECK(parse_rounded("0.049", 1) == 0);
    CHECK(parse_rounded("0.95", 1) == 10);
    CHECK(parse_rounded("9e-20", 12) == 0);
    CHECK(parse_rounded("0.000123456789012345", 12) == 123'456'789);
    CHECK(parse_rounded("x", 1) == std::nullopt);
}

TEST_CASE("a division is rounded half to even") {
    CHECK(divide_half_even(5, 2) == 2);
    CHECK(divide_half_even(7, 2) == 4);
    CHECK(divide_half_even(-5, 2) == -2);
    CHECK(divide_half_even(-7, 2) == -4);
    CHECK(divide_half_even(8, 3) == 3);
    CHECK(divide_half_even(7, 3) == 2);
    CHECK(divide_half_even(0, 9) == 0);
}

TEST_CASE("what is written can be read again") {
    for (const std::int64_t amount :
         {std::int64_t{1}, std::int64_t{-17}, std::int64_t{999'999'999'999},
          std::int64_t{1'000'000'000'001}, std::numeric_limits<std::int64_t>::max()}) {
        CHECK(parse_decimal(to_decimal(amount), kPicoDigits) == amount);
    }
}
