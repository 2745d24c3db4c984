#include "adapters/dialect/gemini.hpp"

#include "adapters/dialect.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/event_log.hpp"
#include "tests/support/request_cases.hpp"

#include <algorithm>
#include <filesystem>

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

const std::string kGolden = TOLLGATE_SOURCE_DIR "/tests/golden/gemini/";

Endpoint endpoint() {
    Endpoint one;
    one.provider = "gemini";
    one.base_url = "https://generativelanguage.googleapis.com";
    return one;
}

/// The generationConfig for a request to `model` with one extra member.
std::string config_for(std::string_view model, std::string_view member) {
    const tests::PaddedBody body(R"({"model":"x","messages":[{"role":"user","content":"Hi"}],)" +
                                 std::string(member) + "}");
    const auto request = Request::peek(Operation::chat, body.view(), 64);
    REQUIRE(request);
    const auto encoded = gemini::encode_generate(*request, model, gemini::Surface::gemini_api);
    REQUIRE(encoded);
    const auto document = json::Document::parse(*encoded);
    REQUIRE(document);
    return std::string((*document)["generationConfig"].raw());
}

}  // namespace

TEST_CASE("says requests in Gemini's terms, and refuses what it cannot say", "[gemini]") {
    const Endpoint one = endpoint();
    for (const char* table : {"text", "media", "tools", "format_thinking", "embeddings"}) {
        tests::run_request_table(kGolden + "requests/" + table + ".json", dialects::gemini(), one);
    }
}

TEST_CASE("maps reasoning_effort to what each model family takes", "[gemini]") {
    struct Row {
        const char* model;
        const char* effort;
        const char* config;
    };
    const Row rows[] = {
        {"gemini-2.5-flash", "none", R"({"includeThoughts":false,"thinkingBudget":0})"},
        {"gemini-2.5-flash", "minimal", R"({"includeThoughts":true,"thinkingBudget":1024})"},
        {"gemini-2.5-flash", "medium", R"({"includeThoughts":true,"thinkingBudget":2048})"},
        {"gemini-2.5-flash", "max", R"({"includeThoughts":true,"thinkingBudget":16384})"},
        {"gemini-2.5-flash-lite", "none", R"({"includeThoughts":false,"thinkingBudget":0})"},
        {"gemini-2.5-pro", "none", R"({"includeThoughts":false,"thinkingBudget":128})"},
        {"models/gemini-2.5-pro", "high", R"({"includeThoughts":true,"thinkingBudget":4096})"},
        {"gemini-flash-latest", "low", R"({"includeThoughts":true,"thinkingBudget":1024})"},
        {"gemini-3-flash-preview", "none",
         R"({"includeThoughts":false,"thinkingLevel":"MINIMAL"})"},
        {"gemini-3-flash-preview", "medium",
         R"({"includeThoughts":true,"thinkingLevel":"MEDIUM"})"},
        {"gemini-3.1-pro", "minimal", R"({"includeThoughts":true,"thinkingLevel":"LOW"})"},
        {"gemini-3.1-pro", "medium", R"({"includeThoughts":true,"thinkingLevel":"HIGH"})"},
        {"gemini-10-pro", "xhigh", R"({"includeThoughts":true,"thinkingLevel":"HIGH"})"},
    };
    for (const Row& row : rows) {
        INFO(row.model << " " << row.effort);
        CHECK(config_for(row.model, "\"reasoning_effort\":\"" + std::string(row.effort) + "\"") ==
              "{\"thinkingConfig\":" + std::string(row.config) + "}");
    }
    for (const char* model :
         {"gemini-2.0-flash", "gemini-2.5-flash-image", "gemma-3-27b-it", "learnlm"}) {
        INFO(model);
        CHECK(config_for(model, R"("reasoning_effort":"high")") == "{}");
    }
}

TEST_CASE("reads answers the same however their bytes are cut", "[gemini]") {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kGolden + "answers")) {
        const std::filesystem::path& path = entry.path();
        if (path.extension() == ".events") {
            continue;
        }
        ++seen;
        INFO(path.filename().string());
        const std::string bytes = tests::read_file(path.string());
        std::string expected =
            tests::read_file(std::filesystem::path(path).replace_extension(".events").string());
        REQUIRE(expected.ends_with('\n'));
        expected.pop_back();
        const Delivery delivery = path.extension() == ".sse" ? Delivery::stream : Delivery::whole;
        const auto decode = [&](std::size_t first, std::size_t step) {
            return tests::decode(dialects::gemini().decoder(delivery, {}), bytes, first, step);
        };
        CHECK(decode(bytes.size() + 1, 1) == expected);
        CHECK(decode(1, 1) == expected);
        bool same = true;
        for (std::size_t first = 1; first < bytes.size() && same; ++first) {
            same = decode(first, bytes.size()) == expected;
        }
        CHECK(same);
    }
    CHECK(seen > 20);
}

