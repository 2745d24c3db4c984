#include "adapters/dialect/openai_probe.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

std::string chunk(std::string_view delta, std::string_view reason = "null",
                  std::string_view more = "") {
    return R"({"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":)" +
           std::string(delta) + R"(,"logprobs":null,"finish_reason":)" + std::string(reason) +
           "}]" + std::string(more) + "}";
}

constexpr std::string_view kUsage =
    R"({"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":8}})";

}  // namespace

TEST_CASE("tells ordinary deltas, ends, usage and the marker apart", "[openai_probe]") {
    AnswerProbe probe;
    auto seen =
        probe.event(chunk(R"({"role":"assistant","content":"hi"})", "null", R"(,"usage":null)"));
    REQUIRE(seen);
    CHECK_FALSE(seen->is_done);
    CHECK_FALSE(seen->is_usage_only);
    CHECK_FALSE(probe.has_finished());
    CHECK_FALSE(probe.usage().reported);

    REQUIRE(probe.event(chunk("{}", "\"stop\"")));
    CHECK(probe.has_finished());

    seen = probe.event(R"({"id":"c","choices":[],"usage":)" + std::string(kUsage) + "}");
    REQUIRE(seen);
    CHECK(seen->is_usage_only);
    CHECK(probe.usage().reported);
    CHECK(probe.usage().input == 12);
    CHECK(probe.usage().cache_read == 8);
    CHECK(probe.usage().output == 9);

    seen = probe.event("[DONE]");
    REQUIRE(seen);
    CHECK(seen->is_done);
}

TEST_CASE("is not fooled by what the model says", "[openai_probe]") {
    for (
        const std::string_view text :
        {R"(\"usage\":{\"prompt_tokens\":99}, \"error\":{\"message\":\"x\"}, \"finish_reason\":\"stop\", \"choices\":[])",
         R"(\\\"usage\":{)", R"(ends with a backslash \\)", R"("usage")",
         R"(usage\":{ error\":1)"}) {
        const std::string content = text == R"("usage")" ? R"(usage)" : std::string(text);
        AnswerProbe probe;
        const auto seen = probe.event(chunk(R"({"content":")" + content + "\"}"));
        INFO(content);
        REQUIRE(seen);
        CHECK_FALSE(seen->is_usage_only);
        CHECK_FALSE(probe.has_finished());
        CHECK_FALSE(probe.usage().reported);
    }
    // Names as values, and members that only end alike.
    AnswerProbe probe;
    const auto seen = probe.event(chunk(
        R"({"content":"error","name":"usage","x":["finish_reason","choices"],"native_finish_reason":"stop","my_usage":{"prompt_tokens":1}})"));
    REQUIRE(seen);
    CHECK_FALSE(probe.has_finished());
    CHECK_FALSE(probe.usage().reported);
}

TEST_CASE("finds members whatever white space stands around them and wherever they stand",
          "[openai_probe]") {
    for (std::size_t shift = 0; shift < 130; ++shift) {
        const std::string data =
            R"({"pad":")" + std::string(shift, 'x') +
            "\",\n \"choices\"\t: [ ] ,\r\n\"usage\" : " + std::string(kUsage) + " }";
        AnswerProbe probe;
        const auto seen = probe.event(data);
        REQUIRE(seen);
        CHECK(seen->is_usage_only);
        CHECK(probe.usage().output == 9);
        const auto failed =
            probe.event(R"({"pad":")" + std::string(shift, 'x') + R"(","error" :"no"})");
        CHECK_FALSE(failed);
    }
}

TEST_CASE("reads usage where vendors put it", "[openai_probe]") {
    const std::string usage(kUsage);
    struct Row {
        std::string data;
        bool only;
    };
    const Row rows[] = {
        {R"({"choices":[],"usage":)" + usage + "}", true},
        {R"({"choices":null,"usage":)" + usage + "}", true},
        {R"({"usage":)" + usage + "}", true},
        {chunk("{}", "\"stop\"", ",\"usage\":" + usage), false},
        {chunk("{}", "\"stop\"", R"(,"x_groq":{"id":"r","usage":)" + usage + "}"), false},
        {chunk("{}", "\"stop\",\"usage\":" + usage), false},
        {chunk(R"({"content":"x"})", "null", R"(,"usage":null,"x_groq":{"usage":)" + usage + "}"),
         false},
    };
    for (const Row& row : rows) {
        INFO(row.data);
        AnswerProbe probe;
        const auto seen = probe.event(row.data);
        REQUIRE(seen);
        CHECK(seen->is_usage_only == row.only);
        CHECK(probe.usage().reported);
        CHECK(probe.usage().prompt_total() == 20);
        CHECK(probe.usage().completion_total() == 9);
    }
    AnswerProbe probe;
    REQUIRE(
        probe.event(chunk("{}", "null", R"(,"usage":{"prompt_tokens":1,"completion_tokens":1})")));
    REQUIRE(
        probe.event(chunk("{}", "null", R"(,"usage":{"prompt_tokens":1,"completion_tokens":5})")));
    CHECK(probe.usage().output == 5);  // the last one wins
}

