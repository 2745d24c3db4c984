// The Messages dialect against golden files: tests/golden/anthropic/
//   request_*.json   {"model"?: the vendor's id, "client": what came, "upstream": what must go out}
//   answer_*.json    whole answers, stream_*.sse streams; each with <name>.events.txt, one line per
//   event
#include "adapters/dialect/anthropic.hpp"

#include "adapters/client/chat_writer.hpp"
#include "adapters/codec/json.hpp"
#include "adapters/vendor.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

namespace {

using namespace tollgate::adapters;
using tollgate::Failure;
using tollgate::FailureKind;
using tollgate::Result;
namespace json = tollgate::json;
namespace fs = std::filesystem;

const fs::path kGolden = fs::path(TOLLGATE_SOURCE_DIR) / "tests/golden/anthropic";

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

std::vector<fs::path> golden(std::string_view prefix, std::string_view extension) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(kGolden)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(prefix) && name.ends_with(extension)) {
            found.push_back(entry.path());
        }
    }
    std::ranges::sort(found);
    return found;
}

// Objects compare without order, everything else with it; numbers by their digits.
bool same(json::Value a, json::Value b) {
    if (a.kind() != b.kind() || a.size() != b.size()) {
        return false;
    }
    if (a.is_object()) {
        return std::all_of(a.begin(), a.end(),
                           [&](json::Value one) { return same(one, b[one.key()]); });
    }
    if (a.is_array()) {
        return std::equal(a.begin(), a.end(), b.begin(), same);
    }
    return a.is_string() ? a.string() == b.string() : a.raw() == b.raw();
}

std::string line_of(const Failure& failure) {
    const std::string name(tollgate::failover::policy(failure.kind).name);
    if (failure.kind == FailureKind::protocol_error) {
        return "failure " + name + (failure.detail.empty() ? " without detail\n" : "\n");
    }
    return "failure " + name + " " + std::to_string(failure.upstream_status) + " " +
           failure.detail + "\n";
}

class Recorder final : public EventSink {
public:
    void started(const AnswerStart& start) override {
        log += "started " + std::string(start.id) + " " + std::string(start.model) + "\n";
    }
    void text(unsigned choice, std::string_view piece) override { note("text", choice, piece); }
    void reasoning(unsigned choice, std::string_view piece) override {
        note("reasoning", choice, piece);
    }
    void refusal(unsigned choice, std::string_view piece) override {
        note("refusal", choice, piece);
    }
    void tool_call(unsigned choice, unsigned index, std::string_view id,
                   std::string_view name) override {
        log += "tool " + std::to_string(choice) + " " + std::to_string(index) + " " +
               std::string(id) + " " + std::string(name) + "\n";
    }
    void tool_arguments(unsigned choice, unsigned index, std::string_view piece) override {
        note("arguments " + std::to_string(choice), index, piece);
    }
    void extension(unsigned choice, std::string_view name, std::string_view value) override {
        log += "extension " + std::to_string(choice) + " " + std::string(name) + " " +
               std::string(value) + "\n";
    }
    void finished(unsigned choice, FinishReason reason) override {
        log += "finished " + std::to_string(choice) + " " + std::string(to_string(reason)) + "\n";
    }
    void usage(const Usage& u) override {
        log += "usage input=" + std::to_string(u.input) + " read=" + std::to_string(u.cache_read) +
               " write=" + std::to_string(u.cache_write) +
               " write_1h=" + std::to_string(u.cache_write_1h) +
               " output=" + std::to_string(u.output) + " reasoning=" + std::to_string(u.reasoning) +
               "\n";
    }
    std::string log;

private:
    void note(const std::string& what, unsigned number, std::string_view piece) {
        log += what + " " + std::to_string(number) + " ";
        json::append_string(log, piece);
        log += '\n';
    }
};

const Dialect& claude() {
    return dialects::anthropic();
}

std::string decode(Delivery delivery, const std::vector<std::string_view>& pieces) {
    const auto decoder = claude().decoder(delivery, {.model = "claude-x"});
    Recorder recorder;
    for (const std::string_view piece : pieces) {
        const std::vector<char> bytes(piece.begin(), piece.end());  // a kept view is an ASan report
        if (const Result<void> fed = decoder->feed({bytes.data(), bytes.size()}, recorder); !fed) {
            return recorder.log + line_of(fed.error());
        }
    }
    if (const Result<void> ended = decoder->end(recorder); !ended) {
        return recorder.log + line_of(ended.error());
    }
    return recorder.log;
}

const Vendor kVendor{.name = "anthropic"};

struct Encoded {
    Result<void> result;
    UpstreamRequest upstream;
    std::string body;
};

