#include "server/alerts/budget_text.hpp"

#include "adapters/codec/json.hpp"
#include "tests/support/catch.hpp"

namespace tollgate::server {
namespace {

constexpr router::Pico kUsd = 1'000'000'000'000;

TEST_CASE("an alert says whose budget it is, what is spent and when it renews") {
    const router::WallTime end{std::chrono::seconds(1'764'547'200)};  // 2025-12-01T00:00:00Z
    const router::Budget::State state{
        .limit = 500 * kUsd, .spent = 400 * kUsd + kUsd / 8, .reserved = 0, .window = {{}, end}};
    const std::string body =
        alert_body({config::ScopeKind::team, "a \"b\""}, config::Period::month, state, 80);
    const Result<json::Document> read = json::Document::parse(body);
    REQUIRE(read);
    CHECK(read->root()["text"].string() ==
          "The budget of the team 'a \"b\"' has reached 80 %: $400.125 of $500 per month is spent. "
          "It renews at 2025-12-01T00:00:00Z.");
    CHECK(read->root()["scope"].string() == "team");
    CHECK(read->root()["name"].string() == "a \"b\"");
    CHECK(read->root()["threshold_percent"].integer() == 80);
    CHECK(read->root()["spent_usd"].string() == "400.125");
    CHECK(read->root()["renews_at"].string() == "2025-12-01T00:00:00Z");
}

TEST_CASE("a budget without a period has no day of renewal") {
    const router::Budget::State state{.limit = kUsd,
                                      .spent = kUsd,
                                      .reserved = 0,
                                      .window = router::window_at(config::Period::total, {})};
    const std::string body = alert_body({}, config::Period::total, state, 95);
    const Result<json::Document> read = json::Document::parse(body);
    REQUIRE(read);
    CHECK(read->root()["text"].string() ==
          "The budget of the whole gateway has reached 95 %: $1 of $1 in total is spent.");
    CHECK(read->root()["renews_at"].is_null());
}

}  // namespace
}  // namespace tollgate::server
