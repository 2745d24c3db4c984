#include "tests/router/support.hpp"

#include <map>
#include <set>

namespace tollgate::router::tests {
namespace {

constexpr std::string_view kProviders = R"(
providers:
  openai: {api_key: sk-1}
  groq: {api_key: gsk-1}
  anthropic: {api_key: a-1}
  demo: {}
  local:
    type: openai_compat
    base_url: http://127.0.0.1:9/v1
    models: [llama, meta/llama-3, shared]
  spare:
    type: openai_compat
    base_url: http://127.0.0.1:8/v1
    default_model: small
    models: [shared]
)";

std::string with(std::string_view more) {
    return std::string(kProviders) + std::string(more);
}

}  // namespace

TEST_CASE("provider/model goes to that provider") {
    const SnapshotPtr snapshot = build_good(kProviders);
    CHECK(route_text(*snapshot, "openai/gpt-4o") == "direct openai/gpt-4o");
    CHECK(route_text(*snapshot, "openai/anything") == "direct openai/anything");
    CHECK(route_text(*snapshot, "local/meta/llama-3") == "direct local/meta/llama-3");
    CHECK(route_text(*snapshot, "local/a/b/c") == "direct local/a/b/c");
    CHECK(route_text(*snapshot, "openai//x") == "direct openai//x");
    CHECK(route_text(*snapshot, "demo/demo-1") == "direct demo/demo-1");
}

TEST_CASE("a bare id goes to whose model it is, by the catalog, and else to the default provider") {
    const SnapshotPtr snapshot = build_good(with("  default: openai\n"));
    CHECK(route_text(*snapshot, "gpt-4o") == "default openai/gpt-4o");
    CHECK(route_text(*snapshot, "claude-3-5-haiku-20241022") ==
          "catalog anthropic/claude-3-5-haiku-20241022");
    CHECK(route_text(*snapshot, "nobody-knows") == "default openai/nobody-knows");
    CHECK(route_text(*snapshot, "shared") == "listed local/shared");
    const SnapshotPtr keyless = build_good("providers: {openai: {api_key: k}, anthropic: {}}\n");
    CHECK(route_text(*keyless, "claude-sonnet-4-5") == "default openai/claude-sonnet-4-5");
    const SnapshotPtr alias = build_good(with("models: {best: claude-sonnet-4-5}\n"));
    CHECK(route_text(*alias, "best") == "alias anthropic/claude-sonnet-4-5");
}

TEST_CASE("a provider alone means its default model") {
    const SnapshotPtr snapshot = build_good(kProviders);
    for (const char* model : {"openai", "openai/", "openai/default"}) {
        INFO(model);
        CHECK(route_text(*snapshot, model) == "direct openai/gpt-4o-mini");
    }
    CHECK(route_text(*snapshot, "spare") == "direct spare/small");
    CHECK(route_text(*snapshot, "demo") == "direct demo/demo-1");
}

TEST_CASE("a provider without a default model has none to mean") {
    const SnapshotPtr snapshot = build_good(kProviders);
    for (const char* model : {"local/", "local/default"}) {
        INFO(model);
        const Result<Route> route = snapshot->route(model, adapters::Operation::chat, 0);
        if (route) {
            for (const RoutedTarget& target : route->targets) {
                CHECK_FALSE(target.model.empty());
                CHECK(target.provider->settings.name != "local");
            }
        }
    }
}

TEST_CASE("a listed model goes to the first provider that lists it") {
    const SnapshotPtr snapshot = build_good(kProviders);
    CHECK(route_text(*snapshot, "llama") == "listed local/llama");
    CHECK(route_text(*snapshot, "meta/llama-3") == "listed local/meta/llama-3");
    CHECK(route_text(*snapshot, "shared") == "listed local/shared");
    CHECK(route_text(*snapshot, "demo-reasoner") == "listed demo/demo-reasoner");
    CHECK(route_text(*snapshot, "gpt-4o-mini") == "listed openai/gpt-4o-mini");
}