Encoded encode(const std::string& client, std::string_view model, const Endpoint& endpoint) {
    const auto document = json::Document::parse(client);
    REQUIRE(document.has_value());
    Request request;
    request.body = client;
    request.model = model;
    request.stream = (*document)["stream"].boolean();
    for (const char* field : {"max_tokens", "max_completion_tokens"}) {
        if ((*document)[field].is_number()) {
            request.max_output = (*document)[field].count();
        }
    }
    Encoded encoded;
    encoded.result =
        claude().encode(request, {.endpoint = &endpoint, .model = model}, encoded.upstream);
    encoded.body = encoded.upstream.body.joined();
    return encoded;
}

Encoded encode(const std::string& client, std::string_view model = "claude-sonnet-4-5") {
    Endpoint endpoint;
    endpoint.vendor = &kVendor;
    endpoint.base_url = "https://api.anthropic.com";
    return encode(client, model, endpoint);
}

std::string header(const UpstreamRequest& request, std::string_view name) {
    for (const Header& one : request.headers) {
        if (one.name == name) {
            return one.value;
        }
    }
    return {};
}

Failure classify(unsigned status, std::string_view body, std::string_view retry_after = {}) {
    ResponseInfo head;
    head.status = status;
    head.retry_after = retry_after;
    return claude().classify(head, body);
}

}  // namespace

TEST_CASE("anthropic: requests become the vendor's", "[anthropic]") {
    const auto files = golden("request_", ".json");
    REQUIRE(files.size() >= 30);
    for (const fs::path& file : files) {
        INFO(file.filename().string());
        const std::string text = slurp(file);
        const auto document = json::Document::parse(text);
        REQUIRE(document.has_value());
        const Encoded got = encode(std::string((*document)["client"].raw()),
                                   (*document)["model"].string("claude-sonnet-4-5"));
        REQUIRE(got.result.has_value());
        INFO(got.body);
        const auto body = json::Document::parse(got.body);
        REQUIRE(body.has_value());
        CHECK(same(body->root(), (*document)["upstream"]));
    }
}

TEST_CASE("anthropic: address and headers come from the endpoint", "[anthropic]") {
    const std::string client = R"({"model":"m","messages":[{"role":"user","content":"x"}]})";
    const struct {
        const char* base;
        const char* target;
        const char* models;
    } rows[] = {
        {"https://api.anthropic.com", "/v1/messages", "/v1/models?limit=1000"},
        {"https://api.anthropic.com/v1", "/v1/messages", "/v1/models?limit=1000"},
        {"https://api.deepseek.com/anthropic", "/anthropic/v1/messages",
         "/anthropic/v1/models?limit=1000"},
    };
    Endpoint endpoint;
    endpoint.vendor = &kVendor;
    for (const auto& row : rows) {
        endpoint.base_url = row.base;
        CHECK(encode(client, "claude-x", endpoint).upstream.target == row.target);
        CHECK(claude().models_path(endpoint) == row.models);
    }
    CHECK(header(encode(client, "claude-x", endpoint).upstream, "anthropic-version") ==
          "2023-06-01");
    CHECK(header(encode(client, "claude-x", endpoint).upstream, "anthropic-beta").empty());
    endpoint.api_version = "2030-01-01";
    CHECK(header(encode(client, "claude-x", endpoint).upstream, "anthropic-version") ==
          "2030-01-01");
    const std::string files =
        R"({"model":"m","mcp_servers":[],"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]})";
    CHECK(header(encode(files, "claude-x", endpoint).upstream, "anthropic-beta") ==
          "mcp-client-2025-11-20,files-api-2025-04-14");
}

