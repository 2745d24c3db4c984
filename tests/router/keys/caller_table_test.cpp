#include "router/keys/caller_table.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace tollgate::router {
namespace {

using namespace std::chrono;
const WallTime kNow = sys_days(year(2026) / 11 / 25);

std::string hash_of(unsigned number) {
    std::string text = "sha256:" + std::string(64, '0');
    for (std::size_t at = text.size() - 1; number != 0; --at, number /= 16) {
        text[at] = "0123456789abcdef"[number % 16];
    }
    return text;
}

class Table {
public:
    void add(KeySpec spec) { keys_.push_back(Key::make(spec, 0, store_, &profiles_)); }
    CallerTable make() const { return CallerTable(keys_, RuleSet::make(settings, store_), true); }
    config::Settings settings;

private:
    mutable LocalLimits store_{[] { return kNow; }, {}};
    KeyProfiles profiles_;
    std::vector<KeyPtr> keys_;
};

KeySpec spec(const std::string& name, unsigned hash) {
    KeySpec one;
    one.settings.name = name;
    one.settings.hash = hash_of(hash);
    return one;
}

TEST_CASE("a key is found by its hash alone, also among hashes that begin alike") {
    Table table;
    for (unsigned i = 1; i <= 1000; ++i) {
        table.add(spec("key-" + std::to_string(i), i));  // all begin with zeros
    }
    const CallerTable made = table.make();
    for (const unsigned i : {1U, 500U, 1000U}) {
        const Key* const key = made.find(*parse_digest(hash_of(i)), kNow);
        REQUIRE(key != nullptr);
        CHECK(key->name() == "key-" + std::to_string(i));
    }
    CHECK(made.find(*parse_digest(hash_of(1001)), kNow) == nullptr);
}

TEST_CASE("a key that is switched off or expired is not found") {
    Table table;
    KeySpec off = spec("off", 1);
    off.settings.enabled = false;
    KeySpec expiring = spec("expiring", 2);
    expiring.settings.expires = kNow + hours(1);
    table.add(off);
    table.add(expiring);
    const CallerTable made = table.make();
    CHECK(made.find(*parse_digest(hash_of(1)), kNow) == nullptr);
    CHECK(made.find(*parse_digest(hash_of(2)), kNow + minutes(59)) != nullptr);
    CHECK(made.find(*parse_digest(hash_of(2)), kNow + hours(1)) == nullptr);
}

TEST_CASE("after a rotation both secrets are valid until the overlap ends") {
    Table table;
    KeySpec rotated = spec("a", 2);
    rotated.settings.previous_hash = hash_of(1);
    rotated.previous_until = kNow + hours(24);
    table.add(rotated);
    const CallerTable made = table.make();
    const Key* const by_new = made.find(*parse_digest(hash_of(2)), kNow + hours(25));
    const Key* const by_old = made.find(*parse_digest(hash_of(1)), kNow + hours(23));
    REQUIRE(by_new != nullptr);
    CHECK(by_old == by_new);
    CHECK(made.find(*parse_digest(hash_of(1)), kNow + hours(24)) == nullptr);
}

TEST_CASE("the limits of a caller are those of everything, key, team and tags, each once") {
    using config::ScopeKind;
    Table table;
    for (const config::Scope& scope :
         {config::Scope{}, config::Scope{ScopeKind::team, "search"},
          config::Scope{ScopeKind::tag, "x"}, config::Scope{ScopeKind::tag, "y"},
          config::Scope{ScopeKind::team, "other"}}) {
        table.settings.limits.rules.push_back({.scope = scope, .limits = {.rpm = 5}});
    }
    KeySpec one = spec("a", 1);
    one.settings.team = "search";
    one.settings.tags = {"x"};
    one.settings.limits.rpm = 7;
    table.add(one);
    const CallerTable made = table.make();
    Scopes scopes;
    const std::vector<std::string> tags{"x", "y", "x", "unknown"};
    made.caller_scopes(made.find(*parse_digest(hash_of(1)), kNow), tags, scopes);
    std::vector<std::string> names;
    for (const ScopeLimits* const scope : scopes) {
        names.push_back(scope->scope.name);
    }
    CHECK(names == std::vector<std::string>{"", "a", "search", "x", "y"});
}

TEST_CASE("a rule for a key does not count together with the key's own limits") {
    Table table;
    table.settings.limits.rules.push_back(
        {.scope = {config::ScopeKind::key, "a"}, .limits = {.rpm = 5}});
    KeySpec one = spec("a", 1);
    one.settings.limits.rpm = 7;
    table.add(one);
    const CallerTable made = table.make();
    Scopes scopes;
    made.caller_scopes(made.find(*parse_digest(hash_of(1)), kNow), {}, scopes);
    REQUIRE(scopes.size() == 2);
    CHECK(scopes[0]->rates->requests.limit() == 7);
    CHECK(scopes[1]->rates->requests.limit() == 5);
}

TEST_CASE("a model's rule is for one provider or for all") {
    Table table;
    table.settings.limits.rules.push_back(
        {.scope = {config::ScopeKind::model, "openai/gpt"}, .limits = {.rpm = 5}});
    table.settings.limits.rules.push_back(
        {.scope = {config::ScopeKind::model, "gpt"}, .limits = {.rpm = 6}});
    const CallerTable made = table.make();
    const auto count = [&](std::string_view provider, std::string_view model) {
        Scopes scopes;
        made.rules().find_model(provider, model, scopes);
        return scopes.size();
    };
    CHECK(count("openai", "gpt") == 2);
    CHECK(count("azure", "gpt") == 1);
    CHECK(count("openai", "gpt-2") == 0);
}

}  // namespace
}  // namespace tollgate::router
