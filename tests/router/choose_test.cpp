#include "router/choose.hpp"

#include "tests/router/support.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate;
using namespace tollgate::router;
using namespace tollgate::router::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kThree = R"(
providers:
  a: {type: openai_compat, base_url: "http://127.0.0.1:1/v1", api_key: k}
  b: {type: openai_compat, base_url: "http://127.0.0.1:2/v1", api_key: [k1, k2]}
  c: {type: openai_compat, base_url: "http://127.0.0.1:3/v1", api_key: k}
models:
  chain: {chain: [a/m, b/m, c/m]}
  spread: {balance: weighted, targets: [a/m, b/m, c/m]}
  nested: {chain: [pair, c/m]}
  pair: {balance: order, targets: [a/m, b/m]}
  cheap: {balance: cost, targets: [a/m, b/m, c/m]}
  fast: {balance: latency, targets: [a/m, b/m]}
  fixed: {balance: weighted, sticky: none, targets: [a/m, b/m, c/m]}
cost: {prices: {a/m: {input: 3, output: 9}, c/m: {input: 1, output: 2}}}
)";
const failover::Clock::time_point kNow(1000h);

struct Asked {
    std::string body;
    adapters::Request request;
};

/// A request with room behind its body.
std::unique_ptr<Asked> asked(std::string_view json) {
    auto out = std::make_unique<Asked>();
    out->body = json;
    out->body.append(adapters::kBodySlack, ' ');
    const Result<adapters::Request> peeked = adapters::Request::peek(
        adapters::Operation::chat, std::string_view(out->body).substr(0, json.size()), 64);
    REQUIRE(peeked);
    out->request = *peeked;
    return out;
}

std::string text(const Result<Choice>& choice) {
    if (!choice) {
        return "! " + choice.error().detail;
    }
    std::string out = choice->why + ":";
    for (const RoutedTarget& target : choice->route.targets) {
        out += " " + target.provider->settings.name;
    }
    return out;
}

failover::Health& health_of(const Snapshot& snapshot, std::string_view provider) {
    return snapshot.provider(provider)->record("m").live->health;
}

constexpr std::string_view kFirstTurn =
    R"({"model":"x","messages":[{"role":"system","content":"be {brief}"},{"role":"user","content":"hi \\\" ["}]})";
constexpr std::string_view kSecondTurn =
    R"({"model":"x","messages":[{"role":"system","content":"be {brief}"},{"role":"user","content":"hi \\\" ["},{"role":"assistant","content":"yo"},{"role":"user","content":"more"}]})";

}  // namespace

TEST_CASE("targets that rest or whose breaker is open come last, the least bad first") {
    const SnapshotPtr snapshot = build_good(kThree);
    const auto request = asked(kFirstTurn);
    const Ask ask{.request = request->request, .model = "chain", .now = kNow};
    CHECK(text(choose(*snapshot, ask)) == "alias: a b c");
    health_of(*snapshot, "a").rest(failover::Rest::limited, kNow + 20s);
    CHECK(text(choose(*snapshot, ask)) == "alias: b c a");
    health_of(*snapshot, "b").rest(failover::Rest::limited, kNow + 10s);
    CHECK(text(choose(*snapshot, ask)) == "alias: c b a");
    health_of(*snapshot, "c").rest(failover::Rest::limited, kNow + 30s);
    CHECK(text(choose(*snapshot, ask)) == "alias: b a c");
}

TEST_CASE("a provider is left alone only when all its keys rest") {
    const SnapshotPtr snapshot = build_good(kThree);
    const auto request = asked(kFirstTurn);
    const Ask ask{.request = request->request, .model = "nested", .now = kNow};
    const Provider& b = *snapshot->provider("b");
    snapshot->provider("a")->key_live[0]->health.rest(failover::Rest::refused, kNow + 1h);
    CHECK(text(choose(*snapshot, ask)) == "alias: b c a");
    b.key_live[0]->health.rest(failover::Rest::limited, kNow + 1s);
    CHECK(text(choose(*snapshot, ask)) == "alias: b c a");
    CHECK(choose_key(*snapshot, b, 1, kNow).index == 1);
    CHECK(has_well_key(*snapshot, b, kNow));
    b.key_live[1]->health.rest(failover::Rest::limited, kNow + 2s);
    CHECK(text(choose(*snapshot, ask)) == "alias: c b a");
    CHECK(choose_key(*snapshot, b, 1, kNow).index == 0);
    CHECK_FALSE(has_well_key(*snapshot, b, kNow));
}