TEST_CASE("anthropic: what silence would falsify is refused by field and vendor", "[anthropic]") {
    const struct {
        const char* members;
        const char* param;
    } rows[] = {
        {R"("n":2)", "n"},
        {R"("modalities":["text","audio"])", "modalities"},
        {R"("audio":{"voice":"x"})", "audio"},
        {R"("response_format":{"type":"xml"})", "response_format.type"},
        {R"("response_format":{"type":"json_schema"})", "response_format.json_schema.schema"},
        {R"("tools":[{"type":"custom","custom":{"name":"x"}}])", "tools[0]"},
        {R"("tools":[{"type":"function","function":{"name":"tollgate_json_output"}}])", "tools[0]"},
        {R"("tool_choice":"sometimes")", "tool_choice"},
        {R"("tool_choice":{"type":"function"})", "tool_choice"},
        {R"("messages":[{"role":"robot","content":"x"}])", "messages[0].role"},
        {R"("messages":[{"role":"tool","content":"x"}])", "messages[0].tool_call_id"},
        {R"("messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{}}]}])",
         "messages[0].tool_calls[0]"},
        {R"("messages":[{"role":"user","content":["a",{"type":"input_audio","input_audio":{}}]}])",
         "messages[0].content[1]"},
        {R"("messages":[{"role":"user","content":[{"type":"video_url","video_url":{}}]}])",
         "messages[0].content[0]"},
        {R"("messages":[{"role":"user","content":[{"text":"x"}]}])", "messages[0].content[0].type"},
        {R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://x"}}]}])",
         "messages[0].content[0].image_url.url"},
        {R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:video/mp4;base64,AA=="}}]}])",
         "messages[0].content[0]"},
        {R"("messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:text/plain;base64,%%"}}]}])",
         "messages[0].content[0]"},
        {R"("messages":[{"role":"user","content":[{"type":"file","file":{}}]}])",
         "messages[0].content[0].file"},
    };
    for (const auto& row : rows) {
        INFO(row.members);
        const bool has_messages = std::string_view(row.members).starts_with("\"messages\"");
        const std::string client =
            std::string("{\"model\":\"m\",") + row.members +
            (has_messages ? "}" : R"(,"messages":[{"role":"user","content":"x"}]})");
        const Encoded got = encode(client);
        REQUIRE_FALSE(got.result.has_value());
        CHECK(got.result.error().kind == FailureKind::bad_request);
        CHECK(got.result.error().param == row.param);
        CHECK_FALSE(got.result.error().detail.empty());
    }
    const Encoded several = encode(R"({"model":"m","n":2,"messages":[]})");
    REQUIRE_FALSE(several.result.has_value());
    CHECK(several.result.error().detail.find("anthropic") != std::string::npos);
}

TEST_CASE("anthropic: answers become events, however they are cut", "[anthropic]") {
    const auto whole = golden("answer_", ".json");
    const auto streams = golden("stream_", ".sse");
    REQUIRE(whole.size() >= 10);
    REQUIRE(streams.size() >= 15);
    for (const auto* files : {&whole, &streams}) {
        const Delivery delivery = files == &whole ? Delivery::whole : Delivery::stream;
        for (const fs::path& file : *files) {
            INFO(file.filename().string());
            const std::string bytes = slurp(file);
            const std::string expected = slurp(fs::path(file).replace_extension(".events.txt"));
            const std::string_view all = bytes;
            CHECK(decode(delivery, {all}) == expected);
            std::vector<std::string_view> single;
            for (std::size_t i = 0; i < all.size(); ++i) {
                single.push_back(all.substr(i, 1));
            }
            CHECK(decode(delivery, single) == expected);
            for (std::size_t i = 0; i <= all.size(); ++i) {
                const std::string got = decode(delivery, {all.substr(0, i), all.substr(i)});
                if (got != expected) {
                    INFO("split at " << i);
                    CHECK(got == expected);
                }
            }
        }
    }
}

TEST_CASE("anthropic: a stream cut anywhere is never a clean end", "[anthropic]") {
    const std::string bytes = slurp(kGolden / "stream_tool_calls.sse");
    // The last event is complete without its blank line, but not a byte before its own closing
    // brace.
    const std::size_t complete = bytes.rfind('}') + 1;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        INFO(i);
        const std::string log = decode(Delivery::stream, {std::string_view(bytes).substr(0, i)});
        CHECK((log.find("failure protocol_error") != std::string::npos) == (i < complete));
    }
}

TEST_CASE("anthropic: thinking survives the round trip through a client", "[anthropic]") {
    const auto writer = whole_writer({.model = "m", .id = "i"});
    const auto decoder = claude().decoder(Delivery::stream, {.model = "claude-x"});
    REQUIRE(decoder->feed(slurp(kGolden / "stream_thinking.sse"), *writer).has_value());
    REQUIRE(decoder->end(*writer).has_value());
    writer->finish();
    const std::string answer = writer->take();
    const auto document = json::Document::parse(answer);
    REQUIRE(document.has_value());
    const std::string client = R"({"model":"m","messages":[{"role":"user","content":"x"},)" +
                               std::string((*document)["choices"][0]["message"].raw()) +
                               R"(,{"role":"user","content":"y"}]})";
    const Encoded back = encode(client);
    REQUIRE(back.result.has_value());
    CHECK(back.body.find(
              R"("content":[{"type":"thinking","thinking":"Let me","signature":"Eq0B"},)"
              R"({"type":"redacted_thinking","data":"xyz"},{"type":"text","text":"So: 4"}])") !=
          std::string::npos);
}

