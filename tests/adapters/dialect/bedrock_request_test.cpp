#include "adapters/dialect/bedrock.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace {

using namespace tollgate;
using namespace tollgate::adapters;
namespace fs = std::filesystem;

const fs::path kGolden = fs::path(TOLLGATE_SOURCE_DIR) / "tests/golden/bedrock";

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// White space between tokens does not count; the order of members does.
std::string squeezed(std::string_view text) {
    std::string out;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (in_string && text[i] == '\\') {
            out.append(text.substr(i++, 2));
            continue;
        }
        in_string ^= text[i] == '"';
        if (in_string || !std::isspace(static_cast<unsigned char>(text[i]))) {
            out.push_back(text[i]);
        }
    }
    return out;
}

struct Encoded {
    Result<void> result;
    std::string target;
    std::string body;
};

Encoded encode(std::string_view json, const Endpoint& endpoint,
               Operation operation = Operation::chat) {
    std::string padded(json);
    padded.append(kBodySlack, '\0');
    const auto request =
        Request::peek(operation, std::string_view(padded).substr(0, json.size()), 64);
    REQUIRE(request);
    UpstreamRequest out;
    auto result =
        dialects::bedrock().encode(*request, {.endpoint = &endpoint, .model = request->model}, out);
    return {.result = std::move(result), .target = out.target, .body = out.body.joined()};
}

Encoded encode(std::string_view json, Operation operation = Operation::chat) {
    Endpoint endpoint;
    endpoint.base_url = "https://bedrock-runtime.us-east-1.amazonaws.com";
    return encode(json, endpoint, operation);
}

TEST_CASE("chat requests become the expected Converse bodies") {
    std::size_t cases = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(kGolden)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".request.json")) {
            continue;
        }
        ++cases;
        const std::string stem = name.substr(0, name.find('.'));
        CAPTURE(stem);
        const Operation operation = stem == "prompt" ? Operation::completions : Operation::chat;
        const Encoded encoded = encode(read(entry.path()), operation);
        REQUIRE(encoded.result);
        const std::string expected = read(kGolden / (stem + ".expected.json"));
        CHECK(squeezed(encoded.body) == squeezed(expected));
    }
    CHECK(cases >= 27);
}

TEST_CASE("the model id is one path segment, whatever it is") {
    struct Row {
        std::string_view model;
        std::string_view expected;
    };
    for (const Row& row : {
             Row{"us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                 "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"},
             Row{"arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
                 "us.amazon.nova-lite-v1:0",
                 "/model/"
                 "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon."
                 "nova-lite-v1%3A0/converse"},
             Row{"../../guardrail/x", "/model/..%2F..%2Fguardrail%2Fx/converse"},
         }) {
        const std::string json = R"({"model":")" + std::string(row.model) +
                                 R"(","messages":[{"role":"user","content":"x"}]})";
        CHECK(encode(json).target == row.expected);
    }
}

TEST_CASE("streams, embeddings and base urls with a path have their own targets") {
    CHECK(encode(R"({"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]})")
              .target == "/model/m/converse-stream");
    CHECK(encode(R"({"model":"cohere.embed-v4:0","input":"x"})", Operation::embeddings).target ==
          "/model/cohere.embed-v4%3A0/invoke");
    Endpoint endpoint;
    endpoint.base_url = "https://proxy.example/aws";
    CHECK(encode(R"({"model":"m","messages":[{"role":"user","content":"x"}]})", endpoint).target ==
          "/aws/model/m/converse");
}

TEST_CASE("a deployment's name keeps the traits of the model it stands for") {
    Endpoint endpoint;
    endpoint.deployments = {
        {"claude-3-7-sonnet", "arn:aws:bedrock:eu-west-1:1:application-inference-profile/q"}};
    const Encoded encoded = encode(
        R"({"model":"claude-3-7-sonnet","reasoning_effort":"low","messages":[{"role":"user","content":"x"}]})",
        endpoint);
    CHECK(encoded.target.find("application-inference-profile%2Fq/converse") != std::string::npos);
    CHECK(encoded.body.find(R"("thinking":{"type":"enabled","budget_tokens":1024})") !=
          std::string::npos);
}

