#include "adapters/dialect/bedrock.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tollgate;
using namespace tollgate::adapters;

struct Exchange {
    explicit Exchange(std::string json) : size(json.size()), bytes(std::move(json)) {
        bytes.append(kBodySlack, '\0');
        auto peeked =
            Request::peek(Operation::embeddings, std::string_view(bytes).substr(0, size), 64);
        REQUIRE(peeked);
        request = std::move(*peeked);
    }
    [[nodiscard]] Target target() const { return {.endpoint = &endpoint, .model = request.model}; }
    [[nodiscard]] Result<std::string> encode() const {
        UpstreamRequest out;
        if (auto done = dialects::bedrock().encode(request, target(), out); !done) {
            return std::unexpected(std::move(done).error());
        }
        return out.body.joined();
    }
    Result<std::string> decode(std::string_view body, Usage& usage) const {
        return dialects::bedrock().embeddings(body, request, target(), usage);
    }

    std::size_t size;
    std::string bytes;
    Endpoint endpoint;
    Request request;
};

struct Row {
    std::string_view request;
    std::string_view expected;
};

TEST_CASE("inputs become each family's body") {
    for (
        const Row& row : {
            Row{R"({"model":"amazon.titan-embed-text-v1","input":"a\"b"})",
                R"({"inputText":"a\"b"})"},
            Row{R"({"model":"amazon.titan-embed-text-v2:0","input":["x"],"dimensions":256,"normalize":false})",
                R"({"inputText":"x","dimensions":256,"normalize":false})"},
            Row{R"({"model":"amazon.titan-embed-image-v1","input":"x","dimensions":384})",
                R"({"inputText":"x","embeddingConfig":{"outputEmbeddingLength":384}})"},
            Row{R"({"model":"amazon.nova-2-multimodal-embeddings-v1:0","input":"x","dimensions":1024})",
                R"({"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX","embeddingDimension":1024,"text":{"truncationMode":"END","value":"x"}}})"},
            Row{R"({"model":"cohere.embed-multilingual-v3","input":["x","y"],"input_type":"search_query","truncate":"END"})",
                R"({"texts":["x","y"],"input_type":"search_query","truncate":"END"})"},
            Row{R"({"model":"us.cohere.embed-v4:0","input":"x","dimensions":512})",
                R"({"texts":["x"],"input_type":"search_document","output_dimension":512})"},
        }) {
        CAPTURE(row.request);
        const auto body = Exchange(std::string(row.request)).encode();
        REQUIRE(body);
        CHECK(*body == row.expected);
    }
}

TEST_CASE("what a family does not embed is refused") {
    std::string many = R"({"model":"cohere.embed-english-v3","input":["x")";
    for (int i = 0; i < 96; ++i) {
        many += R"(,"x")";
    }
    many += "]}";
    for (const auto& [request, param] : std::vector<std::pair<std::string, std::string>>{
             {R"({"model":"amazon.titan-embed-text-v2:0","input":["x","y"]})", "input"},
             {R"({"model":"amazon.titan-embed-text-v1","input":"x","dimensions":256})",
              "dimensions"},
             {R"({"model":"cohere.embed-english-v3","input":"x","dimensions":256})", "dimensions"},
             {R"({"model":"cohere.embed-english-v3","input":""})", "input"},
             {R"({"model":"cohere.embed-english-v3","input":[1,2]})", "input[0]"},
             {R"({"model":"anthropic.claude-3-haiku-20240307-v1:0","input":"x"})", "model"},
             {many, "input"}}) {
        CAPTURE(request);
        const auto body = Exchange(request).encode();
        REQUIRE_FALSE(body);
        CHECK(body.error().kind == FailureKind::bad_request);
        CHECK(body.error().param == param);
    }
}

TEST_CASE("answers become OpenAI's list") {
    const Exchange titan(R"({"model":"amazon.titan-embed-text-v2:0","input":"x"})");
    Usage usage;
    auto body = titan.decode(
        R"({"embedding":[0.10,-1],"embeddingsByType":{"float":[0.10,-1]},"inputTextTokenCount":3})",
        usage);
    REQUIRE(body);
    CHECK(
        *body ==
        R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-1]}],)"
        R"("model":"amazon.titan-embed-text-v2:0","usage":{"prompt_tokens":3,"total_tokens":3}})");
    CHECK(usage.reported);
    CHECK(usage.input == 3);

    for (
        const std::string_view answer :
        {R"({"id":"i","embeddings":[[1,2],[3,4]],"texts":["x","y"]})",
         R"({"embeddings":{"float":[[1,2],[3,4]]}})",
         R"({"embeddings":[{"embeddingType":"TEXT","embedding":[1,2]},{"embeddingType":"TEXT","embedding":[3,4]}]})"}) {
        CAPTURE(answer);
        Usage estimate{.input = 5};
        body = titan.decode(answer, estimate);
        REQUIRE(body);
        CHECK(body->starts_with(
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,2]},)"
            R"({"object":"embedding","index":1,"embedding":[3,4]}])"));
        CHECK(body->ends_with(R"("usage":{"prompt_tokens":5,"total_tokens":5}})"));
        CHECK_FALSE(estimate.reported);
    }
}

TEST_CASE("base64 is given where the client asks for it") {
    const Exchange packed(
        R"({"model":"amazon.titan-embed-text-v1","input":"x","encoding_format":"base64"})");
    Usage usage;
    const auto body = packed.decode(R"({"embedding":[1,-2.5]})", usage);
    REQUIRE(body);
    CHECK(body->find(R"("embedding":"AACAPwAAIMA=")") != std::string::npos);
}

TEST_CASE("an embeddings answer that is none is a protocol error") {
    const Exchange titan(R"({"model":"amazon.titan-embed-text-v2:0","input":"x"})");
    for (const std::string_view answer : {"", "{", "{}", R"({"embeddings":[]})",
                                          R"({"embeddings":["x"]})", R"({"embedding":["x"]})"}) {
        CAPTURE(answer);
        Usage usage;
        const auto body = titan.decode(answer, usage);
        REQUIRE_FALSE(body);
        CHECK(body.error().kind == FailureKind::protocol_error);
    }
}

}  // namespace
