#include "adapters/dialect/openai_probe.hpp"

#include "tests/support/catch.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tollgate::adapters {
namespace {

// The bytes in memory of their own, without anything readable behind them.
Result<ProbedEvent> event(AnswerProbe& probe, std::string_view data) {
    const std::vector<char> exact(data.begin(), data.end());
    return probe.event({exact.data(), exact.size()});
}
Result<void> whole(AnswerProbe& probe, std::string_view body) {
    const std::vector<char> exact(body.begin(), body.end());
    return probe.whole({exact.data(), exact.size()});
}

std::string delta(std::string_view content, std::string_view reason = "null",
                  std::string_view more = "") {
    return std::string(
               R"({"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":")")
        .append(content)
        .append(R"("},"finish_reason":)")
        .append(reason)
        .append("}]")
        .append(more)
        .append("}");
}

struct UsageCase {
    const char* json;
    Usage want;
};

const std::vector<UsageCase>& usage_cases() {
    static const std::vector<UsageCase> all{
        {R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15})",
         {.input = 10, .output = 5, .reported = true}},
        {R"({"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},
             "completion_tokens_details":{"reasoning_tokens":3}})",
         {.input = 6, .cache_read = 4, .output = 2, .reasoning = 3, .reported = true}},
        {R"({"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
             "prompt_tokens_details":{"cached_tokens":20,"audio_tokens":30},
             "completion_tokens_details":{"reasoning_tokens":10,"audio_tokens":15}})",
         {.input = 50,
          .cache_read = 20,
          .output = 25,
          .reasoning = 10,
          .audio_input = 30,
          .audio_output = 15,
          .reported = true}},
        {R"({"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":7,"prompt_cache_miss_tokens":3})",
         {.input = 3, .cache_read = 7, .output = 5, .reported = true}},
        {R"({"prompt_tokens":10,"completion_tokens":5,"cached_tokens":2})",
         {.input = 8, .cache_read = 2, .output = 5, .reported = true}},
        {R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,"completion_tokens_details":{"reasoning_tokens":7}})",
         {.input = 10, .output = 5, .reasoning = 7, .reported = true}},
        {R"({"input_tokens":10,"output_tokens":5,"input_tokens_details":{"cached_tokens":1}})",
         {.input = 9, .cache_read = 1, .output = 5, .reported = true}},
        {R"({"prompt_tokens":8,"total_tokens":8})", {.input = 8, .reported = true}},
        {R"({"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9},
             "completion_tokens_details":{"reasoning_tokens":9}})",
         {.input = 0, .cache_read = 5, .output = 0, .reasoning = 9, .reported = true}},
        {R"({"prompt_tokens":null,"completion_tokens":null,"prompt_tokens_details":null})",
         {.reported = true}},
        {R"({"prompt_tokens":-1,"completion_tokens":"5"})", {.reported = true}},
        {R"({})", {.reported = true}},
    };
    return all;
}

void check_usage(const Usage& got, const Usage& want) {
    CHECK(got.reported == want.reported);
    CHECK(got.input == want.input);
    CHECK(got.cache_read == want.cache_read);
    CHECK(got.cache_write == want.cache_write);
    CHECK(got.output == want.output);
    CHECK(got.reasoning == want.reasoning);
    CHECK(got.audio_input == want.audio_input);
    CHECK(got.audio_output == want.audio_output);
}

}  // namespace

TEST_CASE("usage is read in every shape, wherever it stands") {
    for (const UsageCase& one : usage_cases()) {
        INFO(one.json);
        const std::string json = one.json;
        check_usage(read_usage(json), one.want);
        const std::string end = R"({"id":"c","choices":[],"usage":)" + json + "}";
        check_usage(usage_in_tail(end), one.want);
        check_usage(usage_in_tail(std::string_view(end).substr(9)), one.want);

        AnswerProbe last;
        REQUIRE(event(last, end));
        check_usage(last.usage(), one.want);

        AnswerProbe body;
        REQUIRE(whole(
            body, R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":)" +
                      json + "}"));
        check_usage(body.usage(), one.want);
        CHECK(body.has_finished());
    }
    for (const char* none : {"", "null", "[]", "5", "{", R"({"prompt_tokens":)"}) {
        INFO(none);
        CHECK_FALSE(read_usage(none).reported);
    }
    for (const char* tail : {"", "usage", R"("usage":)", R"("usage":null})",
                             R"("usage":{"prompt_tokens":1)", R"("usage":5)"}) {
        INFO(tail);
        CHECK_FALSE(usage_in_tail(tail).reported);
    }
}

