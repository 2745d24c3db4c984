// keys, limits, budgets, alerts and admin.
#include "tests/config/support.hpp"

#include <string>

namespace tollgate::config {
namespace {

const std::string kHash = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');

std::string refusal(std::string_view yaml) {
    std::string all;
    for (const std::string& line : test::refuse(yaml)) {
        all += line + "\n";
    }
    return all;
}

TEST_CASE("a rule names one scope, or none for everything") {
    const Settings settings = test::accept(
        "limits: {rules: [{team: search, rpm: 60}, {concurrency: 5}]}\n"
        "budgets: [{model: openai/gpt-4o, usd: 1.5, per: day}, {usd: 3}]\n");
    REQUIRE(settings.limits.rules.size() == 2);
    CHECK(settings.limits.rules[0].scope == Scope{.kind = ScopeKind::team, .name = "search"});
    CHECK(settings.limits.rules[0].limits.rpm == 60);
    CHECK(settings.limits.rules[1].scope == Scope{});
    REQUIRE(settings.budgets.size() == 2);
    CHECK(settings.budgets[0].scope == Scope{.kind = ScopeKind::model, .name = "openai/gpt-4o"});
    CHECK(settings.budgets[0].budget == KeyBudget{.usd = {1'500'000}, .per = Period::day});
    CHECK(settings.budgets[1].budget == KeyBudget{.usd = {3'000'000}, .per = Period::month});
}

TEST_CASE("a rule with two scopes is refused") {
    CHECK(refusal("budgets: [{team: a, key: b, usd: 1}]")
              .find("give one of key, team, tag, provider and model") != std::string::npos);
}

TEST_CASE("a budget that 64 bits of pico-dollars cannot count is refused") {
    CHECK(refusal("budgets: [{usd: 4000001}]").find("at most 4000000 USD") != std::string::npos);
    test::accept("budgets: [{usd: 4000000}]");
}

TEST_CASE("a key expires at a UTC date or second") {
    const Settings settings = test::accept("keys: [{name: a, hash: " + kHash +
                                           ", expires: 2028-02-29}, {name: b, hash: " + kOther +
                                           ", expires: '1970-01-01T00:01:01Z'}]");
    CHECK(settings.keys[0].expires->time_since_epoch().count() == 1835395200);
    CHECK(settings.keys[1].expires->time_since_epoch().count() == 61);
    for (const char* const wrong : {"2027-02-29", "2027-1-1", "2027-01-01T24:00:00Z", "soon"}) {
        CHECK(refusal("keys: [{name: a, hash: " + kHash + ", expires: '" + wrong + "'}]")
                  .find("expected a date") != std::string::npos);
    }
}

TEST_CASE("the admin API on other addresses than loopback needs a key") {
    CHECK(refusal("admin: {listen: '0.0.0.0:4001'}").find("admin.key_hash") != std::string::npos);
    test::accept("admin: {listen: '127.0.0.1:4001'}");
    test::accept("admin: {listen: '0.0.0.0:4001', key_hash: " + kHash + "}");
}

TEST_CASE("the admin key is not a caller's key as well") {
    CHECK(refusal("admin: {key_hash: " + kHash + "}\nkeys: [{name: a, hash: " + kHash + "}]")
              .find("use two keys") != std::string::npos);
}

TEST_CASE("require_keys lets other machines in before the first key exists") {
    test::accept("server: {listen: ['0.0.0.0:4000'], require_keys: true}");
}

TEST_CASE("what was written is remembered without secrets and keys") {
    const Settings settings = test::accept(
        "providers: {openai: {api_key: sk-literal, base_url: 'https://x.example/v1'}}\n"
        "alerts: {webhooks: 'https://hooks.example/secret'}\n"
        "keys: [{name: a, hash: " +
        kHash + "}]\n");
    CHECK(settings.source.texts.at("providers.openai.base_url") == "https://x.example/v1");
    CHECK(settings.source.texts.at("providers.openai.api_key") == "***");
    for (const auto& [path, text] : settings.source.texts) {
        CHECK_FALSE(path.starts_with("keys"));
        CHECK(text.find("secret") == std::string::npos);
    }
}

}  // namespace
}  // namespace tollgate::config
