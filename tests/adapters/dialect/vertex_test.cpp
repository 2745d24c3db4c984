#include "adapters/dialect/vertex.hpp"

#include "adapters/dialect.hpp"
#include "adapters/vendor.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/event_log.hpp"
#include "tests/support/request_cases.hpp"

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

const std::string kGolden = TOLLGATE_SOURCE_DIR "/tests/golden/vertex/requests/";
constexpr Vendor kVendor{.name = "vertex_ai", .dialect = DialectName::vertex, .auth = Auth::google};

Endpoint endpoint(std::string project, std::string location) {
    Endpoint one;
    one.vendor = &kVendor;
    one.provider = "vertex_ai";
    one.base_url = vertex::default_base_url(location);
    one.project = std::move(project);
    one.location = std::move(location);
    return one;
}

std::string decode(std::string_view model, Delivery delivery, std::string_view bytes,
                   std::size_t first) {
    DecodeContext context;
    context.model = model;
    return tests::decode(dialects::vertex().decoder(delivery, context), bytes, first, bytes.size());
}

}  // namespace

TEST_CASE("says requests in the protocol of the model's maker", "[vertex]") {
    tests::run_request_table(kGolden + "requests.json", dialects::vertex(),
                             endpoint("my-project", "europe-west4"));
}

TEST_CASE("reaches Google's models with a plain key", "[vertex]") {
    tests::run_request_table(kGolden + "express.json", dialects::vertex(), endpoint("", ""));
}

TEST_CASE("follows the configured renames", "[vertex]") {
    Endpoint one = endpoint("p", "us");
    one.deployments = {{"fast", "claude-haiku-4-5@20251001"}, {"open", "qwen/qwen3-maas"}};
    const tests::PaddedBody body(
        R"({"model":"fast","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]})");
    const auto request = Request::peek(Operation::chat, body.view(), 64);
    REQUIRE(request);
    UpstreamRequest claude;
    REQUIRE(dialects::vertex().encode(*request, Target{.endpoint = &one, .model = "fast"}, claude));
    CHECK(claude.target ==
          "/v1/projects/p/locations/us/publishers/anthropic/models/"
          "claude-haiku-4-5@20251001:rawPredict");
    UpstreamRequest open;
    REQUIRE(dialects::vertex().encode(*request, Target{.endpoint = &one, .model = "open"}, open));
    CHECK(open.target == "/v1/projects/p/locations/us/endpoints/openapi/chat/completions");
    CHECK(open.body.joined().find(R"("qwen/qwen3-maas")") != std::string::npos);
}

TEST_CASE("knows the host of every kind of location", "[vertex]") {
    CHECK(vertex::default_base_url("") == "https://aiplatform.googleapis.com");
    CHECK(vertex::default_base_url("global") == "https://aiplatform.googleapis.com");
    CHECK(vertex::default_base_url("us") == "https://aiplatform.us.rep.googleapis.com");
    CHECK(vertex::default_base_url("eu") == "https://aiplatform.eu.rep.googleapis.com");
    CHECK(vertex::default_base_url("us-central1") ==
          "https://us-central1-aiplatform.googleapis.com");
}