TEST_CASE("a usage chunk of its own is told from one with content") {
    const std::string usage = R"("usage":{"prompt_tokens":3,"completion_tokens":4})";
    const struct {
        std::string data;
        bool alone;
    } cases[] = {
        {R"({"choices":[],)" + usage + "}", true},
        {R"({"choices" : [ ] , )" + usage + "}", true},
        {R"({"choices":null,)" + usage + "}", true},
        {"{" + usage + "}", true},
        {"{" + usage + R"(,"choices":[]})", true},
        {delta("a", "null", "," + usage), false},
        {delta("", R"("stop")", "," + usage), false},
    };
    for (const auto& [data, alone] : cases) {
        INFO(data);
        AnswerProbe probe;
        const auto probed = event(probe, data);
        REQUIRE(probed);
        CHECK(probed->is_usage_only == alone);
        CHECK_FALSE(probed->is_done);
        check_usage(probe.usage(), {.input = 3, .output = 4, .reported = true});
    }
    for (const std::string& data :
         {delta("a", "null", R"(,"usage":null)"), std::string(R"({"choices":[],"usage":null})"),
          std::string(R"({"choices":[]})")}) {
        INFO(data);
        AnswerProbe probe;
        const auto probed = event(probe, data);
        REQUIRE(probed);
        CHECK_FALSE(probed->is_usage_only);
        CHECK_FALSE(probe.usage().reported);
    }
}

TEST_CASE("the last usage of a stream counts") {
    AnswerProbe probe;
    REQUIRE(
        event(probe, delta("a", "null", R"(,"usage":{"prompt_tokens":3,"completion_tokens":1})")));
    REQUIRE(
        event(probe, delta("b", "null", R"(,"usage":{"prompt_tokens":3,"completion_tokens":2})")));
    REQUIRE(event(probe, delta("c", "null", R"(,"usage":null)")));
    CHECK(probe.usage().output == 2);
}

TEST_CASE("usage inside x_groq counts") {
    AnswerProbe probe;
    REQUIRE(event(
        probe, delta("", R"("stop")",
                     R"(,"x_groq":{"id":"r","usage":{"prompt_tokens":3,"completion_tokens":2}})")));
    CHECK(probe.usage().output == 2);
    CHECK(probe.has_finished());
}

TEST_CASE("the end of a stream is noticed") {
    AnswerProbe probe;
    const auto done = event(probe, "[DONE]");
    REQUIRE(done);
    CHECK(done->is_done);
    CHECK_FALSE(done->is_usage_only);
    CHECK_FALSE(probe.has_finished());
}

TEST_CASE("a choice is finished when it has a reason") {
    for (const char* reason : {R"("stop")", R"("length")", R"("tool_calls")", R"("content_filter")",
                               R"("function_call")", R"("eos")"}) {
        INFO(reason);
        AnswerProbe probe;
        REQUIRE(event(probe, delta("a")));
        CHECK_FALSE(probe.has_finished());
        REQUIRE(event(probe, delta("", reason)));
        CHECK(probe.has_finished());
        REQUIRE(event(probe, delta("")));  // stays so
        CHECK(probe.has_finished());
    }
    for (const char* reason : {"null", R"("")"}) {
        INFO(reason);
        AnswerProbe probe;
        REQUIRE(event(probe, delta("a", reason)));
        CHECK_FALSE(probe.has_finished());
    }
    AnswerProbe second;
    REQUIRE(event(
        second,
        R"({"choices":[{"index":0,"finish_reason":null},{"index":1,"finish_reason": "stop"}]})"));
    CHECK(second.has_finished());
}

TEST_CASE("a reason that stands for a failure is one") {
    for (const char* reason : {R"("insufficient_system_resource")", R"("error")"}) {
        INFO(reason);
        AnswerProbe probe;
        const auto probed = event(probe, delta("", reason));
        REQUIRE_FALSE(probed);
        CHECK(probed.error().kind == FailureKind::upstream_unavailable);
    }
}

TEST_CASE("an error inside a stream is a failure of its kind") {
    const struct {
        const char* data;
        FailureKind kind;
    } cases[] = {
        {R"({"error":{"message":"slow down","type":"rate_limit_error","code":429}})",
         FailureKind::upstream_limited},
        {R"({"error":{"message":"Rate limit","code":"rate_limit_exceeded"}})",
         FailureKind::upstream_limited},
        {R"({"error":{"message":"oops","type":"server_error"}})",
         FailureKind::upstream_unavailable},
        {R"({"error":{"message":"oops","code":503}})", FailureKind::upstream_unavailable},
        {R"({"id":"c","choices":[],"error":{"code":502,"message":"bad gateway"}})",
         FailureKind::upstream_unavailable},
        {R"({"error":"something broke"})", FailureKind::upstream_unavailable},
        {R"({"error" : {"message":"no credit","code":"insufficient_quota"}})",
         FailureKind::upstream_quota},
    };
    for (const auto& one : cases) {
        INFO(one.data);
        AnswerProbe probe;
        const auto probed = event(probe, one.data);
        REQUIRE_FALSE(probed);
        CHECK(probed.error().kind == one.kind);
    }
}