TEST_CASE("calls without ids get ids that differ between answers", "[gemini]") {
    const std::string bytes =
        R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]})";
    const auto decode = [&] {
        return tests::decode(dialects::gemini().decoder(Delivery::whole, {}), bytes, bytes.size(),
                             1);
    };
    const std::string first = decode();
    CHECK(first.find("tool_call 0 0 \"call_") != std::string::npos);
    CHECK(first != decode());
}

TEST_CASE("a signature survives its journey through a tool-call id", "[gemini]") {
    for (const char* signature : {"Ab+/x9==", "c2ln", "QQ==", "+/+/"}) {
        const std::string id = adapters::join_signature("call_1", signature);
        CHECK(std::ranges::all_of(id, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                   c == '_' || c == '-';
        }));
        const auto [plain, back] = adapters::split_signature(id);
        CHECK(plain == "call_1");
        CHECK(back == signature);
    }
    CHECK(adapters::split_signature("call_1__thought__Ab+/x9==").second ==
          "Ab+/x9==");  // as LiteLLM writes it
    CHECK(adapters::split_signature("toolu_1").second.empty());
}

TEST_CASE("turns batchEmbedContents into OpenAI's embeddings", "[gemini]") {
    const Endpoint one = endpoint();
    const Target target{.endpoint = &one, .model = "gemini-embedding-001"};
    const auto embed = [&](std::string_view request_body, std::string_view answer, Usage& usage) {
        const tests::PaddedBody body(request_body);
        const auto request = Request::peek(Operation::embeddings, body.view(), 64);
        REQUIRE(request);
        return dialects::gemini().embeddings(answer, *request, target, usage);
    };
    Usage usage;
    auto plain = embed(R"({"model":"x","input":["a","b"]})",
                       R"({"embeddings":[{"values":[0.5,-1]},{"values":[1e-3,2]}]})", usage);
    REQUIRE(plain);
    CHECK(
        *plain ==
        R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},)"
        R"({"object":"embedding","index":1,"embedding":[1e-3,2]}],"model":"gemini-embedding-001",)"
        R"("usage":{"prompt_tokens":0,"total_tokens":0}})");
    CHECK_FALSE(usage.reported);
    auto packed = embed(
        R"({"model":"x","input":"a","encoding_format":"base64"})",
        R"({"embeddings":[{"values":[1,-2]}],"usageMetadata":{"promptTokenCount":3}})", usage);
    REQUIRE(packed);
    CHECK(packed->find(R"("embedding":"AACAPwAAAMA=")") != std::string::npos);
    CHECK(usage.reported);
    CHECK(usage.input == 3);
    CHECK_FALSE(embed(R"({"model":"x","input":"a"})", R"({"embeddings":[]})", usage));
    CHECK_FALSE(
        embed(R"({"model":"x","input":"a"})", R"({"embeddings":[{"values":["x"]}]})", usage));
    CHECK_FALSE(embed(R"({"model":"x","input":"a"})", "gone", usage));
}

TEST_CASE("builds paths under any base URL", "[gemini]") {
    struct Row {
        const char* base_url;
        const char* api_version;
        const char* path;
    };
    const Row rows[] = {
        {"https://generativelanguage.googleapis.com", "", "/v1beta/models?pageSize=1000"},
        {"https://generativelanguage.googleapis.com", "v1alpha", "/v1alpha/models?pageSize=1000"},
        {"https://generativelanguage.googleapis.com/v1", "", "/v1/models?pageSize=1000"},
        {"http://proxy:8080/google/", "", "/google/v1beta/models?pageSize=1000"},
        {"http://proxy/google/v1beta", "2024-10-21", "/google/v1beta/models?pageSize=1000"},
    };
    for (const Row& row : rows) {
        Endpoint one = endpoint();
        one.base_url = row.base_url;
        one.api_version = row.api_version;
        CHECK(dialects::gemini().models_path(one) == row.path);
    }
}

TEST_CASE("lists models without their collection", "[gemini]") {
    const auto names = dialects::gemini().models(
        R"({"models":[{"name":"models/gemini-2.5-pro"},{"name":"tunedModels/t"}],"nextPageToken":"p"})");
    REQUIRE(names);
    CHECK(*names == std::vector<std::string>{"gemini-2.5-pro", "tunedModels/t"});
    CHECK_FALSE(dialects::gemini().models("{}"));
    CHECK_FALSE(dialects::gemini().models("<html>"));
}