TEST_CASE("reads each maker's answers, however cut", "[vertex]") {
    struct Row {
        const char* model;
        const char* bytes;
        const char* contains;
    };
    const Row rows[] = {
        {"gemini-2.5-flash",
         "data: "
         "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hey\"}]},\"finishReason\":\"STOP\"}"
         "]}\n\n",
         "text 0 \"hey\"\nfinished 0 stop"},
        {"claude-sonnet-4-5@20250929",
         "event: message_start\ndata: "
         "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\"usage\":{\"input_"
         "tokens\":1}}}\n\n"
         "event: content_block_start\ndata: "
         "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
         "\"text\":\"\"}}\n\n"
         "event: content_block_delta\ndata: "
         "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
         "\"text\":\"hey\"}}\n\n"
         "event: message_delta\ndata: "
         "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_"
         "tokens\":1}}\n\n"
         "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
         "text 0 \"hey\""},
        {"deepseek-ai/deepseek-v3.1-maas",
         "data: "
         "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hey\"},"
         "\"finish_reason\":\"stop\"}]}\n\n"
         "data: [DONE]\n\n",
         "text 0 \"hey\""},
    };
    for (const Row& row : rows) {
        INFO(row.model);
        const std::string_view bytes = row.bytes;
        const std::string whole = decode(row.model, Delivery::stream, bytes, bytes.size());
        CHECK(whole.find(row.contains) != std::string::npos);
        CHECK(whole.find("failed") == std::string::npos);
        bool same = true;
        for (std::size_t first = 1; first < bytes.size() && same; ++first) {
            same = decode(row.model, Delivery::stream, bytes, first) == whole;
        }
        CHECK(same);
    }
}

TEST_CASE("reads all forms of embeddings", "[vertex]") {
    const Endpoint one = endpoint("p", "us-central1");
    const Target target{.endpoint = &one, .model = "m"};
    const tests::PaddedBody body(R"({"model":"x","input":["a","b"]})");
    const auto request = Request::peek(Operation::embeddings, body.view(), 64);
    REQUIRE(request);
    const auto embed = [&](std::string_view answer, Usage& usage) {
        return dialects::vertex().embeddings(answer, *request, target, usage);
    };
    Usage usage;
    usage.input = 99;  // an estimate, which the report replaces
    const auto predicted = embed(
        R"({"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":6.0,"truncated":false}}},)"
        R"({"embeddings":{"values":[2],"statistics":{"token_count":2}}}]})",
        usage);
    REQUIRE(predicted);
    CHECK(predicted->find(R"("index":1,"embedding":[2])") != std::string::npos);
    CHECK(usage.input == 8);
    CHECK(usage.reported);
    const auto embedded =
        embed(R"({"embedding":{"values":[3]},"usageMetadata":{"promptTokenCount":4}})", usage);
    REQUIRE(embedded);
    CHECK(embedded->find(R"("embedding":[3])") != std::string::npos);
    CHECK(usage.input == 4);
    const auto relayed =
        embed(R"({"data":[{"embedding":[4]}],"usage":{"prompt_tokens":5}})", usage);
    REQUIRE(relayed);
    CHECK(*relayed == R"({"data":[{"embedding":[4]}],"usage":{"prompt_tokens":5}})");
    CHECK(usage.input == 5);
    CHECK_FALSE(embed("{}", usage));
}

TEST_CASE("reads the errors of Google's front end and of the makers", "[vertex]") {
    const auto classify = [](unsigned status, std::string_view body) {
        ResponseInfo head;
        head.status = status;
        return dialects::vertex().classify(head, body);
    };
    const Failure google = classify(
        429,
        R"([{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}])");
    CHECK(google.kind == FailureKind::upstream_limited);
    const Failure claude = classify(
        529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
    CHECK(claude.kind == FailureKind::upstream_unavailable);
    CHECK(claude.detail.find("Overloaded") != std::string::npos);
    const Failure open =
        classify(400, R"({"error":{"message":"bad tool","type":"BadRequestError"}})");
    CHECK(open.kind == FailureKind::upstream_rejected);
    CHECK(open.detail.find("bad tool") != std::string::npos);
}

TEST_CASE("lists Google's models", "[vertex]") {
    CHECK(dialects::vertex().models_path(endpoint("p", "us")) ==
          "/v1beta1/publishers/google/models?pageSize=200");
    const auto names = dialects::vertex().models(
        R"({"publisherModels":[{"name":"publishers/google/models/gemini-2.5-pro","versionId":"default"}]})");
    REQUIRE(names);
    CHECK(*names == std::vector<std::string>{"gemini-2.5-pro"});
    CHECK_FALSE(dialects::vertex().models("{}"));
}
