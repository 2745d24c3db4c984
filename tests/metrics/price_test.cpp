#include "metrics/price.hpp"

#include "metrics/catalog/catalog.hpp"
#include "tests/support/catch.hpp"

#include <limits>
#include <string>
#include <string_view>

using namespace tollgate;
using namespace tollgate::metrics;
using catalog::Key;
using std::chrono::sys_days;
using std::chrono::system_clock;

namespace {

constexpr std::string_view kText =
    "vendor v\n"
    "model plain chat\n"
    " price USD input=2.5 output=10 cache_read=1.25\n"
    " batch input=1.25 output=5\n"
    " service priority input=5\n"
    " times eu=1.1 fast=6\n"
    "model tiers chat\n"
    " price USD input=1 output=2 cache_read=0.1\n"
    "  above 100 input=2 output=4\n"
    "  above 1000 input=3 output=6\n"
    "model dated chat\n"
    " price USD input=10\n"
    " price USD from=2026-01-01 input=5\n"
    " price USD from=2026-06-01 tod=22:00-06:00 input=1\n"
    "model audio chat\n"
    " price USD input=1 output=2 cache_read=0.5 input_audio=10 cache_read_audio=4 output_audio=20\n"
    "model cheap_cache chat\n"
    " price USD input=3 cache_write=3.75 cache_write_1h=6 output=15 web_search=0.01 request=0.005\n"
    "model both chat\n"
    " price USD input=1 output=1\n"
    " price CNY input=7.2 output=14.4\n"
    " price USD region=eu input=2 output=2\n"
    "model hour stt\n"
    " price USD audio_hour=0.111\n"
    "model fine chat\n"
    " price USD cache_write=0.0833333333333 input=1\n"
    "model free chat\n"
    " price USD free\n"
    "model zero chat\n"
    " price USD zero input=0 output=0\n"
    "model suspect chat\n"
    " price USD suspect input=55000\n"
    "model none chat\n";

const catalog::Model& model(std::string_view id) {
    static const auto catalog =
        *catalog::Catalog::read(kText, [](std::string_view) { return true; });
    return *catalog.vendor("v")->exactly(id);
}

std::string usd(std::string_view id, const Usage& usage, const Circumstances& at = {},
                const Terms& terms = {}) {
    const auto cost = price(model(id), counts_of(usage), terms, at);
    return cost ? to_decimal(cost->pico) : cost.error();
}

Circumstances at(system_clock::time_point when) {
    return {.when = when, .service = {}};
}

}  // namespace

TEST_CASE("each kind of token is billed once, at its own rate") {
    CHECK(usd("plain", {.input = 1000, .cache_read = 500, .output = 100}) == "0.004125");
    CHECK(usd("plain", {.input = 1}) == "0.0000025");
    CHECK(usd("plain", {}) == "0");
}

