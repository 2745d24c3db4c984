#include "adapters/codec/aws_eventstream.hpp"
#include "adapters/dialect/bedrock.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

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

/// Writes events as lines; line ends inside texts become "\n".
class Log final : public EventSink {
public:
    void started(const AnswerStart& start) override {
        line("started" + std::string(start.id) + std::string(start.model));
    }
    void text(unsigned choice, std::string_view piece) override { say("text", choice, piece); }
    void reasoning(unsigned choice, std::string_view piece) override {
        say("reasoning", choice, piece);
    }
    void refusal(unsigned choice, std::string_view piece) override {
        say("refusal", choice, piece);
    }
    void tool_call(unsigned choice, unsigned index, std::string_view id,
                   std::string_view name) override {
        say("tool_call", choice,
            std::to_string(index) + " " + std::string(id) + " " + std::string(name));
    }
    void tool_arguments(unsigned choice, unsigned index, std::string_view piece) override {
        say("tool_arguments", choice, std::to_string(index) + " " + std::string(piece));
    }
    void extension(unsigned choice, std::string_view name, std::string_view json) override {
        say("extension", choice, std::string(name) + " " + std::string(json));
    }
    void finished(unsigned choice, FinishReason reason) override {
        say("finished", choice, to_string(reason));
    }
    void usage(const Usage& usage) override {
        CHECK(usage.reported);
        line("usage input=" + std::to_string(usage.input) + " read=" +
             std::to_string(usage.cache_read) + " write=" + std::to_string(usage.cache_write) +
             " write_1h=" + std::to_string(usage.cache_write_1h) +
             " output=" + std::to_string(usage.output));
    }
    void failure(const Failure& failure) {
        line("failure " + std::string(failover::policy(failure.kind).name) + " " +
             std::to_string(failure.upstream_status) + " " + failure.detail);
    }
    [[nodiscard]] const std::string& lines() const { return lines_; }

private:
    void say(std::string_view what, unsigned choice, std::string_view text) {
        std::string out = std::string(what) + " " + std::to_string(choice) + " ";
        for (const char c : text) {
            out += c == '\n' ? std::string("\\n") : std::string(1, c);
        }
        line(out);
    }
    void line(const std::string& text) { lines_ += text + "\n"; }
    std::string lines_;
};

// Each push is a copy that dies at once: a decoder that kept a view would be caught by the address
// sanitizer.
std::string decode(Delivery delivery, const std::vector<std::string_view>& pushes) {
    const auto decoder = dialects::bedrock().decoder(delivery, {});
    Log log;
    for (const std::string_view bytes : pushes) {
        const std::string copy(bytes);
        if (const auto fed = decoder->feed(copy, log); !fed) {
            log.failure(fed.error());
            return log.lines();
        }
    }
    if (const auto ended = decoder->end(log); !ended) {
        log.failure(ended.error());
    }
    return log.lines();
}

void check_every_split(Delivery delivery, std::string_view bytes, const std::string& expected) {
    CHECK(decode(delivery, {bytes}) == expected);
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        single.push_back(bytes.substr(i, 1));
    }
    CHECK(decode(delivery, single) == expected);
    for (std::size_t at = 1; at < bytes.size(); ++at) {
        if (decode(delivery, {bytes.substr(0, at), bytes.substr(at)}) != expected) {
            FAIL_CHECK("split at " << at << " gives other events");
            return;
        }
    }
}

// "event|exception NAME PAYLOAD" per line, as frames.
std::vector<std::string> frames_of(const std::string& script) {
    std::vector<std::string> frames;
    std::istringstream lines(script);
    std::string kind;
    std::string name;
    std::string payload;
    while (lines >> kind >> name && std::getline(lines >> std::ws, payload)) {
        frames.push_back(kind == "event" ? codec::aws_event(name, payload)
                                         : codec::aws_exception(name, payload));
    }
    return frames;
}

std::string joined(const std::vector<std::string>& frames) {
    std::string all;
    for (const std::string& frame : frames) {
        all += frame;
    }
    return all;
}