TEST_CASE("cost takes the cheapest price, unpriced ones last; latency the quickest") {
    const SnapshotPtr snapshot = build_good(kThree);
    const auto request = asked(kFirstTurn);
    CHECK(text(choose(*snapshot, {.request = request->request, .model = "cheap", .now = kNow})) ==
          "alias,cost: c a b");
    health_of(*snapshot, "a").first_token.observe(3s, kNow);
    health_of(*snapshot, "b").first_token.observe(1s, kNow);
    CHECK(text(choose(*snapshot, {.request = request->request, .model = "fast", .now = kNow})) ==
          "alias,latency: b a");
}

TEST_CASE("what is known of a target outlives a reload, by its name and its key's text") {
    World world;
    const SnapshotPtr before = build_good(kThree, world);
    health_of(*before, "a").rest(failover::Rest::limited, kNow + 20s);
    before->provider("c")->key_live[0]->health.rest(failover::Rest::refused, kNow + 20s);
    world.health = before->health();
    std::string changed(kThree);
    changed.replace(changed.rfind("api_key: k"), 10, "api_key: other");
    const SnapshotPtr after = build_good(changed, world);
    CHECK(&health_of(*after, "a") == &health_of(*before, "a"));
    CHECK_FALSE(health_of(*after, "a").is_well(kNow, {}));
    CHECK(after->provider("c")->key_live[0]->health.is_well(kNow, {}));
}

TEST_CASE("models that nobody has named share one entry of their provider") {
    const SnapshotPtr snapshot = build_good(kThree);
    const Provider& a = *snapshot->provider("a");
    CHECK(&a.record("invented") == &a.record("another"));
    CHECK(&a.record("m") != &a.record("invented"));
}

TEST_CASE("the client's fallbacks follow behind its model") {
    const SnapshotPtr snapshot = build_good(kThree);
    const auto request = asked(kFirstTurn);
    const std::vector<std::string> names{"b/x", "pair", "a/m"};
    Ask ask{.request = request->request, .model = "a/m", .fallbacks = names, .now = kNow};
    CHECK(text(choose(*snapshot, ask)) == "direct: a b b");
    const std::vector<std::string> only{"a/*"};
    ask.allowed = &only;
    const Result<Choice> refused = choose(*snapshot, ask);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FailureKind::forbidden);
    const std::vector<std::string> unknown{"auto/none"};
    ask.fallbacks = unknown;
    REQUIRE_FALSE(choose(*snapshot, ask));
    CHECK(choose(*snapshot, ask).error().param == "models");
}

TEST_CASE("fallbacks are read from models and from fallbacks, as names or as objects") {
    const auto request = asked(
        R"({"model":"x","messages":[{}],"models":["a/m","b/m"],"fallbacks":[{"model":"c/m"}]})");
    const auto names = requested_fallbacks(request->request);
    REQUIRE(names);
    CHECK(*names == std::vector<std::string>{"a/m", "b/m", "c/m"});
    for (const std::string_view bad : {R"("a")", "[1]", R"([""])", R"([{"x":1}])", "{}"}) {
        INFO(bad);
        const auto odd =
            asked(R"({"model":"x","messages":[{}],"models":)" + std::string(bad) + "}");
        REQUIRE_FALSE(requested_fallbacks(odd->request));
        CHECK(requested_fallbacks(odd->request).error().param == "models");
    }
}