TEST_CASE("a cost is told in parts, which sum up to it to the pico-dollar") {
    const auto by_kind = [](std::string_view id, const Usage& usage, const Terms& terms = {}) {
        const auto cost = price(model(id), counts_of(usage), terms, {});
        REQUIRE(cost);
        Pico sum = 0;
        for (const Pico part : cost->by_kind) {
            sum += part;
        }
        CHECK(sum == cost->pico);
        return cost->by_kind;
    };
    CHECK(by_kind("plain", {.input = 1000, .cache_read = 500, .output = 100}) ==
          CostByKind{2'500'000'000, 625'000'000, 0, 1'000'000'000, 0});
    CHECK(by_kind("cheap_cache",
                  {.cache_write = 1'000'000, .cache_write_1h = 1'000'000, .web_searches = 3}) ==
          CostByKind{0, 0, 9'750'000'000'000, 0, 35'000'000'000});
    CHECK(by_kind("audio", {.audio_input = 10, .audio_output = 10})[0] == 100'000'000);
    CHECK(by_kind("plain", {}) == CostByKind{});
    CHECK(by_kind("free", {.input = 1000}) == CostByKind{});
    const Terms thirds{.region = {}, .factor = {.numerator = 1, .denominator = 3}};
    for (std::uint64_t i = 1; i < 3000; i += 7) {
        by_kind("plain", {.input = i, .cache_read = i * 31 % 977, .output = i * i % 1009}, thirds);
    }
    by_kind("plain", {.input = 3'000'000'000'000, .output = 1}, thirds);  // beyond 63 bits
}

TEST_CASE("what has no rate of its own is billed as the kind that it is a part of") {
    // No rates for writing to the cache, thinking, or images.
    CHECK(usd("plain", {.cache_write = 1'000'000}) == "2.5");
    CHECK(usd("plain", {.reasoning = 1'000'000}) == "10");
    CHECK(usd("plain", {.image_input = 400'000}) == "1");
    CHECK(usd("plain", {.image_cache_read = 1'000'000}) == "1.25");
    CHECK(usd("cheap_cache", {.cache_read = 1'000'000}) == "3.005");
}

TEST_CASE("writing to the cache for an hour costs its own rate, on top of requests and searches") {
    CHECK(usd("cheap_cache",
              {.cache_write = 1'000'000, .cache_write_1h = 1'000'000, .web_searches = 3}) ==
          "9.785");
}

TEST_CASE("cached audio is part of both the cache and the audio and still billed once") {
    CHECK(usd("audio", {.input = 1'000'000, .audio_cache_read = 1'000'000}) == "5");
    CHECK(usd("audio", {.audio_input = 1'000'000}) == "10");
    CHECK(usd("audio", {.cache_read = 1'000'000, .audio_output = 1'000'000}) == "20.5");
}

TEST_CASE("a long prompt changes the rates of the whole call") {
    CHECK(usd("tiers", {.input = 100, .output = 100}) == "0.0003");
    CHECK(usd("tiers", {.input = 51, .cache_read = 50, .output = 100}) == "0.000507");
    CHECK(usd("tiers", {.input = 1001, .output = 1}) == "0.003009");
}

TEST_CASE("the last price list that has begun and whose hour it is counts") {
    const Usage million{.input = 1'000'000};
    using namespace std::chrono;
    CHECK(usd("dated", million, at(sys_days(2025y / 12 / 31))) == "10");
    CHECK(usd("dated", million, at(sys_days(2026y / 1 / 1))) == "5");
    CHECK(usd("dated", million, at(sys_days(2026y / 6 / 1) + 21h + 59min)) == "5");
    CHECK(usd("dated", million, at(sys_days(2026y / 6 / 1) + 22h)) == "1");
    CHECK(usd("dated", million, at(sys_days(2026y / 6 / 2) + 5h + 59min)) == "1");
    CHECK(usd("dated", million, at(sys_days(2026y / 6 / 2) + 6h)) == "5");
    CHECK(usd("dated", million, at(sys_days(1960y / 1 / 1))) == "10");
}

TEST_CASE("service tiers replace rates, factors multiply the whole") {
    const Usage usage{.input = 1'000'000, .output = 1'000'000};
    CHECK(usd("plain", usage, {.when = {}, .service = "batch"}) == "6.25");
    CHECK(usd("plain", usage, {.when = {}, .service = "priority"}) == "15");
    CHECK(usd("plain", usage, {.when = {}, .service = "fast"}) == "75");
    CHECK(usd("plain", usage, {.when = {}, .service = "default"}) == "12.5");
    Terms terms;
    terms.region = "eu";
    CHECK(usd("plain", usage, {}, terms) == "13.75");
}

TEST_CASE("currency and region choose the price list, and the rate turns it into dollars") {
    const Usage usage{.input = 1'000'000, .output = 1'000'000};
    Terms terms;
    CHECK(usd("both", usage, {}, terms) == "2");
    terms.currency = catalog::Currency::cny;
    CHECK(usd("both", usage, {}, terms) == "3");
    const auto cost = price(model("both"), counts_of(usage), terms, {});
    REQUIRE(cost);
    CHECK(cost->currency == catalog::Currency::cny);
    CHECK(to_decimal(cost->own, 12) == "21.6");
    terms.currency = catalog::Currency::usd;
    terms.region = "eu";
    CHECK(usd("both", usage, {}, terms) == "4");
    terms.region = "mars";
    CHECK(usd("both", usage, {}, terms) == "2");
}

TEST_CASE("discount and margin are exact") {
    Terms terms;
    terms.factor =
        *product({.numerator = 9, .denominator = 10}, {.numerator = 21, .denominator = 20});
    CHECK(usd("plain", {.input = 1'000'000}, {}, terms) == "2.3625");
}

TEST_CASE("an amount that is no whole pico-dollar is rounded once, half to even") {
    Usage usage{.input_audio_seconds = 1};
    CHECK(usd("hour", usage) == "0.000030833333");
    const auto cost = price(model("hour"), counts_of(usage), {}, {});
    REQUIRE(cost);
    CHECK(to_decimal(cost->usd, 20) == "0.00003083333333333333");
    CHECK(usd("fine", {.cache_write = 3}) == "0.00000025");
}

TEST_CASE("free, zero, suspect and unknown are told apart") {
    const auto priced = [](std::string_view id) {
        return price(model(id), counts_of({.input = 10}), {}, {})->priced;
    };
    CHECK(priced("plain") == Priced::yes);
    CHECK(priced("free") == Priced::free);
    CHECK(priced("zero") == Priced::zero);
    CHECK(priced("suspect") == Priced::suspect);
    CHECK(priced("none") == Priced::no_price);
    CHECK(price(model("free"), counts_of({.input = 10}), {}, {})->counts());
    CHECK_FALSE(price(model("zero"), counts_of({.input = 10}), {}, {})->counts());
}

TEST_CASE("counters that contradict each other are refused") {
    Counts counts;
    counts[Key::input] = 10;
    counts[Key::cache_read] = 11;
    CHECK(price(model("plain"), counts, {}, {}).error().find("input_tokens are more") !=
          std::string::npos);
    counts[Key::cache_read] = -1;
    CHECK_FALSE(price(model("plain"), counts, {}, {}));
    // A part that has no rate is not looked at.
    counts[Key::cache_read] = 0;
    counts[Key::input_audio] = 11;
    CHECK(price(model("plain"), counts, {}, {}));
}

TEST_CASE("sums beyond all reason are refused, not wrapped") {
    Counts counts;
    for (const Key key : {Key::input, Key::output}) {
        counts[key] = std::numeric_limits<std::int64_t>::max();
    }
    CHECK_FALSE(price(model("plain"), counts, {}, {}));
    counts = {};
    counts[Key::input] = 3'000'000'000'000;
    CHECK(usd("plain", {.input = 3'000'000'000'000}) == "7500000");
}