TEST_CASE("what nobody knows goes to the default provider") {
    const SnapshotPtr first = build_good(kProviders);
    REQUIRE(first->default_provider() != nullptr);
    CHECK(route_text(*first, "gpt-99") == "default openai/gpt-99");
    CHECK(route_text(*first, "nobody/gpt-99") == "default openai/nobody/gpt-99");
    CHECK(route_text(*first, "OpenAI/gpt-4o") == "default openai/OpenAI/gpt-4o");

    const SnapshotPtr chosen = build_good(with("  default: groq\n"));
    CHECK(route_text(*chosen, "gpt-99") == "default groq/gpt-99");
}

TEST_CASE("the demo is the default only when there is nothing else") {
    CHECK(build_good("providers: {demo: {}}")->default_provider()->settings.name == "demo");
    const SnapshotPtr both = build_good("providers:\n  demo: {}\n  groq: {api_key: k}\n");
    CHECK(both->default_provider()->settings.name == "groq");
    const SnapshotPtr unusable = build_good("providers:\n  demo: {}\n  groq: {}\n");
    CHECK(unusable->default_provider()->settings.name == "demo");
    const SnapshotPtr none = build_good("providers:\n  groq: {}\n");
    CHECK(none->default_provider() == nullptr);
}

TEST_CASE("an unknown model is refused with what exists") {
    const SnapshotPtr snapshot = build_good("providers:\n  groq: {}\n");
    const std::string text = route_text(*snapshot, "gpt-99");
    CHECK(text.find("'gpt-99'") != std::string::npos);
    CHECK(text.find("provider/model") != std::string::npos);
    CHECK(text.find("/v1/models") != std::string::npos);
    const SnapshotPtr aliased = build_good(with("models: {smart: openai/gpt-4o}\n"));
    for (const char* model : {"auto", "auto/fast"}) {
        INFO(model);
        CHECK(route_text(*aliased, model).starts_with("! "));
        CHECK(route_text(*aliased, model).find("'smart'") != std::string::npos);
    }
    const std::string huge = route_text(*snapshot, std::string(100'000, 'x'));
    CHECK(huge.size() < 1000);
    CHECK(route_text(*snapshot, "").starts_with("! "));
}

TEST_CASE("an alias names one target or a chain") {
    const SnapshotPtr snapshot = build_good(with(R"(models:
  smart: openai/gpt-4o
  chain: [openai/gpt-4o, groq/llama, demo/demo-1]
  nested: [smart, chain, local/x]
  bare: [llama, spare]
  openai/gpt-4: groq/llama
)"));
    CHECK(route_text(*snapshot, "smart") == "alias openai/gpt-4o");
    CHECK(route_text(*snapshot, "chain") == "alias openai/gpt-4o groq/llama demo/demo-1");
    CHECK(route_text(*snapshot, "nested") == "alias openai/gpt-4o groq/llama demo/demo-1 local/x");
    CHECK(route_text(*snapshot, "bare") == "alias local/llama spare/small");
    CHECK(route_text(*snapshot, "openai/gpt-4") == "alias groq/llama");
    const Result<Route> route = snapshot->route("smart", adapters::Operation::chat, 0);
    REQUIRE(route);
    CHECK(route->alias == "smart");
    const Result<Route> direct = snapshot->route("openai/x", adapters::Operation::chat, 0);
    REQUIRE(direct);
    CHECK(direct->alias.empty());
}

TEST_CASE("a target stands in a route once") {
    const SnapshotPtr snapshot = build_good(with(R"(models:
  twice: [openai/gpt-4o, groq/x, openai/gpt-4o, openai/other]
  default: [openai, openai/gpt-4o-mini, openai/default]
)"));
    CHECK(route_text(*snapshot, "twice") == "alias openai/gpt-4o groq/x openai/other");
    CHECK(route_text(*snapshot, "default") == "alias openai/gpt-4o-mini");
}

TEST_CASE("targets that cannot serve are left out, with the reason when none remains") {
    const SnapshotPtr snapshot = build_good(R"(
providers:
  openai: {}
  anthropic: {api_key: a}
  demo: {}
models:
  some: [openai/gpt-4o, demo/demo-1]
  none: [openai/gpt-4o]
)");
    CHECK(route_text(*snapshot, "some") == "alias demo/demo-1");
    CHECK(route_text(*snapshot, "none").find("OPENAI_API_KEY") != std::string::npos);
    CHECK(route_text(*snapshot, "openai/gpt-4o").find("OPENAI_API_KEY") != std::string::npos);
    const std::string no_embeddings =
        route_text(*snapshot, "anthropic/claude", 0, adapters::Operation::embeddings);
    CHECK(no_embeddings.find("anthropic/claude: it has no embeddings") != std::string::npos);
    CHECK(route_text(*snapshot, "demo/demo-embed", 0, adapters::Operation::embeddings) ==
          "direct demo/demo-embed");
    CHECK(route_text(*snapshot, "demo/demo-1", 0, adapters::Operation::completions) ==
          "direct demo/demo-1");
}

TEST_CASE("a weighted group draws the first target by weight and keeps the others behind") {
    const SnapshotPtr snapshot = build_good(with(R"(models:
  group:
    balance: weighted
    targets:
      - {model: openai/a, weight: 3}
      - {model: groq/b, weight: 1}
      - {model: demo/c, weight: 0}
)"));
    std::map<std::string, int> orders;
    for (std::uint64_t random = 0; random < 4000; ++random) {
        ++orders[route_text(*snapshot, "group", random)];
    }
    CHECK(orders.size() == 2);  // the weight of 0 is always last
    CHECK(std::abs(orders["alias openai/a groq/b demo/c"] - 3000) < 150);
    CHECK(std::abs(orders["alias groq/b openai/a demo/c"] - 1000) < 150);
}

TEST_CASE("weights share the requests, also those behind the first") {
    const SnapshotPtr snapshot = build_good(with(R"(models:
  group:
    balance: weighted
    targets:
      - {model: openai/a, weight: 5}
      - {model: groq/b, weight: 3}
      - {model: demo/c, weight: 2}
)"));
    std::map<std::string, int> orders;
    std::uint64_t random = 12345;
    constexpr int kDraws = 20'000;
    for (int i = 0; i < kDraws; ++i) {
        random = random * 2862933555777941757ULL + 3037000493ULL;
        ++orders[route_text(*snapshot, "group", random >> 11U)];
    }
    CHECK(orders.size() == 6);
    const auto near = [&](const char* order, double share) {
        INFO(order << " " << orders[order]);
        CHECK(orders[order] > kDraws * share * 0.8);
        CHECK(orders[order] < kDraws * share * 1.2);
    };
    near("alias openai/a groq/b demo/c", 0.5 * 0.6);
    near("alias openai/a demo/c groq/b", 0.5 * 0.4);
    near("alias groq/b openai/a demo/c", 0.3 * 5 / 7);
    near("alias groq/b demo/c openai/a", 0.3 * 2 / 7);
    near("alias demo/c openai/a groq/b", 0.2 * 5 / 8);
    near("alias demo/c groq/b openai/a", 0.2 * 3 / 8);
}

TEST_CASE("weights are honoured up to the largest random number") {
    const SnapshotPtr snapshot = build_good(with(R"(models:
  group:
    targets: [{model: openai/a, weight: 1}, {model: groq/b, weight: 1}]
  ordered:
    balance: order
    targets: [{model: groq/b, weight: 1}, {model: openai/a, weight: 9}]
)"));
    std::set<std::string> seen;
    for (const std::uint64_t random :
         {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX - 1, UINT64_MAX}) {
        seen.insert(route_text(*snapshot, "group", random));
        CHECK(route_text(*snapshot, "ordered", random) == "alias groq/b openai/a");
    }
    CHECK(seen == std::set<std::string>{"alias groq/b openai/a", "alias openai/a groq/b"});
}

}  // namespace tollgate::router::tests
