#include "router/auto/decide.hpp"

#include "tests/router/support.hpp"

#include <cstring>
#include <memory>

namespace tollgate::router::tests {
namespace {

/// A body with the slack that peek wants, and the request peeked from it.
class Body {
public:
    explicit Body(const std::string& json) : bytes_(json + std::string(adapters::kBodySlack, ' ')) {
        auto peeked = adapters::Request::peek(adapters::Operation::chat,
                                              std::string_view(bytes_).substr(0, json.size()), 64);
        REQUIRE(peeked);
        request_ = std::move(*peeked);
    }
    [[nodiscard]] const adapters::Request& request() const { return request_; }

private:
    std::string bytes_;
    adapters::Request request_;
};

std::string chat(std::string_view model, std::string_view more = {}) {
    return R"({"model":")" + std::string(model) +
           R"(","messages":[{"role":"user","content":"Hello there"}])" + std::string(more) + "}";
}

constexpr std::string_view kTools =
    R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}])";

constexpr std::string_view kProviders = R"(
providers:
  openai: {api_key: sk-1, models: [gpt-5, gpt-4.1-nano]}
  anthropic: {api_key: a-1, default_model: claude-sonnet-4-5}
  demo: {}
models:
  smart: [anthropic/claude-sonnet-4-5, openai/gpt-5]
)";

std::string with(std::string_view more) {
    return std::string(kProviders) + std::string(more);
}

std::string names_of(const std::vector<AutoCandidate>& candidates) {
    std::string out;
    for (const AutoCandidate& candidate : candidates) {
        out += (out.empty() ? "" : " ") + std::string(candidate.name);
    }
    return out;
}

/// First tokens by model; prices are the catalog's.
TargetFacts figures(std::string_view, const PlannedTarget& planned) {
    const std::string_view model = planned.target.model;
    const int ms = model == "gpt-5"               ? 3000
                   : model == "gpt-4.1-nano"      ? 300
                   : model == "claude-sonnet-4-5" ? 900
                                                  : 500;
    return {.first_token = std::chrono::milliseconds(ms)};
}

Decision decide_good(const SnapshotPtr& snapshot, const Body& body, const FactsOf& facts = figures,
                     std::string_view key = {}, std::span<const std::string> tags = {}) {
    const AutoRequest request{
        .request = body.request(),
        .key = key,
        .tags = tags,
        .header = [](std::string_view name) -> std::optional<std::string_view> {
            return name == "x-team" ? std::optional<std::string_view>("red") : std::nullopt;
        }};
    Result<Decision> decision = decide(request, *snapshot, facts);
    REQUIRE(decision);
    return std::move(*decision);
}

}  // namespace

TEST_CASE("names that start with auto belong to the auto-router") {
    CHECK(is_auto("auto"));
    CHECK(is_auto("auto/best"));
    CHECK_FALSE(is_auto("automatic"));
    CHECK_FALSE(is_auto("openai/auto"));
}

TEST_CASE("an unknown policy is an unknown model that lists the known ones") {
    const SnapshotPtr snapshot = build_good(kProviders);
    const Body body(chat("auto/clever"));
    const auto decision = decide({.request = body.request()}, *snapshot, figures);
    REQUIRE_FALSE(decision);
    CHECK(decision.error().kind == FailureKind::unknown_model);
    CHECK(decision.error().detail.contains("auto/cheap"));
}

TEST_CASE("the policy chooses among aliases and models, never the demo beside real vendors") {
    const SnapshotPtr snapshot = build_good(kProviders);
    const Body body(chat("auto"));
    const Decision decision = decide_good(snapshot, body);
    CHECK(decision.by == DecidedBy::policy);
    CHECK(decision.classified);
    CHECK(decision.ranked.size() == 5);
    CHECK_FALSE(names_of(decision.ranked).contains("demo"));
}

TEST_CASE("the demo is chosen where there is nothing else") {
    const SnapshotPtr snapshot = build_good("providers: {demo: {}}");
    const Body body(chat("auto"));
    CHECK(names_of(decide_good(snapshot, body).ranked) == "demo/demo-1");
}