TEST_CASE("deny, allow and region leave targets out and say why") {
    const auto request = asked(kFirstTurn);
    const Ask ask{.request = request->request, .model = "chain", .now = kNow};
    const SnapshotPtr denied =
        build_good(std::string(kThree) + "router: {deny: [b/m], allow: [a/m, b/*]}\n");
    const Result<Choice> choice = choose(*denied, ask);
    CHECK(text(choice) == "alias: a");
    REQUIRE(choice->route.left_out.size() == 2);
    CHECK(choice->route.left_out[0].target == "b/m");
    CHECK(choice->route.left_out[0].reason == "router.deny lists it");
    CHECK(choice->route.left_out[1].reason == "router.allow does not list it");
    const SnapshotPtr china = build_good(
        "providers: {openai: {api_key: k}, deepseek: {api_key: k}}\n"
        "models: {both: {chain: [openai/m, deepseek/m]}}\n"
        "router: {region: china}\n");
    CHECK(text(choose(*china, {.request = request->request, .model = "both", .now = kNow})) ==
          "alias: deepseek");
    CHECK(text(choose(*china, {.request = request->request, .model = "openai/m", .now = kNow}))
              .find("its region") != std::string::npos);
}

TEST_CASE("a conversation stays with its target while that is well") {
    const SnapshotPtr snapshot = build_good(kThree);
    failover::StickyTable sticky;
    const auto first = asked(kFirstTurn);
    const auto second = asked(kSecondTurn);
    Ask ask{.request = first->request, .model = "spread", .sticky = &sticky, .now = kNow};
    const Result<Choice> begun = choose(*snapshot, ask);
    REQUIRE(begun);
    REQUIRE(begun->conversation != 0);
    sticky.remember(begun->conversation, snapshot->provider("b")->record("m").live->id, kNow);
    Ask further{.request = second->request, .model = "spread", .sticky = &sticky, .now = kNow};
    for (std::uint64_t random = 0; random < 50; ++random) {
        further.random = random;
        const std::string found = text(choose(*snapshot, further));
        CHECK(found.starts_with("alias,weighted,sticky: b "));
    }
    further.model = "chain";
    CHECK(text(choose(*snapshot, further)) == "alias,sticky: b a c");
    further.model = "fixed";
    CHECK(text(choose(*snapshot, further)).find("sticky") == std::string::npos);
    further.model = "chain";
    health_of(*snapshot, "b").rest(failover::Rest::limited, kNow + 1min);
    CHECK(text(choose(*snapshot, further)) == "alias: a c b");
}

TEST_CASE("equal first questions are shared out") {
    const SnapshotPtr snapshot = build_good(kThree);
    failover::StickyTable sticky;
    const auto first = asked(kFirstTurn);
    Ask ask{.request = first->request, .model = "chain", .sticky = &sticky, .now = kNow};
    sticky.remember(choose(*snapshot, ask)->conversation,
                    snapshot->provider("b")->record("m").live->id, kNow);
    CHECK(text(choose(*snapshot, ask)) == "alias: a b c");
    ask.session = "s1";  // unless the client names the conversation
    sticky.remember(choose(*snapshot, ask)->conversation,
                    snapshot->provider("b")->record("m").live->id, kNow);
    CHECK(text(choose(*snapshot, ask)) == "alias,sticky: b a c");
}

TEST_CASE("a much quicker target is worth more than a cache, a little quicker one is not") {
    const SnapshotPtr snapshot = build_good(kThree);
    failover::StickyTable sticky;
    const auto second = asked(kSecondTurn);
    Ask ask{.request = second->request, .model = "fast", .sticky = &sticky, .now = kNow};
    sticky.remember(choose(*snapshot, ask)->conversation,
                    snapshot->provider("a")->record("m").live->id, kNow);
    health_of(*snapshot, "b").first_token.observe(1s, kNow);
    health_of(*snapshot, "a").first_token.observe(1400ms, kNow);
    CHECK(text(choose(*snapshot, ask)) == "alias,latency,sticky: a b");
    health_of(*snapshot, "a").first_token.observe(2s, kNow);
    CHECK(text(choose(*snapshot, ask)) == "alias,latency: b a");
}