TEST_CASE("streams become the same events however their bytes are split") {
    std::size_t cases = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(kGolden)) {
        if (entry.path().extension() != ".stream") {
            continue;
        }
        ++cases;
        CAPTURE(entry.path().stem());
        fs::path expected = entry.path();
        const std::string bytes = joined(frames_of(read(entry.path())));
        check_every_split(Delivery::stream, bytes, read(expected.replace_extension(".events")));
    }
    CHECK(cases >= 9);
}

TEST_CASE("whole answers become the same events however their bytes are split") {
    std::size_t cases = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(kGolden)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".response.json") || name.starts_with("whole_truncated")) {
            continue;
        }
        ++cases;
        CAPTURE(name);
        check_every_split(Delivery::whole, read(entry.path()),
                          read(kGolden / (name.substr(0, name.find('.')) + ".events")));
    }
    CHECK(cases >= 5);
}

TEST_CASE("a whole answer that is cut, empty or something else is a protocol error") {
    const std::string whole = read(kGolden / "whole.response.json");
    for (const std::string& body :
         {read(kGolden / "whole_truncated.response.json"), std::string(), std::string("<html>"),
          std::string("[]"), std::string("{}"), whole.substr(0, whole.size() / 2)}) {
        CAPTURE(body);
        CHECK(decode(Delivery::whole, {body})
                  .starts_with("failure protocol_error 0 Bedrock's answer"));
    }
}

TEST_CASE("a stream cut anywhere ends in a failure, never in a finish") {
    const std::string bytes = joined(frames_of(read(kGolden / "tools.stream")));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const std::string events =
            decode(Delivery::stream, {std::string_view(bytes).substr(0, length)});
        if (events.find("finished") != std::string::npos ||
            events.find("failure protocol_error") == std::string::npos) {
            FAIL_CHECK("cut at " << length << " gives " << events);
        }
    }
}

TEST_CASE("a damaged byte anywhere in a stream is a protocol error") {
    const std::string bytes = joined(frames_of(read(kGolden / "text.stream")));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string bad = bytes;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        const std::string events = decode(Delivery::stream, {bad});
        if (events.find("failure protocol_error") == std::string::npos) {
            FAIL_CHECK("damage at " << at << " gives " << events);
        }
    }
}

struct InBand {
    std::string_view exception;
    std::string_view payload;
    std::string_view expected;
};

TEST_CASE("exceptions inside a stream are classified as their status would have been") {
    for (const InBand& row : {
             InBand{"throttlingException", R"({"message":"a"})",
                    "upstream_limited 429 Bedrock (throttlingException): a"},
             InBand{"modelStreamErrorException",
                    R"({"message":"b","originalStatusCode":500,"originalMessage":"gpu"})",
                    "upstream_unavailable 424 Bedrock (modelStreamErrorException): b (gpu)"},
             InBand{"internalServerException", R"({"message":"c"})",
                    "upstream_unavailable 500 Bedrock (internalServerException): c"},
             InBand{"serviceUnavailableException", "{}",
                    "upstream_unavailable 503 Bedrock (serviceUnavailableException): no message "
                    "was given"},
             InBand{"validationException", R"({"message":"bad"})",
                    "upstream_rejected 400 Bedrock (validationException): bad"},
             InBand{"validationException",
                    R"({"message":"Input is too long for requested model."})",
                    "context_exceeded 400 Bedrock (validationException): Input is too long for "
                    "requested model."},
             InBand{"modelTimeoutException", R"({"message":"t"})",
                    "upstream_timeout 408 Bedrock (modelTimeoutException): t"},
             InBand{"accessDeniedException", R"({"message":"k"})",
                    "upstream_auth 403 Bedrock (accessDeniedException): k"},
             InBand{"brandNewException", "not json",
                    "upstream_unavailable 0 Bedrock (brandNewException): no message was given"},
         }) {
        CAPTURE(row.exception);
        const std::string frame = codec::aws_exception(row.exception, row.payload);
        CHECK(decode(Delivery::stream, {frame}) == "failure " + std::string(row.expected) + "\n");
    }
}