TEST_CASE("counts every token once", "[openai_probe]") {
    struct Row {
        std::string_view usage;
        std::uint64_t input, cache_read, cache_write, output, reasoning, audio_input, audio_output;
    };
    const Row rows[] = {
        {R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15})", 10, 0, 0, 5, 0, 0, 0},
        {R"({"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":3},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":1}})",
         3, 4, 0, 2, 2, 3, 1},
        {R"({"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":7,"prompt_cache_miss_tokens":3})",
         3, 7, 0, 5, 0, 0, 0},
        {R"({"prompt_tokens":10,"completion_tokens":5,"cached_tokens":6})", 4, 6, 0, 5, 0, 0, 0},
        {R"({"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":2}})",
         4, 4, 2, 5, 0, 0, 0},
        {R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}})",
         10, 0, 0, 5, 20, 0, 0},
        {R"({"prompt_tokens":10,"completion_tokens":25,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}})",
         10, 0, 0, 5, 20, 0, 0},
        {R"({"input_tokens":10,"output_tokens":5,"input_tokens_details":{"cached_tokens":1}})", 9,
         1, 0, 5, 0, 0, 0},
        {R"({"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9}})",
         0, 3, 0, 1, 0, 0, 0},
        {R"({"prompt_tokens":10,"total_tokens":10})", 10, 0, 0, 0, 0, 0, 0},
        {R"({"prompt_tokens":-1,"completion_tokens":"5","prompt_tokens_details":null,"completion_tokens_details":7})",
         0, 0, 0, 0, 0, 0, 0},
    };
    for (const Row& row : rows) {
        INFO(row.usage);
        const Usage usage = read_usage(row.usage);
        CHECK(usage.reported);
        CHECK(usage.input == row.input);
        CHECK(usage.cache_read == row.cache_read);
        CHECK(usage.cache_write == row.cache_write);
        CHECK(usage.output == row.output);
        CHECK(usage.reasoning == row.reasoning);
        CHECK(usage.audio_input == row.audio_input);
        CHECK(usage.audio_output == row.audio_output);
    }
    for (const std::string_view none : {"", "null", "7", "[]", "{", R"({"prompt_tokens":)"}) {
        CHECK_FALSE(read_usage(none).reported);
    }
}

TEST_CASE("an error in a stream fails with the kind that its status would have", "[openai_probe]") {
    struct Row {
        std::string data;
        FailureKind kind;
        std::uint16_t status;
        std::string_view detail;
    };
    const Row rows[] = {
        {R"({"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}})",
         FailureKind::upstream_unavailable, 500, "The server had an error"},
        {R"({"id":"g","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"gone"}})",
         FailureKind::upstream_unavailable, 502, "gone"},
        {R"({"error":{"code":"429","message":"slow"}})", FailureKind::upstream_limited, 429,
         "slow"},
        {R"({"error":{"message":"pay","code":"insufficient_quota"}})", FailureKind::upstream_quota,
         402, "pay"},
        {R"({"error":{"message":"too long","code":"context_length_exceeded"}})",
         FailureKind::context_exceeded, 400, "too long"},
        {R"({"choices":[],"x_groq":{"id":"r","error":"over capacity"}})",
         FailureKind::upstream_unavailable, 500, "over capacity"},
        {R"({"choices":[],"error":null,"x_groq":{"error":"over capacity"}})",
         FailureKind::upstream_unavailable, 500, "over capacity"},
        {R"({"code":10013,"message":"moderated","sid":"s"})", FailureKind::content_filtered, 400,
         "moderated"},
        {R"({"choices":null,"base_resp":{"status_code":1002,"status_msg":"rpm"}})",
         FailureKind::upstream_limited, 429, "rpm"},
        {R"({"object":"error","message":"bad","type":"BadRequestError","code":400})",
         FailureKind::upstream_rejected, 400, "bad"},
        {chunk("{}", "\"insufficient_system_resource\""), FailureKind::upstream_unavailable, 0,
         "the vendor ended the answer with finish_reason 'insufficient_system_resource'"},
        {chunk("{}", "\"network_error\""), FailureKind::upstream_unavailable, 0,
         "the vendor ended the answer with finish_reason 'network_error'"},
        {"<html>", FailureKind::protocol_error, 0,
         "an event of the vendor's stream is not valid JSON: a value should stand here at byte 0"},
        {R"({"usage":{)", FailureKind::protocol_error, 0,
         "an event of the vendor's stream is not valid JSON: the text ends where a value should "
         "stand at byte 10"},
    };
    for (const Row& row : rows) {
        INFO(row.data);
        AnswerProbe probe;
        const auto seen = probe.event(row.data);
        REQUIRE_FALSE(seen);
        CHECK(failover::policy(seen.error().kind).name == failover::policy(row.kind).name);
        CHECK(seen.error().upstream_status == row.status);
        CHECK((seen.error().detail == row.detail || row.detail.ends_with("byte 10")));
    }
}