TEST_CASE("anthropic: unending thinking and unending blocks are refused", "[anthropic]") {
    anthropic::EventReader reader;
    Recorder recorder;
    const auto started = [&](int index) {
        return reader.read(R"({"type":"content_block_start","index":)" + std::to_string(index) +
                               R"(,"content_block":{"type":"thinking","thinking":""}})",
                           recorder);
    };
    REQUIRE(started(0).has_value());
    const std::string delta =
        R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":")" +
        std::string(1 << 20, 'x') + "\"}}";
    int fed = 0;
    while (fed < 20 && reader.read(delta, recorder)) {
        ++fed;
    }
    CHECK(fed == 8);
    int opened = 0;
    while (opened < 5000 && started(opened)) {
        ++opened;
    }
    CHECK(opened == 1024);
}

TEST_CASE("anthropic: errors are told apart", "[anthropic]") {
    const struct {
        unsigned status;
        const char* type;
        const char* message;
        FailureKind kind;
        std::uint16_t client_status;
    } rows[] = {
        {400, "invalid_request_error", "max_tokens: wrong", FailureKind::upstream_rejected, 400},
        {400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum",
         FailureKind::context_exceeded, 400},
        {400, "invalid_request_error",
         "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
         FailureKind::context_exceeded, 400},
        {400, "invalid_request_error", "Your credit balance is too low to access the API",
         FailureKind::upstream_quota, 502},
        {400, "invalid_request_error", "Output blocked by content filtering policy",
         FailureKind::content_filtered, 400},
        {401, "authentication_error", "invalid x-api-key", FailureKind::upstream_auth, 502},
        {402, "billing_error", "pay", FailureKind::upstream_quota, 502},
        {403, "permission_error", "no", FailureKind::upstream_auth, 502},
        {404, "not_found_error", "model: claude-none", FailureKind::upstream_rejected, 404},
        {413, "request_too_large", "too large", FailureKind::upstream_rejected, 413},
        {429, "rate_limit_error", "slow", FailureKind::upstream_limited, 429},
        {500, "api_error", "oops", FailureKind::upstream_unavailable, 502},
        {504, "timeout_error", "late", FailureKind::upstream_timeout, 504},
        {529, "overloaded_error", "Overloaded", FailureKind::upstream_unavailable, 503},
        {200, "overloaded_error", "Overloaded", FailureKind::upstream_unavailable, 503},
        {200, "something_new", "x", FailureKind::upstream_unavailable, 502},
    };
    for (const auto& row : rows) {
        INFO(row.message);
        const Failure failure = classify(
            row.status, std::string(R"({"type":"error","error":{"type":")") + row.type +
                            R"(","message":")" + row.message + R"("},"request_id":"req_9"})");
        CHECK(failure.kind == row.kind);
        CHECK(failure.client_status() == row.client_status);
        CHECK(failure.detail == std::string(row.message) + " (upstream request req_9)");
    }
    CHECK(classify(404, R"({"error":{"type":"not_found_error","message":"model: x"}})").code ==
          "model_not_found");
    CHECK(
        classify(429, R"({"error":{"type":"rate_limit_error","message":"x"}})", "7").retry_after ==
        std::chrono::seconds(7));
}

TEST_CASE("anthropic: answers of proxies are classified by status", "[anthropic]") {
    CHECK(classify(502, "<html>Bad gateway</html>").kind == FailureKind::upstream_unavailable);
    CHECK(classify(401, "").kind == FailureKind::upstream_auth);
    CHECK(classify(429, R"({"error":"slow"})").kind == FailureKind::upstream_limited);
}

TEST_CASE("anthropic: the list of models", "[anthropic]") {
    const auto ids = claude().models(
        R"({"data":[{"id":"claude-a","type":"model"},{"type":"model"},{"id":"claude-b"}],"has_more":false})");
    REQUIRE(ids.has_value());
    CHECK(*ids == std::vector<std::string>{"claude-a", "claude-b"});
    CHECK_FALSE(claude().models("{}").has_value());
    CHECK_FALSE(claude().models("<html>").has_value());
}

TEST_CASE("anthropic: facts follow the model's id through platforms' decorations", "[anthropic]") {
    using anthropic::facts_of;
    using anthropic::ThinkingForm;
    CHECK(facts_of("claude-3-haiku-20240307").max_output == 4096);
    CHECK(facts_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0").json_schema);
    CHECK(facts_of("claude-sonnet-4@20250514").thinking == ThinkingForm::budget);
    CHECK(facts_of("claude-opus-4-20250514").max_output == 32000);
    CHECK(facts_of("claude-opus-4-6").thinking == ThinkingForm::adaptive);
    CHECK_FALSE(facts_of("claude-opus-4-6").xhigh_effort);
    CHECK(facts_of("claude-opus-4-9").xhigh_effort);
    CHECK(facts_of("claude-sonnet-9").thinking == ThinkingForm::adaptive);
    CHECK(facts_of("deepseek-chat").max_output == 4096);
}
