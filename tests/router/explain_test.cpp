#include "router/explain.hpp"

#include "tests/router/support.hpp"

namespace tollgate::router::tests {
namespace {

/// The request of a question, without the slack behind it.
std::string body_of(std::string_view line, std::string_view model = {}) {
    const Result<Question> question = read_question(line, model);
    INFO(line);
    REQUIRE(question);
    CHECK(question->body.size() == question->size + adapters::kBodySlack);
    return std::string(question->request());
}

std::string hello(std::string_view model) {
    return R"({"model":")" + std::string(model) +
           R"(","messages":[{"role":"user","content":"hello"}])";
}

json::Document explained(const Snapshot& snapshot, std::string_view line, std::string& text,
                         const std::vector<std::string>* allowed = nullptr) {
    const Result<Question> question = read_question(line, {});
    REQUIRE(question);
    const auto request =
        adapters::Request::peek(adapters::Operation::chat, question->request(), 64);
    REQUIRE(request);
    const Explanation explanation =
        explain(snapshot, {.request = *request, .model = request->model, .allowed = allowed});
    text = to_json(snapshot, explanation, {}, question->id);
    CHECK_FALSE(to_text(snapshot, explanation, {}).empty());
    auto document = json::Document::parse(text);
    INFO(text);
    REQUIRE(document);
    return std::move(*document);
}

constexpr std::string_view kProviders = R"(
providers:
  openai: {api_key: sk-1, models: [gpt-5, gpt-3.5-turbo]}
  anthropic: {api_key: a-1, default_model: claude-sonnet-4-5, limits: {rpm: 50}}
models:
  smart: [anthropic/claude-sonnet-4-5, openai/gpt-5]
)";

}  // namespace

TEST_CASE("a question is read in whatever form prompts are kept") {
    const std::string plain = hello("auto") + "}";
    for (const auto* const line :
         {"hello", R"("hello")", R"({"prompt":"hello"})", R"({"text":"hello"})",
          R"({"turns":["hello","and then"]})", R"([{"role":"user","content":"hello"}])",
          R"({"messages":[{"role":"user","content":"hello"}]})",
          R"({"prompt":[{"role":"user","content":"hello"}]})", "  hello \r"}) {
        CHECK(body_of(line) == plain);
    }
    CHECK(body_of("{hello") ==
          R"({"model":"auto","messages":[{"role":"user","content":"{hello"}]})");
    CHECK(body_of(R"({"model":"x/y","prompt":"hello"})") == hello("x/y") + "}");
    CHECK(body_of(R"({"model":"x/y","prompt":"hello"})", "auto/fast") == hello("auto/fast") + "}");
    CHECK(
        body_of(R"({"max_tokens":5,"messages":[{"role":"user","content":"hello"}],"tools":[1]})") ==
        hello("auto") + R"(,"max_tokens":5,"tools":[1]})");
    CHECK_FALSE(read_question("{}", {}));
    CHECK_FALSE(read_question(R"({"prompt":7})", {}));
}

TEST_CASE("a question's id is given back as it was") {
    CHECK(read_question(R"({"id":"a","prompt":"x"})", {})->id == R"("a")");
    CHECK(read_question(R"({"question_id":81,"turns":["x"]})", {})->id == "81");
    CHECK(read_question(R"({"prompt":"x"})", {})->id.empty());
}

TEST_CASE("an explanation names winner, candidates with prices and limits, and who was left out") {
    const SnapshotPtr snapshot = build_good(kProviders);
    std::string text;
    const auto told =
        explained(*snapshot,
                  R"({"id":1,"model":"auto/best","messages":[{"role":"user","content":[
            {"type":"text","text":"What is in this picture?"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]})",
                  text);
    CHECK(told["id"].count() == 1);
    CHECK(told["task"].string() == "vision");
    CHECK(told["policy"].string() == "best");
    CHECK(told["decided_by"].string() == "policy");
    CHECK(told["winner"].string() == told["tries"][std::size_t{0}].string());
    CHECK(told["winner"].string() == "openai/gpt-5");
    json::Value smart;
    for (const json::Value one : told["candidates"]) {
        smart = one["name"].string() == "smart" ? one : smart;
    }
    CHECK(smart["target"].string() == "anthropic/claude-sonnet-4-5");
    CHECK(smart["price_per_million_usd"]["input"].string() == "3");
    CHECK(smart["health"]["state"].string() == "well");
    CHECK(smart["limits"]["rpm"].count() == 50);
    CHECK(smart["limits"]["context"].count() > 100'000);
    const json::Value left_out = told["left_out"][std::size_t{0}];
    CHECK(left_out["name"].string() == "openai/gpt-3.5-turbo");
    CHECK(left_out["reason"].string() == "takes no images");
}

TEST_CASE("a plain name is explained too, and so is a failure") {
    const SnapshotPtr snapshot = build_good(kProviders);
    std::string text;
    const auto told = explained(*snapshot, R"({"model":"smart","prompt":"Solve 2x = 10"})", text);
    CHECK(told["task"].string() == "math");
    CHECK(told["route"].string() == "alias");
    CHECK(told["candidates"].size() == 2);
    CHECK_FALSE(told["policy"].exists());
    const std::vector<std::string> nothing{"openai/other"};
    const auto refused = explained(*snapshot, R"({"prompt":"Solve 2x = 10"})", text, &nothing);
    CHECK(refused["winner"].is_null());
    CHECK(refused["error"].string().contains("may not use it"));
    CHECK(refused["left_out"].size() > 2);
}

}  // namespace tollgate::router::tests