TEST_CASE("what merely looks like trouble passes", "[openai_probe]") {
    for (
        const std::string& data : {
            chunk(R"({"content":"x"})", "null", R"(,"error":null)"),
            chunk(R"({"content":"x","error":{"nested":1}})"),
            chunk(R"({"content":"x"})", "\"\""),
            chunk(R"({"content":"x"})", "\"null\""),
            chunk("{}", "\"stop\"", R"(,"base_resp":{"status_code":0})"),
            std::string(
                R"({"choices":[],"prompt_filter_results":[{"content_filter_results":{"custom":{"error":{"code":"x"}}}}]})"),
        }) {
        INFO(data);
        AnswerProbe probe;
        const auto seen = probe.event(data);
        REQUIRE(seen);
        CHECK_FALSE(seen->is_usage_only);
        CHECK_FALSE(seen->is_done);
    }
}

TEST_CASE("reads a whole body and refuses what is no answer", "[openai_probe]") {
    AnswerProbe probe;
    REQUIRE(probe.whole(
        R"({"id":"c","choices":[{"index":0,"message":{"content":"\"usage\":{} {\"error\":1}"},"finish_reason":"stop"}],"usage":)" +
        std::string(kUsage) + R"(,"error":null})"));
    CHECK(probe.has_finished());
    CHECK(probe.usage().cache_read == 8);
    CHECK(probe.usage().output == 9);

    AnswerProbe embeddings;
    REQUIRE(embeddings.whole(
        R"({"object":"list","data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":8,"total_tokens":8}})"));
    CHECK(embeddings.usage().input == 8);

    AnswerProbe without;
    REQUIRE(without.whole(R"({"choices":[{"finish_reason":"length"}]})"));
    CHECK_FALSE(without.usage().reported);
    CHECK(without.has_finished());

    AnswerProbe last;
    CHECK(last.whole(R"({"choices":[],"usage":null,"x":{"usage":{"prompt_tokens":7}}})"));
    CHECK_FALSE(last.usage().reported);

    struct Row {
        std::string_view body;
        FailureKind kind;
    };
    for (const Row& row :
         {Row{"", FailureKind::protocol_error}, Row{"<html>", FailureKind::protocol_error},
          Row{R"({"choices":[)", FailureKind::protocol_error},
          Row{R"({"choices":[]}})", FailureKind::protocol_error},
          Row{"7", FailureKind::protocol_error}, Row{"[]", FailureKind::protocol_error},
          Row{"\"x\"", FailureKind::protocol_error},
          Row{R"({"choices":[],"x":"\q"})", FailureKind::protocol_error},
          Row{R"({"error":{"code":429,"message":"m"}})", FailureKind::upstream_limited},
          Row{R"({"choices":[],"error":{"code":503,"message":"m"}})",
              FailureKind::upstream_unavailable},
          Row{R"({"base_resp":{"status_code":1004,"status_msg":"m"}})", FailureKind::upstream_auth},
          Row{R"({"code":"InvalidApiKey","message":"m"})", FailureKind::upstream_auth},
          Row{R"([{"error":{"code":400,"message":"m"}}])", FailureKind::upstream_rejected},
          Row{R"({"choices":[{"finish_reason":"error"}]})", FailureKind::upstream_unavailable}}) {
        INFO(row.body);
        AnswerProbe bad;
        const auto seen = bad.whole(row.body);
        REQUIRE_FALSE(seen);
        CHECK(failover::policy(seen.error().kind).name == failover::policy(row.kind).name);
    }
}

TEST_CASE("a body cut at any offset is refused, an event cut at any offset never crashes",
          "[openai_probe]") {
    const std::string body =
        R"({"choices":[{"message":{"content":"a\"b"},"finish_reason":"stop"}],"usage":)" +
        std::string(kUsage) + "}";
    for (std::size_t cut = 0; cut < body.size(); ++cut) {
        const std::string part = body.substr(0, cut);
        AnswerProbe probe;
        CHECK_FALSE(probe.whole(part));
        AnswerProbe stream;
        (void)stream.event(part);
        (void)usage_in_tail(part);
    }
}

TEST_CASE("finds the usage in the last bytes of a large body", "[openai_probe]") {
    const std::string body =
        R"({"choices":[{"message":{"content":")" + std::string(5000, 'x') +
        R"( \"usage\":{\"prompt_tokens\":1}"},"finish_reason":"stop"}],"usage": )" +
        std::string(kUsage) + R"(,"system_fingerprint":"fp"})";
    for (std::size_t size = kUsage.size() + 60; size < 700; ++size) {
        CHECK(usage_in_tail(std::string_view(body).substr(body.size() - size)).output == 9);
    }
    CHECK_FALSE(usage_in_tail("").reported);
    CHECK_FALSE(usage_in_tail(R"(x"usage":null})").reported);
    CHECK_FALSE(usage_in_tail(std::string_view(body).substr(body.size() - 30)).reported);
}