struct Refusal {
    std::string_view what;
    std::string_view json;
    std::string_view param;
    std::string_view detail;
};

const Refusal kRefusals[]{
    {"image link",
     R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}])",
     "messages[0].content[0].image_url.url", "Bedrock does not fetch links"},
    {"image type",
     R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}}]}])",
     "messages[0].content[0].image_url.url", "png, jpeg, gif and webp"},
    {"image data",
     R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,A*AA"}}]}])",
     "messages[0].content[0].image_url.url", "not valid base64"},
    {"file id",
     R"("messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f-1"}}]}])",
     "messages[0].content[0].file", "no file store"},
    {"file type",
     R"("messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.exe","file_data":"AAAA"}}]}])",
     "messages[0].content[0].file.file_data", "pdf, csv"},
    {"audio",
     R"("messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}])",
     "messages[0].content[0].input_audio", "no audio"},
    {"unknown part", R"("messages":[{"role":"user","content":[{"type":"hologram"}]}])",
     "messages[0].content[0].type", "'hologram'"},
    {"part that is no object", R"("messages":[{"role":"user","content":[7]}])",
     "messages[0].content[0].type", "type ''"},
    {"content that is a number", R"("messages":[{"role":"user","content":7}])",
     "messages[0].content", "string or an array"},
    {"role", R"("messages":[{"role":"function","content":"x"}])", "messages[0].role", "'function'"},
    {"system only", R"("messages":[{"role":"system","content":"x"}])", "messages",
     "at least one user message"},
    {"system image",
     R"("messages":[{"role":"system","content":[{"type":"image_url"}]},{"role":"user","content":"x"}])",
     "messages[0].content[0]", "text only"},
    {"arguments",
     R"("messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"a","arguments":"{\"a\":"}}]}])",
     "messages[0].tool_calls[0].function.arguments", "JSON object"},
    {"arguments that are a list",
     R"("messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"a","arguments":"[1]"}}]}])",
     "messages[0].tool_calls[0].function.arguments", "JSON object"},
    {"call without name", R"("messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}])",
     "messages[0].tool_calls[0].function.name", "name"},
    {"result without id", R"("messages":[{"role":"tool","content":"x"}])",
     "messages[0].tool_call_id", "id of the call"},
    {"n", R"("n":2,"messages":[{"role":"user","content":"x"}])", "n", "one choice"},
    {"logprobs", R"("logprobs":true,"messages":[{"role":"user","content":"x"}])", "logprobs",
     "log probabilities"},
    {"audio out", R"("modalities":["text","audio"],"messages":[{"role":"user","content":"x"}])",
     "modalities", "'audio'"},
    {"functions", R"("functions":[{"name":"a"}],"messages":[{"role":"user","content":"x"}])",
     "functions", "`tools`"},
    {"web search", R"("web_search_options":{},"messages":[{"role":"user","content":"x"}])",
     "web_search_options", "no web search"},
    {"tool type",
     R"("tools":[{"type":"custom","custom":{"name":"a"}}],"messages":[{"role":"user","content":"x"}])",
     "tools[0].type", "'custom'"},
    {"tool name",
     R"("tools":[{"type":"function","function":{"name":"a.b"}}],"messages":[{"role":"user","content":"x"}])",
     "tools[0].function.name", "1 to 64"},
    {"reserved tool name",
     R"("tools":[{"type":"function","function":{"name":"tollgate_json_output"}}],"messages":[{"role":"user","content":"x"}])",
     "tools[0].function.name", "reserved"},
    {"tool choice", R"("tool_choice":"maybe","messages":[{"role":"user","content":"x"}])",
     "tool_choice", "required"},
    {"format", R"("response_format":{"type":"xml"},"messages":[{"role":"user","content":"x"}])",
     "response_format.type", "json_schema"},
    {"format without schema",
     R"("response_format":{"type":"json_schema"},"messages":[{"role":"user","content":"x"}])",
     "response_format.json_schema.schema", "JSON schema"},
    {"effort", R"("reasoning_effort":"huge","messages":[{"role":"user","content":"x"}])",
     "reasoning_effort", "xhigh"},
    {"stop", R"("stop":[1],"messages":[{"role":"user","content":"x"}])", "stop",
     "array of strings"},
};

