#include "router/active_check.hpp"

#include "router/listing.hpp"
#include "router/provider_state.hpp"
#include "tests/router/support.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate;
using namespace tollgate::router;
using namespace tollgate::router::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kTwo = R"(
providers:
  a: {type: openai_compat, base_url: "http://127.0.0.1:1/v1", api_key: [k1, k2], models: [m]}
  b: {type: openai_compat, base_url: "http://127.0.0.1:2/v1", api_key: k, models: [m]}
models: {both: {chain: [a/m, b/m]}}
failover: {checks: {every: 1m}}
)";
const failover::Clock::time_point kNow(1000h);

std::string order(const Snapshot& snapshot, failover::Clock::time_point now) {
    const Result<Route> route = snapshot.route("both", adapters::Operation::chat, 0, now);
    REQUIRE(route);
    std::string out;
    for (const RoutedTarget& target : route->targets) {
        out += target.provider->settings.name;
    }
    return out;
}

Result<unsigned> lost() {
    return fail(FailureKind::connect_failed, "test");
}

}  // namespace

TEST_CASE("only a vendor whose list is free and has an address is checked") {
    const SnapshotPtr snapshot = build_good(
        "providers: {openai: {api_key: k}, anthropic: {api_key: k}, demo: {}, groq: {},"
        " bedrock: {api_key: k, region: us-east-1}}\n");
    const auto takes = [&](std::string_view name) {
        return has_model_list(*snapshot->provider(name));
    };
    CHECK(takes("openai"));
    CHECK(takes("anthropic"));
    CHECK_FALSE(takes("demo"));
    CHECK_FALSE(takes("groq"));     // no key
    CHECK_FALSE(takes("bedrock"));  // its list is another service's
}

TEST_CASE("a provider is asked when nothing was heard of it, and not while it works") {
    const SnapshotPtr snapshot = build_good(kTwo);
    const Provider& a = *snapshot->provider("a");
    failover::Health& health = a.record("m").live->health;
    CHECK_FALSE(check_is_due(a, 1min, kNow, kNow + 59s));
    CHECK(check_is_due(a, 1min, kNow, kNow + 60s));
    health.began(kNow + 30s);
    CHECK_FALSE(check_is_due(a, 1min, kNow, kNow + 10min));
    static_cast<void>(health.succeeded(failover::Admission::normal, kNow + 10min, {}));
    CHECK_FALSE(check_is_due(a, 1min, kNow, kNow + 10min + 59s));
    CHECK(check_is_due(a, 1min, kNow, kNow + 11min));
    // A failure is not an answer.
    health.began(kNow + 11min);
    static_cast<void>(health.failed(failover::Admission::normal,
                                    {.kind = FailureKind::connect_failed, .detail = "test"},
                                    kNow + 11min, {}));
    CHECK(check_is_due(a, 1min, kNow, kNow + 11min));
}

TEST_CASE("a provider that does not answer stands last until it does") {
    const SnapshotPtr snapshot = build_good(kTwo);
    const Provider& a = *snapshot->provider("a");
    const KeyChoice key = choose_key(*snapshot, a, 0, kNow);
    CHECK(order(*snapshot, kNow) == "ab");
    CHECK(note_check(*snapshot, a, key, lost(), kNow) == CheckNews::unreachable);
    CHECK(order(*snapshot, kNow) == "ba");
    CHECK(state_of(a, snapshot->health_options(), kNow) == ProviderState::unreachable);
    CHECK(note_check(*snapshot, a, key, 503U, kNow + 1min) == CheckNews::none);
    CHECK(order(*snapshot, kNow + 3min) == "ba");
    CHECK(order(*snapshot, kNow + 4min) == "ab");  // nobody looks after it any more
    CHECK(note_check(*snapshot, a, key, lost(), kNow + 5min) == CheckNews::unreachable);
    CHECK(note_check(*snapshot, a, key, 404U, kNow + 6min) == CheckNews::reachable);
    CHECK(order(*snapshot, kNow + 6min) == "ab");
    CHECK(note_check(*snapshot, a, key, 200U, kNow + 7min) == CheckNews::none);
}

TEST_CASE("a key that a check finds refused is left alone") {
    const SnapshotPtr snapshot = build_good(kTwo);
    const Provider& a = *snapshot->provider("a");
    KeyChoice key{.index = 0, .live = a.key_live[0]};
    CHECK(note_check(*snapshot, a, key, 401U, kNow) == CheckNews::key_refused);
    CHECK(a.key_live[0]->health.rest(kNow) == failover::Rest::refused);
    CHECK(note_check(*snapshot, a, key, 401U, kNow) == CheckNews::none);
    CHECK(order(*snapshot, kNow) == "ab");
    key = {.index = 1, .live = a.key_live[1]};
    CHECK(note_check(*snapshot, a, key, 403U, kNow) == CheckNews::key_refused);
    CHECK(order(*snapshot, kNow) == "ba");
}
