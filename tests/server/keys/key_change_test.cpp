#include "server/keys/key_change.hpp"

#include "tests/support/catch.hpp"

namespace tollgate::server {
namespace {

const config::Timestamp kNow{std::chrono::seconds(1'764'028'800)};  // 2025-11-25T00:00:00Z

std::expected<KeyRequest, std::string> read(std::string_view text, bool wants_name = false) {
    const Result<json::Document> document = json::Document::parse(text);
    REQUIRE(document);
    return read_key_request(document->root(), wants_name, kNow);
}

config::KeySettings applied(const KeyChange& change, config::KeySettings key = {}) {
    change.apply(key);
    return key;
}

}  // namespace

TEST_CASE("a key's settings are read from JSON and from words alike") {
    const auto object = read(
        R"({"name": "a", "enabled": false, "team": "t", "models": ["smart", "openai/*"],
            "tags": ["x"], "budget": {"usd": "12.5", "per": "day"},
            "limits": {"rpm": 60, "tpm": "1000", "concurrency": 5}, "expires": "2027-01-31"})",
        true);
    REQUIRE(object);
    CHECK(object->name == "a");
    KeyChange words;
    words.enabled = false;
    for (const auto& [name, text] :
         std::vector<std::pair<std::string, std::string>>{{"team", "t"},
                                                          {"models", "smart,openai/*"},
                                                          {"tags", "x"},
                                                          {"budget", "12.5/day"},
                                                          {"rpm", "60"},
                                                          {"tpm", "1000"},
                                                          {"concurrency", "5"},
                                                          {"expires", "2027-01-31"}}) {
        INFO(name);
        CHECK(set(words, name, text, kNow));
    }
    const config::KeySettings key = applied(object->change);
    CHECK(key == applied(words));
    CHECK(key.budget->usd.micros == 12'500'000);
    CHECK(key.budget->per == config::Period::day);
    CHECK(key.limits == config::KeyLimits{.rpm = 60, .tpm = 1000, .concurrency = 5});
    CHECK_FALSE(key.enabled);
}

TEST_CASE("what a change does not name stays, and null takes away") {
    config::KeySettings key;
    key.team = "t";
    key.budget = config::KeyBudget{.usd = {5}, .per = config::Period::hour};
    key.limits = {.rpm = 1, .tpm = 2, .concurrency = 3};
    key.expires = kNow;
    CHECK(applied(read("{}")->change, key) == key);
    const config::KeySettings less = applied(
        read(R"({"budget": null, "limits": null, "expires": null, "team": null})")->change, key);
    CHECK(less == config::KeySettings());
    CHECK(applied(read(R"({"limits": {"rpm": 0}})")->change, key).limits ==
          config::KeyLimits{.rpm = 0, .tpm = 2, .concurrency = 3});
}

TEST_CASE("an expiry may be a span from now") {
    KeyChange change;
    REQUIRE(set(change, "expires", "30d", kNow));
    CHECK(applied(change).expires == kNow + std::chrono::days(30));
    REQUIRE(set(change, "expires", "never", kNow));
    CHECK_FALSE(applied(change).expires.has_value());
}

TEST_CASE("mistakes are named") {
    const auto problem = [](std::string_view text, bool wants_name = false) {
        const auto made = read(text, wants_name);
        return made ? std::string() : made.error();
    };
    CHECK_THAT(problem("{}", true), Catch::StartsWith("name:"));
    CHECK_THAT(problem(R"({"name": "a b"})", true), Catch::StartsWith("name:"));
    CHECK_THAT(problem(R"({"name": "a"})"), Catch::Contains("name: there is no such field"));
    CHECK_THAT(problem(R"({"budgte": 5})"), Catch::Contains("budgte: there is no such field"));
    CHECK_THAT(problem(R"({"enabled": "yes"})"), Catch::StartsWith("enabled:"));
    CHECK_THAT(problem(R"({"tags": "x"})"), Catch::StartsWith("tags:"));
    CHECK_THAT(problem(R"({"tags": ["a b"]})"), Catch::StartsWith("tags:"));
    CHECK_THAT(problem(R"({"models": [5]})"), Catch::StartsWith("models:"));
    CHECK_THAT(problem(R"({"budget": 5})"), Catch::StartsWith("budget:"));
    CHECK_THAT(problem(R"({"budget": {"usd": 0}})"), Catch::StartsWith("budget:"));
    CHECK_THAT(problem(R"({"budget": {"usd": 1, "per": "year"}})"), Catch::StartsWith("budget:"));
    CHECK_THAT(problem(R"({"limits": {"rps": 1}})"), Catch::StartsWith("limits:"));
    CHECK_THAT(problem(R"({"limits": {"rpm": -1}})"), Catch::StartsWith("rpm:"));
    CHECK_THAT(problem(R"({"expires": "soon"})"), Catch::StartsWith("expires:"));
}

}  // namespace tollgate::server