TEST_CASE("prompt_cache_key names a conversation, and texts without one have none") {
    const auto keyed = asked(R"({"model":"x","prompt_cache_key":"k","messages":[{}]})");
    const auto same = asked(R"({"model":"x","messages":[{}],"prompt_cache_key":"k"})");
    CHECK(conversation_of(keyed->request, {}).hash == conversation_of(same->request, {}).hash);
    CHECK(conversation_of(keyed->request, {}).continues);
    const auto none =
        asked(R"({"model":"x","messages":[{"role":"system","content":"\"role\":\"user\""}]})");
    CHECK(conversation_of(none->request, {}).hash == 0);
    const Conversation first = conversation_of(asked(kFirstTurn)->request, {});
    const Conversation second = conversation_of(asked(kSecondTurn)->request, {});
    CHECK(first.hash == second.hash);
    CHECK_FALSE(first.continues);
    CHECK(second.continues);
}

TEST_CASE("what the catalog knows of a model is there for the strategies and the plan") {
    const SnapshotPtr snapshot = build_good(
        "providers: {openai: {api_key: k, models: [gpt-4, nobody-knows-it]}}\n"
        "models: {large: openai/gpt-4.1}\n");
    const Provider& openai = *snapshot->provider("openai");
    CHECK(openai.record("gpt-4").window == 8192);
    CHECK(openai.record("gpt-4").typical_price == 3000 * 30'000'000LL + 1000 * 60'000'000LL);
    CHECK(openai.record("gpt-4.1").cached_price == 3000 * 500'000LL + 1000 * 8'000'000LL);
    CHECK(openai.record("nobody-knows-it").window == 0);
    CHECK_FALSE(openai.record("nobody-knows-it").typical_price);
}

TEST_CASE("a prompt that no target's window takes goes to the larger model named for it") {
    constexpr std::string_view kModels = R"(
providers:
  openai: {api_key: k, models: [gpt-4, gpt-4.1]}
models:
  small: {chain: [openai/gpt-4]}
  told: {chain: [openai/gpt-4], context_fallbacks: [openai/gpt-4-32k, openai/gpt-4.1]}
)";
    const SnapshotPtr snapshot = build_good(kModels);
    const SnapshotPtr general =
        build_good(std::string(kModels) + "failover: {context_fallbacks: [openai/gpt-4-32k]}\n");
    const std::string head = R"({"model":"x","messages":[{"role":"user","content":")";
    std::string words;
    for (int i = 0; i < 60'000; ++i) {
        words += "word ";
    }
    const auto lengthy = asked(head + words + "\"}]}");
    const auto middling = asked(head + words.substr(0, words.size() / 4) + "\"}]}");
    const auto brief = asked(head + "hi\"}]}");
    const auto fitted = [](const Snapshot& where, const Asked& request, std::string_view model) {
        const Ask ask{.request = request.request, .model = model, .now = kNow};
        Result<Choice> choice = choose(where, ask);
        REQUIRE(choice);
        const Result<void> fit = keep_fit(where, ask, *choice);
        if (!fit) {
            return "! " + std::string(failover::policy(fit.error().kind).name);
        }
        std::string out = choice->why + ":";
        for (const RoutedTarget& target : choice->route.targets) {
            out += " " + std::string(target.model);
        }
        return out;
    };
    CHECK(fitted(*snapshot, *brief, "told") == "alias: gpt-4");
    CHECK(fitted(*snapshot, *middling, "told") == "alias,context: gpt-4-32k gpt-4.1");
    CHECK(fitted(*snapshot, *lengthy, "told") == "alias,context: gpt-4.1");
    CHECK(fitted(*snapshot, *lengthy, "small") == "! context_exceeded");
    CHECK(fitted(*general, *middling, "small") == "alias,context: gpt-4-32k");
    CHECK(fitted(*general, *lengthy, "small") == "! context_exceeded");
    CHECK(fitted(*general, *middling, "openai/gpt-4") == "direct,context: gpt-4-32k");
}