TEST_CASE("what Bedrock cannot express is refused with the field and the reason") {
    for (const Refusal& row : kRefusals) {
        CAPTURE(row.what);
        const Encoded encoded = encode(R"({"model":"anthropic.claude-3-5-sonnet-20240620-v1:0",)" +
                                       std::string(row.json) + "}");
        REQUIRE_FALSE(encoded.result);
        const Failure& failure = encoded.result.error();
        CHECK(failure.kind == FailureKind::bad_request);
        CHECK(failure.param == row.param);
        CHECK(failure.detail.find(row.detail) != std::string::npos);
    }
}

TEST_CASE("completions take one prompt of text") {
    for (const std::string_view prompt : {R"(["a","b"])", "[1,2]", "[[1]]"}) {
        const Encoded encoded =
            encode(R"({"model":"m","prompt":)" + std::string(prompt) + "}", Operation::completions);
        REQUIRE_FALSE(encoded.result);
        CHECK(encoded.result.error().param == "prompt");
    }
    for (const std::string_view more : {R"("echo":true)", R"("suffix":"x")", R"("best_of":2)"}) {
        CHECK_FALSE(encode(R"({"model":"m","prompt":"x",)" + std::string(more) + "}",
                           Operation::completions)
                        .result);
    }
}

TEST_CASE("voxtral takes audio") {
    const Encoded encoded = encode(
        R"({"model":"mistral.voxtral-mini-3b-2507","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]})");
    REQUIRE(encoded.result);
    CHECK(
        encoded.body ==
        R"({"messages":[{"role":"user","content":[{"audio":{"format":"wav","source":{"bytes":"AAAA"}}}]}]})");
}

TEST_CASE("families are told apart by id, profile and ARN") {
    using bedrock::model_traits;
    using bedrock::Thinking;
    CHECK(model_traits("anthropic.claude-3-5-haiku-20241022-v1:0").thinking == Thinking::none);
    CHECK(model_traits("eu.anthropic.claude-opus-4-5-20251101-v1:0").thinking == Thinking::budget);
    CHECK(model_traits("global.anthropic.claude-opus-4-7").thinking == Thinking::adaptive);
    CHECK(model_traits("global.anthropic.claude-opus-4-7").xhigh);
    CHECK(model_traits(
              "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-1-20250805-v1:0")
              .one_sampler);
    CHECK(model_traits("us.amazon.nova-pro-v1:0").nested_top_k);
    CHECK_FALSE(model_traits("us.deepseek.r1-v1:0").forced_tool);
    CHECK(model_traits("deepseek.v3-v1:0").forced_tool);
    CHECK(model_traits("something.new-1").prefix.empty());
}

TEST_CASE("regions map to their runtime host") {
    CHECK(bedrock::default_base_url("eu-central-1") ==
          "https://bedrock-runtime.eu-central-1.amazonaws.com");
    CHECK(bedrock::default_base_url("cn-north-1") ==
          "https://bedrock-runtime.cn-north-1.amazonaws.com.cn");
    CHECK(bedrock::default_base_url("eusc-de-east-1") ==
          "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu");
}

TEST_CASE("the dialect translates and lists no models itself") {
    CHECK(dialects::bedrock().name() == "bedrock");
    CHECK_FALSE(dialects::bedrock().relays());
    CHECK(dialects::bedrock().models_path({}).empty());
}

}  // namespace