TEST_CASE("each policy puts first what it is named after") {
    const auto first = [&](const SnapshotPtr& snapshot, std::string_view model) {
        const Body body(chat(model, kTools));
        return std::string(decide_good(snapshot, body).ranked.front().name);
    };
    const SnapshotPtr snapshot =
        build_good(with("router: {auto: {quality: {openai/gpt-4.1-nano: 30}}}"));
    CHECK(first(snapshot, "auto/best") == "smart");
    // The cheapest and fastest is not good enough for anything ...
    CHECK(first(snapshot, "auto/cheap") == "openai/gpt-4o-mini");
    CHECK(first(snapshot, "auto/fast") == "openai/gpt-4o-mini");
    // ... until the operator says that it is.
    const SnapshotPtr trusting =
        build_good(with("router: {auto: {quality: {openai/gpt-4.1-nano: 80}}}"));
    CHECK(first(trusting, "auto/cheap") == "openai/gpt-4.1-nano");
    CHECK(first(trusting, "auto/fast") == "openai/gpt-4.1-nano");
}

TEST_CASE("the first rule that fits decides, without the classifier where no rule asks for it") {
    const SnapshotPtr snapshot = build_good(with(R"(
router:
  auto:
    rules:
      - {when: {tools: true}, to: anthropic}
      - {when: {tag: internal}, to: openai/gpt-4.1-nano}
      - {when: {key: [ci, bots]}, to: openai/gpt-5}
      - {when: {header: {X-Team: red}, tokens: ">100"}, to: smart}
)"));
    const auto rule_of = [&](const Body& body, std::string_view key = {},
                             std::vector<std::string> tags = {}) {
        const Decision decision = decide_good(snapshot, body, figures, key, tags);
        if (decision.by != DecidedBy::rule) {
            return std::string("policy");
        }
        CHECK_FALSE(decision.classified);
        CHECK(decision.ranked.size() > 1);
        return std::to_string(decision.rule) + " " + std::string(decision.ranked.front().name);
    };
    const Body plain(chat("auto"));
    CHECK(rule_of(Body(chat("auto", kTools))) == "0 anthropic");
    CHECK(rule_of(plain, {}, {"internal"}) == "1 openai/gpt-4.1-nano");
    CHECK(rule_of(plain, "bots") == "2 openai/gpt-5");
    CHECK(rule_of(plain, "people") == "policy");
    const Body large(R"({"model":"auto","messages":[{"role":"user","content":")" +
                     std::string(1000, 'x') + R"("}]})");
    CHECK(rule_of(large) == "3 smart");
}

