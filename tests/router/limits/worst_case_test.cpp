#include "router/limits/worst_case.hpp"

#include "tests/router/support.hpp"
#include "tests/support/catch.hpp"

namespace tollgate::router {
namespace {

SnapshotPtr priced(const std::string& rates) {
    const auto built =
        tests::build("providers: {demo: {}}\ncost: {prices: {demo/m: {" + rates + "}}}\n");
    REQUIRE(built);
    return *built;
}

Pico worst(const SnapshotPtr& snapshot, const MostUsed& most, std::string_view service = {}) {
    const ModelPrices& prices = snapshot->provider("demo")->prices;
    return worst_cost(prices, prices.find("m"), most, {.when = {}, .service = service});
}

constexpr Pico kMicro = 1'000'000;  // a token at 1 USD per million

}  // namespace

TEST_CASE("a worst case is the dearest kind of prompt and the dearest kind of answer") {
    const auto plain = priced("input: 1, output: 4");
    CHECK(worst(plain, {.prompt = 100, .output = 10, .body = {}}) == 140 * kMicro);
    const auto cached =
        priced("input: 1, cache_read: 0.1, cache_write: 1.25, output: 4, reasoning: 6");
    CHECK(worst(cached, {.prompt = 100, .output = 10, .body = {}}) == 185 * kMicro);
    const auto per_call = priced("input: 1, output: 4, request: 0.5");
    CHECK(worst(per_call, {.prompt = 100, .output = 10, .body = {}}) ==
          140 * kMicro + 500'000 * kMicro);
}

TEST_CASE("kinds of tokens that the request does not name are not set aside") {
    const auto dear = priced(
        "input: 1, cache_write: 1, cache_write_1h: 2, input_audio: 10, output: 4, output_audio: "
        "20");
    const auto at = [&](std::string_view body) {
        return worst(dear, {.prompt = 100, .output = 10, .body = body});
    };
    CHECK(at("{}") == 140 * kMicro);
    CHECK(at(R"({"ttl":"1h"})") == 240 * kMicro);
    CHECK(at(R"({"type":"input_audio"})") == 1040 * kMicro);
    CHECK(at(R"({"modalities":["audio"]})") == 300 * kMicro);
}

TEST_CASE("a long prompt is set aside at its tier's price, and what has no price at nothing") {
    const auto tiers = priced("input: 1, output: 4, tiers: [{above: 1000, input: 2, output: 8}]");
    CHECK(worst(tiers, {.prompt = 1000, .output = 10, .body = {}}) == 1040 * kMicro);
    CHECK(worst(tiers, {.prompt = 1001, .output = 10, .body = {}}) == 2082 * kMicro);
    const ModelPrices& prices = tiers->provider("demo")->prices;
    CHECK(worst_cost(prices, nullptr, {.prompt = 5, .output = 5, .body = {}}, {}) == 0);
}

TEST_CASE("an amount beyond all reason is more than any budget") {
    const auto dear = priced("input: 90000, output: 90000");
    CHECK(worst(dear, {.prompt = 1'000'000'000, .output = 1'000'000'000, .body = {}}) >=
          std::numeric_limits<Pico>::max() / 8);
}

}  // namespace tollgate::router
