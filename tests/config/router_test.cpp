// router.auto: rules, candidates and qualities.
#include "tests/config/support.hpp"

using namespace tollgate::config;
using tollgate::config::test::accept;
using tollgate::config::test::refuse;

TEST_CASE("a rule arrives with everything it asks for") {
    const Settings settings = accept(R"(
router:
  auto:
    rules:
      - when: {task: [code, math], difficulty: hard, language: zh, tokens: ">8000", tools: true,
               tag: internal, header: {X-Team: red, x-any: "*"}, key: [ci, bots]}
        to: [smart, openai/gpt-4o]
      - {when: {tokens: 500-8000}, to: openai/gpt-4o}
      - {to: openai/gpt-4o-mini}
    candidates: [openai/gpt-4o, smart]
    quality: {openai/gpt-4o: 70, qwen: 30}
    long_context: 1000
models: {smart: openai/gpt-4o}
)");
    const AutoRouter& router = settings.router.automatic;
    REQUIRE(router.rules.size() == 3);
    const AutoWhen& when = router.rules[0].when;
    CHECK(when.task == std::vector<std::string>{"code", "math"});
    CHECK(when.difficulty == std::vector<std::string>{"hard"});
    CHECK(when.language == std::vector<std::string>{"zh"});
    CHECK(when.tokens_above == 8000);
    CHECK_FALSE(when.tokens_below);
    CHECK(when.tools == true);
    CHECK(when.tag == std::vector<std::string>{"internal"});
    REQUIRE(when.header.size() == 2);
    CHECK(when.header[0] == std::pair<std::string, std::string>("x-team", "red"));
    CHECK(when.key == std::vector<std::string>{"ci", "bots"});
    CHECK(router.rules[0].to == std::vector<std::string>{"smart", "openai/gpt-4o"});
    CHECK(router.rules[1].when.tokens_above == 499);
    CHECK(router.rules[1].when.tokens_below == 8001);
    CHECK(router.rules[2].when == AutoWhen{});
    CHECK(router.candidates.size() == 2);
    REQUIRE(router.quality.size() == 2);
    CHECK(router.quality[1] == AutoQuality{.model = "qwen", .quality = 30});
    CHECK(router.long_context == 1000);
}

TEST_CASE("a rule that cannot be meant is refused where it stands") {
    struct Row {
        std::string rule;
        std::string expected;
    };
    const auto row = GENERATE(values<Row>({
        {"{when: {tools: true}}", "to is missing: the target of the rule"},
        {"{when: {task: coding}, to: a/b}", "expected one of code, math"},
        {"{when: {difficulty: harsh}, to: a/b}", "expected one of easy, medium, hard"},
        {"{when: {language: english}, to: a/b}", "expected one of en, zh"},
        {"{when: {tokens: many}, to: a/b}", "expected tokens such as"},
        {"{when: {tokens: 9-3}, to: a/b}", "expected tokens such as"},
        {"{when: {tokens: '>'}, to: a/b}", "expected tokens such as"},
        {"{wen: {tools: true}, to: a/b}", "unknown key; did you mean when?"},
        {"{when: {tool: true}, to: a/b}", "unknown key; did you mean tools?"},
    }));
    const std::vector<std::string> lines = refuse("router: {auto: {rules: [" + row.rule + "]}}");
    CAPTURE(row.rule, lines);
    CHECK(lines.front().find(row.expected) != std::string::npos);
    CHECK(lines.front().find("router.auto.rules[0]") != std::string::npos);
}

TEST_CASE("a quality is at most 100") {
    CHECK_THAT(refuse("router: {auto: {quality: {a/b: 101}}}").front(),
               Catch::Contains("router.auto.quality.a/b"));
}