TEST_CASE("tasks map before the policy, which follows as the way out") {
    const SnapshotPtr snapshot = build_good(with(R"(
router: {auto: {tasks: {agentic: [openai/gpt-5, smart]}}}
)"));
    const Body body(chat("auto", kTools));
    const Decision decision = decide_good(snapshot, body);
    CHECK(decision.by == DecidedBy::task);
    CHECK(decision.found.task == Task::agentic);
    CHECK(names_of(decision.ranked).starts_with("openai/gpt-5 smart "));
    CHECK(decision.ranked.size() == 5);
}

TEST_CASE("what cannot take the request is left out with its reason") {
    const SnapshotPtr snapshot = build_good(kProviders);
    const Body body(chat("auto/best"));
    const auto facts = [](std::string_view name, const PlannedTarget& planned) {
        TargetFacts out = figures(name, planned);
        if (planned.target.provider->settings.name == "anthropic") {
            out.left_out = "takes no images";
        }
        return out;
    };
    const Decision decision = decide_good(snapshot, body, facts);
    REQUIRE(decision.left_out.size() == 1);
    CHECK(decision.left_out.front().name == "anthropic/claude-sonnet-4-5");
    CHECK(decision.left_out.front().left_out == "takes no images");
    // The alias is still there: its second target can.
    const auto smart = std::ranges::find(decision.ranked, "smart", &AutoCandidate::name);
    REQUIRE(smart != decision.ranked.end());
    CHECK(smart->planned.target.model == "gpt-5");
}

TEST_CASE("what is not well comes after all that is, whoever named it") {
    const SnapshotPtr snapshot = build_good(with(R"(
router:
  auto:
    policy: best
    candidates: [smart, openai/gpt-5, openai/gpt-4.1-nano]
    rules: [{when: {tools: true}, to: [openai/gpt-5]}]
)"));
    const auto facts = [](std::string_view name, const PlannedTarget& planned) {
        TargetFacts out = figures(name, planned);
        out.is_well = planned.target.model != "gpt-5";
        return out;
    };
    const Decision decision = decide_good(snapshot, Body(chat("auto", kTools)), facts);
    CHECK(names_of(decision.ranked) == "smart openai/gpt-4.1-nano openai/gpt-5");
    CHECK(decision.chosen == 1);
    // Of an alias the first that is well stands for it, else the first.
    CHECK(decision.ranked.front().planned.target.model == "claude-sonnet-4-5");
    const Decision none = decide_good(
        snapshot, Body(chat("auto", kTools)),
        [](std::string_view, const PlannedTarget&) { return TargetFacts{.is_well = false}; });
    CHECK(names_of(none.ranked).starts_with("openai/gpt-5 "));
    CHECK(none.ranked[1].planned.target.model == "claude-sonnet-4-5");
}

TEST_CASE("when all are left out, the failure says why") {
    const SnapshotPtr snapshot = build_good(kProviders);
    const auto decision = decide_good(
        snapshot, Body(chat("auto")),
        [](std::string_view, const PlannedTarget&) { return TargetFacts{.left_out = "no tools"}; });
    CHECK(decision.ranked.empty());
    const Failure failure = nothing_left("auto", decision);
    CHECK(failure.kind == FailureKind::unknown_model);
    CHECK(failure.detail.contains("smart: no tools."));
}

TEST_CASE("a warm cache makes its target cheaper") {
    const SnapshotPtr snapshot = build_good(with(R"(
router: {auto: {policy: cheap, candidates: [anthropic/claude-sonnet-4-5, openai/gpt-5]}}
)"));
    const Body body(R"({"model":"auto","max_tokens":10,"messages":[{"role":"user","content":")" +
                    std::string(40'000, 'x') + R"("}]})");
    const auto first = [&](std::uint64_t cached) {
        const auto facts = [cached](std::string_view name, const PlannedTarget& planned) {
            TargetFacts out = figures(name, planned);
            if (planned.target.model.starts_with("claude")) {
                out.cached_tokens = cached;
            }
            return out;
        };
        return std::string(decide_good(snapshot, body, facts).ranked.front().name);
    };
    CHECK(first(0) == "openai/gpt-5");
    CHECK(first(9'900) == "anthropic/claude-sonnet-4-5");
}

TEST_CASE("configured qualities overrule the table, the full name before the bare one") {
    const SnapshotPtr snapshot = build_good(with(R"(
router:
  auto:
    policy: best
    candidates: [openai/gpt-5, openai/gpt-4.1-nano]
    quality: {openai/gpt-4.1-nano: 99, gpt-4.1-nano: 1, gpt-5: 2}
)"));
    const Decision decision = decide_good(snapshot, Body(chat("auto")));
    CHECK(names_of(decision.ranked) == "openai/gpt-4.1-nano openai/gpt-5");
    CHECK(decision.ranked.front().quality == 99);
    CHECK(decision.ranked.back().quality == 2);
}

TEST_CASE("a target that nothing here provides is a problem of the file") {
    for (const auto* const yaml :
         {"router: {auto: {tasks: {code: nowhere/x}}}", "router: {auto: {candidates: [nowhere/x]}}",
          "router: {auto: {rules: [{when: {tools: true}, to: nowhere/x}]}}"}) {
        const Built built = build(with(yaml));
        INFO(yaml);
        CHECK(problems_of(built).contains("'nowhere/x' names no enabled provider"));
    }
}

}  // namespace tollgate::router::tests