TEST_CASE("an event that is no JSON breaks the protocol") {
    for (const char* data : {"", "hello", "{", R"({"choices":[])", R"({"id":"c"} x)", "<html>",
                             "[DONE", "done", "\xff"}) {
        INFO(data);
        AnswerProbe probe;
        const auto probed = event(probe, data);
        REQUIRE_FALSE(probed);
        CHECK(probed.error().kind == FailureKind::protocol_error);
    }
}

TEST_CASE("what the model writes is never taken for a field") {
    for (const char* content : {
             R"(\"finish_reason\":\"stop\")",
             R"(\"error\":{\"message\":\"x\",\"code\":429})",
             R"(\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9})",
             R"(\"choices\":[],\"usage\":{\"prompt_tokens\":9})",
             R"({\"error\":\"x\"})",
             R"(\\\"usage\\\":{\\\"prompt_tokens\\\":9})",
             R"(\u0022usage\u0022:{})",
             R"([DONE])",
             R"(finish_reason: stop, error, usage)",
             R"(\"finish_reason\" : \"error\")",
         }) {
        INFO(content);
        AnswerProbe probe;
        const auto probed = event(probe, delta(content));
        REQUIRE(probed);
        CHECK_FALSE(probed->is_done);
        CHECK_FALSE(probed->is_usage_only);
        CHECK_FALSE(probe.has_finished());
        CHECK_FALSE(probe.usage().reported);
        AnswerProbe body;
        REQUIRE(whole(body, std::string(R"({"choices":[{"message":{"content":")") + content +
                                R"("},"finish_reason":null}]})"));
        CHECK_FALSE(body.has_finished());
        CHECK_FALSE(body.usage().reported);
    }
}

TEST_CASE("content that ends in backslashes does not hide what follows") {
    for (const char* content : {R"(\\)", R"(a\\\\)", R"(\"\\)", R"(\\\")"}) {
        INFO(content);
        AnswerProbe probe;
        const auto probed = event(
            probe,
            delta(content, R"("stop")", R"(,"usage":{"prompt_tokens":3,"completion_tokens":4})"));
        REQUIRE(probed);
        CHECK(probe.has_finished());
        CHECK(probe.usage().output == 4);
    }
}

TEST_CASE("fields are found at every offset of a block of bytes") {
    for (std::size_t pad = 0; pad < 200; ++pad) {
        AnswerProbe probe;
        REQUIRE(event(probe, delta(std::string(pad, 'x'), R"("length")",
                                   R"(,"usage":{"prompt_tokens":3,"completion_tokens":4})")));
        if (!probe.has_finished() || probe.usage().output != 4) {
            FAIL("not found behind " << pad << " bytes");
        }
    }
}

TEST_CASE("a whole answer is checked for being one") {
    const std::string good =
        R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],)"
        R"("usage":{"prompt_tokens":3,"completion_tokens":4}})";
    AnswerProbe probe;
    REQUIRE(whole(probe, good));
    CHECK(probe.has_finished());
    CHECK(probe.usage().output == 4);
    for (std::size_t size = 0; size < good.size(); ++size) {  // cut anywhere, it is none
        AnswerProbe cut;
        const auto result = whole(cut, std::string_view(good).substr(0, size));
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == FailureKind::protocol_error);
    }
    for (const std::string& body : {good + "x", good + good, std::string("<html></html>"),
                                    std::string("\xff"), std::string("{]")}) {
        INFO(body);
        AnswerProbe bad;
        const auto result = whole(bad, body);
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == FailureKind::protocol_error);
    }
    AnswerProbe blank;
    CHECK(whole(blank, "  " + good + "\n"));
    AnswerProbe list;
    REQUIRE(whole(
        list,
        R"({"object":"list","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}})"));
    CHECK(list.usage().input == 8);
    AnswerProbe null_error;
    CHECK(whole(null_error, R"({"choices":[{"finish_reason":"stop"}],"error":null})"));
}

TEST_CASE("a whole answer under 200 may still be an error") {
    const struct {
        const char* body;
        FailureKind kind;
    } cases[] = {
        {R"({"error":{"message":"slow down","type":"rate_limit_error","code":429}})",
         FailureKind::upstream_limited},
        {R"({"error":"broken"})", FailureKind::upstream_unavailable},
        {R"({"choices":[{"finish_reason":"error"}]})", FailureKind::upstream_unavailable},
    };
    for (const auto& one : cases) {
        INFO(one.body);
        AnswerProbe probe;
        const auto result = whole(probe, one.body);
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == one.kind);
    }
}

}  // namespace tollgate::adapters