TEST_CASE("an error frame carries its code and message in headers") {
    const std::vector<codec::AwsHeader> headers{
        {.name = ":error-code", .value = "InternalServerException"},
        {.name = ":error-message", .value = "boom"},
        {.name = ":message-type", .value = "error"}};
    std::string frame;
    codec::append_aws_frame(frame, headers, "");
    CHECK(decode(Delivery::stream, {frame}) ==
          "failure upstream_unavailable 500 Bedrock (InternalServerException): boom\n");
}

TEST_CASE("frames without a content type are read all the same") {
    std::string bytes;
    for (const auto& [name, payload] : std::vector<std::pair<std::string_view, std::string_view>>{
             {"messageStart", R"({"role":"assistant"})"},
             {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"x"}})"},
             {"messageStop", R"({"stopReason":"stop_sequence"})"},
             {"metadata", R"({"usage":{"inputTokens":1,"outputTokens":1}})"}}) {
        const std::vector<codec::AwsHeader> headers{{.name = ":event-type", .value = name}};
        codec::append_aws_frame(bytes, headers, payload);
    }
    CHECK(decode(Delivery::stream, {bytes}) ==
          "started\ntext 0 x\nusage input=1 read=0 write=0 write_1h=0 output=1\nfinished 0 stop\n");
}

TEST_CASE("payloads that make no sense are protocol errors") {
    CHECK(decode(Delivery::stream, {codec::aws_event("contentBlockDelta", "{")}) ==
          "failure protocol_error 0 Bedrock's answer cannot be read: the payload of a "
          "contentBlockDelta frame is not JSON\n");
    CHECK(decode(
              Delivery::stream,
              {codec::aws_event("contentBlockDelta",
                                R"({"contentBlockIndex":0,"delta":{"toolUse":{"input":"{"}}})")}) ==
          "failure protocol_error 0 Bedrock's answer cannot be read: tool input comes before its "
          "tool\n");
    // Wrong kinds of values inside JSON are read as absent.
    CHECK(decode(Delivery::stream, {codec::aws_event("contentBlockDelta", R"([1])")}) ==
          "failure protocol_error 0 Bedrock's answer cannot be read: the stream ends before "
          "messageStop\n");
}

TEST_CASE("tools that Bedrock runs itself are no tool calls for the client") {
    const std::string bytes = joined(frames_of(R"(event messageStart {}
event contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"s","name":"search","type":"server_tool_use"}}}
event contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}
event contentBlockStop {"contentBlockIndex":0}
event messageStop {"stopReason":"end_turn"}
event metadata {"usage":{"inputTokens":1,"outputTokens":1}}
)"));
    CHECK(decode(Delivery::stream, {bytes}) ==
          "started\nextension 0 toolUse "
          "[{\"toolUseId\":\"s\",\"name\":\"search\",\"type\":\"server_tool_use\"}]\n"
          "usage input=1 read=0 write=0 write_1h=0 output=1\nfinished 0 stop\n");
}

TEST_CASE("every stop reason has its word") {
    for (const auto& [word, expected] : std::vector<std::pair<std::string, std::string>>{
             {"end_turn", "stop"},
             {"stop_sequence", "stop"},
             {"max_tokens", "length"},
             {"model_context_window_exceeded", "length"},
             {"guardrail_intervened", "content_filter"},
             {"content_filtered", "content_filter"},
             {"malformed_tool_use", "stop"},
             {"something_new", "stop"}}) {
        CAPTURE(word);
        const std::string body =
            R"({"output":{"message":{"content":[{"text":"x"}]}},"stopReason":")" + word + "\"}";
        CHECK(decode(Delivery::whole, {body}) ==
              "started\ntext 0 x\nfinished 0 " + expected + "\n");
    }
}

TEST_CASE("an extension stays on one line, whatever white space the vendor wrote") {
    const std::string bytes = codec::aws_event("metadata", "{\"trace\":{\n\r\"a\":\n1}}");
    CHECK(decode(Delivery::stream, {bytes}).find("\\n") == std::string::npos);
}

}  // namespace
