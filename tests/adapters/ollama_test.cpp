#include "adapters/dialect/ollama.hpp"

#include "tests/adapters/golden.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

Endpoint endpoint() {
    Endpoint one;
    one.provider = "ollama";
    one.base_url = "http://localhost:11434";
    return one;
}

}  // namespace

TEST_CASE("ollama requests are as the golden files say") {
    const Endpoint one = endpoint();
    golden::check_requests(dialects::ollama(), "ollama", {.endpoint = &one, .model = "llama3.2"},
                           20);
}

TEST_CASE("ollama takes the effort by level only for gpt-oss") {
    const Endpoint one = endpoint();
    struct Row {
        std::string_view effort;
        std::string_view think;
    };
    for (const Row& row :
         {Row{"none", "false"}, Row{"minimal", "\"low\""}, Row{"low", "\"low\""},
          Row{"medium", "\"medium\""}, Row{"high", "\"high\""}, Row{"xhigh", "\"high\""}}) {
        const std::string sent = golden::encode(
            dialects::ollama(),
            R"({"model":"x","messages":[{"role":"user","content":"x"}],"reasoning_effort":")" +
                std::string(row.effort) + "\"}",
            {.endpoint = &one, .model = "gpt-oss:20b"});
        CHECK(sent.find("\"think\":" + std::string(row.think)) != std::string::npos);
    }
}

TEST_CASE("ollama streams are as the golden files say, however they are cut up") {
    golden::check_answers(dialects::ollama(), "ollama", ".stream.ndjson", Delivery::stream, "m", 8);
}

TEST_CASE("ollama whole answers are as the golden files say, however they are cut up") {
    golden::check_answers(dialects::ollama(), "ollama", ".whole.json", Delivery::whole, "m", 4);
}

TEST_CASE("calls without ids get different ids in different lines") {
    const std::string first =
        R"({"model":"m","created_at":"2025-01-15T09:30:00.1Z","message":{"tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":true})";
    const std::string second =
        R"({"model":"m","created_at":"2025-01-15T09:30:00.2Z","message":{"tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":true})";
    const auto id = [](const std::string& answer) {
        const std::string events =
            golden::decode(dialects::ollama(), Delivery::whole, "m", {answer}).events;
        const std::size_t at = events.find("id=call_");
        REQUIRE(at != std::string::npos);
        return events.substr(at, events.find(' ', at) - at);
    };
    CHECK(id(first) == id(first));
    CHECK(id(first) != id(second));
}

TEST_CASE("ollama paths follow the base URL") {
    Endpoint one = endpoint();
    for (const std::string_view base :
         {"http://gpu:11434/o", "http://gpu:11434/o/v1", "http://gpu:11434/o/api/"}) {
        one.base_url = base;
        const Target target{.endpoint = &one, .model = "m"};
        CHECK(golden::encode(dialects::ollama(), R"({"model":"x","input":"x"})", target)
                  .starts_with("POST /o/api/embed\n"));
        CHECK(dialects::ollama().models_path(one) == "/o/api/tags");
    }
}

TEST_CASE("RFC 3339 times become unix seconds, nonsense becomes 0") {
    struct Row {
        std::string_view text;
        std::int64_t seconds;
    };
    for (const Row& row :
         {Row{"1970-01-01T00:00:00Z", 0}, Row{"2025-01-15T09:30:00.123456789Z", 1736933400},
          Row{"2025-01-15T10:30:00+01:00", 1736933400},
          Row{"2025-01-15T07:00:00.5-02:30", 1736933400}, Row{"2024-02-29T23:59:59Z", 1709251199},
          Row{"2023-02-29T00:00:00Z", 0}, Row{"", 0}, Row{"2025-01-15 09:30:00Z", 0},
          Row{"yyyy-mm-ddThh:mm:ssZ", 0}}) {
        INFO(row.text);
        CHECK(ollama::unix_seconds(row.text) == row.seconds);
    }
}

TEST_CASE("ollama errors become failures of the right kind") {
    const auto classify = [](unsigned status, std::string_view body) {
        ResponseInfo head;
        head.status = status;
        return dialects::ollama().classify(head, body);
    };
    const Failure missing =
        classify(404, R"({"error":"model 'x' not found, try pulling it first"})");
    CHECK(missing.kind == FailureKind::upstream_rejected);
    CHECK(missing.code == "model_not_found");
    CHECK(missing.client_status() == 404);
    CHECK(missing.detail.find("try pulling it first") != std::string::npos);
    CHECK(classify(400, R"({"error":"invalid options"})").kind == FailureKind::upstream_rejected);
    CHECK(classify(500, R"({"error":"out of memory"})").kind == FailureKind::upstream_unavailable);
    CHECK(classify(503, R"({"error":"server busy"})").client_status() == 503);
}

TEST_CASE("ollama embeddings become OpenAI's") {
    const Endpoint one = endpoint();
    const Target target{.endpoint = &one, .model = "nomic"};
    std::string body = R"({"model":"m","input":"a"})";
    const std::size_t size = body.size();
    body.append(kBodySlack, '\0');
    const auto request =
        Request::peek(Operation::embeddings, std::string_view(body).substr(0, size), 64);
    REQUIRE(request.has_value());
    Usage usage;
    const auto made = dialects::ollama().embeddings(
        R"({"model":"nomic","embeddings":[[1e-3,2]],"prompt_eval_count":4})", *request, target,
        usage);
    REQUIRE(made.has_value());
    CHECK(
        *made ==
        R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1e-3,2]}],"model":"nomic","usage":{"prompt_tokens":4,"total_tokens":4}})");
    CHECK(usage.reported);
    Usage unknown;
    CHECK(dialects::ollama()
              .embeddings(R"({"embeddings":[[1]]})", *request, target, unknown)
              .has_value());
    CHECK_FALSE(unknown.reported);
    for (const std::string_view bad :
         {"", "{}", R"({"embeddings":[]})", R"({"embeddings":[[]]})"}) {
        CHECK_FALSE(dialects::ollama().embeddings(bad, *request, target, unknown).has_value());
    }
}

TEST_CASE("ollama lists what was pulled") {
    const auto names = dialects::ollama().models(
        R"({"models":[{"name":"llama3.2:latest"},{"model":"qwen3:8b"}]})");
    REQUIRE(names.has_value());
    CHECK(*names == std::vector<std::string>{"llama3.2:latest", "qwen3:8b"});
    CHECK_FALSE(dialects::ollama().models("[]").has_value());
}
