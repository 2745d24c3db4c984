#include "adapters/dialect/cohere.hpp"

#include "tests/adapters/golden.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

Endpoint endpoint() {
    Endpoint one;
    one.provider = "cohere";
    one.base_url = "https://api.cohere.com";
    return one;
}

Failure classify(unsigned status, std::string_view body, std::string_view retry_after = {}) {
    ResponseInfo head;
    head.status = status;
    head.content_type = "application/json";
    head.retry_after = retry_after;
    return dialects::cohere().classify(head, body);
}

}  // namespace

TEST_CASE("cohere requests are as the golden files say") {
    const Endpoint one = endpoint();
    golden::check_requests(dialects::cohere(), "cohere",
                           {.endpoint = &one, .model = "command-a-03-2025"}, 25);
}

TEST_CASE("cohere streams are as the golden files say, however they are cut up") {
    golden::check_answers(dialects::cohere(), "cohere", ".stream.sse", Delivery::stream,
                          "command-a", 9);
}

TEST_CASE("cohere whole answers are as the golden files say, however they are cut up") {
    golden::check_answers(dialects::cohere(), "cohere", ".whole.json", Delivery::whole, "command-a",
                          5);
}

TEST_CASE("cohere paths follow the base URL and the deployment map renames the model") {
    Endpoint one = endpoint();
    one.deployments = {{"command-a", "my-command"}};
    for (const std::string_view base :
         {"http://gw:8080/cohere", "http://gw:8080/cohere/v2", "http://gw:8080/cohere/v1/"}) {
        one.base_url = base;
        const std::string sent = golden::encode(
            dialects::cohere(), R"({"model":"x","messages":[{"role":"user","content":"x"}]})",
            {.endpoint = &one, .model = "command-a"});
        CHECK(sent.starts_with("POST /cohere/v2/chat\n{\"model\":\"my-command\","));
        CHECK(dialects::cohere().models_path(one) == "/cohere/v1/models?page_size=1000");
    }
}

TEST_CASE("cohere errors become failures of the right kind") {
    struct Row {
        unsigned status;
        std::string_view body;
        FailureKind kind;
        std::uint16_t client_status;
    };
    for (
        const Row& row : {
            Row{400, R"({"id":"1","message":"invalid request: bad"})",
                FailureKind::upstream_rejected, 400},
            Row{400, R"({"message":"too many tokens: size limit exceeded by 10 tokens"})",
                FailureKind::context_exceeded, 400},
            Row{401, R"({"message":"invalid api token"})", FailureKind::upstream_auth, 502},
            Row{404, R"({"message":"model 'x' not found"})", FailureKind::upstream_rejected, 404},
            Row{422, R"({"message":"unprocessable"})", FailureKind::upstream_rejected, 422},
            Row{429,
                R"({"message":"You are using a Trial key, which is limited to 1000 API calls / month."})",
                FailureKind::upstream_quota, 502},
            Row{429, R"({"message":"limited to 20 API calls / minute"})",
                FailureKind::upstream_limited, 429},
            Row{498, R"({"message":"blocked"})", FailureKind::upstream_rejected, 400},
            Row{499, R"({"message":"request cancelled"})", FailureKind::upstream_timeout, 504},
            Row{500, R"({"message":"internal"})", FailureKind::upstream_unavailable, 502},
            Row{503, "<html>", FailureKind::upstream_unavailable, 503},
        }) {
        INFO(row.body);
        const Failure failure = classify(row.status, row.body);
        CHECK(failure.kind == row.kind);
        CHECK(failure.client_status() == row.client_status);
    }
    CHECK(classify(404, R"({"message":"model 'x' not found"})").code == "model_not_found");
    CHECK(classify(429, R"({"message":"slow down"})", "7").retry_after == std::chrono::seconds(7));
    CHECK(classify(400, R"({"message":"invalid request: bad"})")
              .detail.find("invalid request: bad") != std::string::npos);
}

TEST_CASE("cohere embeddings become OpenAI's, as floats or base64, with what was billed") {
    const std::string answer =
        R"({"id":"e","embeddings":{"float":[[0.5,-1],[2,0.25]]},"texts":["a","b"],"meta":{"billed_units":{"input_tokens":7}},"response_type":"embeddings_by_type"})";
    const Endpoint one = endpoint();
    const Target target{.endpoint = &one, .model = "embed-v4.0"};
    for (const bool packed : {false, true}) {
        std::string body = packed ? R"({"model":"m","input":["a","b"],"encoding_format":"base64"})"
                                  : R"({"model":"m","input":["a","b"]})";
        const std::size_t size = body.size();
        body.append(kBodySlack, '\0');
        const auto request =
            Request::peek(Operation::embeddings, std::string_view(body).substr(0, size), 64);
        REQUIRE(request.has_value());
        Usage usage;
        const auto made = dialects::cohere().embeddings(answer, *request, target, usage);
        REQUIRE(made.has_value());
        CHECK(usage.input == 7);
        CHECK(usage.reported);
        const std::string first = packed ? "\"AAAAPwAAgL8=\"" : "[0.5,-1]";
        const std::string second = packed ? "\"AAAAQAAAgD4=\"" : "[2,0.25]";
        CHECK(*made ==
              R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":)" + first +
                  R"(},{"object":"embedding","index":1,"embedding":)" + second +
                  R"(}],"model":"embed-v4.0","usage":{"prompt_tokens":7,"total_tokens":7}})");
        for (const std::string_view bad :
             {"", "{}", "[]", R"({"embeddings":{"int8":[[1]]}})",
              R"({"embeddings":{"float":[[1,"x"]]}})", R"({"embeddings":{"float":[1]}})"}) {
            const auto refused = dialects::cohere().embeddings(bad, *request, target, usage);
            REQUIRE_FALSE(refused.has_value());
            CHECK(refused.error().kind == FailureKind::protocol_error);
        }
    }
}

TEST_CASE("cohere lists its models") {
    const auto names = dialects::cohere().models(
        R"({"models":[{"name":"command-a"},{"endpoints":[]},{"name":"embed"}]})");
    REQUIRE(names.has_value());
    CHECK(*names == std::vector<std::string>{"command-a", "embed"});
    CHECK_FALSE(dialects::cohere().models("{}").has_value());
    CHECK_FALSE(dialects::cohere().models("nonsense").has_value());
}
