#include "adapters/client/chat_writer.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/codec/sse.hpp"
#include "tests/support/catch.hpp"

#include <functional>
#include <vector>

namespace {

using namespace tollgate::adapters;
using tollgate::Failure;
using tollgate::FailureKind;
namespace json = tollgate::json;

AnswerContext context(Operation operation = Operation::chat, bool include_usage = false) {
    return {.operation = operation,
            .model = "asked",
            .id = "made-up",
            .created = 7,
            .include_usage = include_usage};
}

constexpr std::string_view kChunk =
    "data: "
    "{\"id\":\"msg_1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\","
    "\"choices\":[";
constexpr std::string_view kHostile[] = {
    "\"}]}\n\ndata: [DONE]\n\n", "\r\n\r",           "\\\"\\u0000",  "</script>",
    "\xE2\x80\xA8\xE2\x80\xA9",  "\xF0\x9F\x98\x80", "\x01\x1F\x7F",
};

Usage some_usage() {
    Usage usage;
    usage.input = 10;
    usage.cache_read = 4;
    usage.cache_write = 2;
    usage.cache_write_1h = 1;
    usage.output = 20;
    usage.reasoning = 5;
    usage.reported = true;
    return usage;
}

std::string frames(const AnswerContext& with, const std::function<void(AnswerWriter&)>& play) {
    const auto writer = stream_writer(with);
    play(*writer);
    return writer->take();
}

json::Document parsed(const std::string& text) {
    auto document = json::Document::parse(text);
    INFO(text);
    REQUIRE(document.has_value());
    return std::move(*document);
}

// Every data payload of a stream, parsed anew by the caller; "[DONE]" included.
std::vector<std::string> payloads(const std::string& stream) {
    tollgate::codec::SseParser parser;
    tollgate::codec::SseEvent event;
    std::vector<std::string> all;
    parser.push(stream);
    while (parser.next(event)) {
        all.emplace_back(event.data);
    }
    CHECK(parser.stray().empty());
    CHECK_FALSE(parser.finish(event));
    return all;
}

}  // namespace

TEST_CASE("a stream has the role in its first delta only and ends with [DONE]", "[chat_writer]") {
    const std::string got = frames(context(), [](AnswerWriter& w) {
        w.started({.id = "msg_1", .model = "m", .created = 5});
        CHECK(w.take().empty());  // nothing reaches the client before there is content
        w.text(0, "Hel");
        w.text(0, "");
        w.text(0, "lo");
        CHECK_FALSE(w.has_finished());
        w.finished(0, FinishReason::stop);
        CHECK(w.has_finished());
        w.finished(0, FinishReason::length);
        w.usage(some_usage());
        w.finish();
    });
    const std::string head(kChunk);
    CHECK(got == head +
                     "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"finish_"
                     "reason\":null}]}\n\n" +
                     head +
                     "{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":null}]}\n\n" +
                     head + "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" +
                     "data: [DONE]\n\n");
}

TEST_CASE("usage that was asked for is a last chunk without choices, null before",
          "[chat_writer]") {
    const std::string got = frames(context(Operation::chat, true), [](AnswerWriter& w) {
        w.started({.id = "msg_1", .model = "m", .created = 5});
        w.usage({.input = 1, .reported = true});
        w.text(0, "a");
        w.finished(0, FinishReason::length);
        w.usage(some_usage());  // the last one wins
        w.finish();
        CHECK(w.reported_usage().output == 20);
    });
    const std::string head(kChunk);
    CHECK(got ==
          head +
              "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":"
              "null}],\"usage\":null}\n\n" +
              head +
              "{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}],\"usage\":null}\n\n" +
              head + "],\"usage\":" + usage_json(some_usage()) + "}\n\n" + "data: [DONE]\n\n");
}

TEST_CASE("usage that the vendor did not report is not invented", "[chat_writer]") {
    const std::string got = frames(context(Operation::chat, true), [](AnswerWriter& w) {
        w.text(0, "a");
        w.finished(0, FinishReason::stop);
        w.finish();
    });
    const auto all = payloads(got);
    REQUIRE(all.size() == 3);
    CHECK(all[2] == "[DONE]");
}

TEST_CASE("tool calls name themselves once and stream their arguments", "[chat_writer]") {
    const std::string got = frames(context(), [](AnswerWriter& w) {
        w.started({.id = "msg_1", .model = "m", .created = 5});
        w.tool_call(0, 0, "call_a", "f");
        w.tool_arguments(0, 0, "");
        w.tool_arguments(0, 0, "{\"x\":");
        w.tool_call(0, 1, "call_b", "g");
        w.tool_arguments(0, 1, "{}");
        w.finished(0, FinishReason::tool_calls);
    });
    const std::string head = std::string(kChunk) + "{\"index\":0,\"delta\":{";
    const std::string foot = "},\"finish_reason\":null}]}\n\n";
    CHECK(got == head +
                     "\"role\":\"assistant\",\"tool_calls\":[{\"index\":0,\"id\":\"call_a\","
                     "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]" +
                     foot + head +
                     "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}}]" +
                     foot + head +
                     "\"tool_calls\":[{\"index\":1,\"id\":\"call_b\",\"type\":\"function\","
                     "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]" +
                     foot + head +
                     "\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]" + foot +
                     head + "},\"finish_reason\":\"tool_calls\"}]}\n\n");
}

TEST_CASE("each choice of a stream has its own role, text and reason", "[chat_writer]") {
    const std::string got = frames(context(), [](AnswerWriter& w) {
        w.text(1, "b");
        w.reasoning(0, "hm");
        w.refusal(4'000'000'000U, "no");
        w.extension(0, "thinking_blocks", "[{\"a\":1}]");
        w.finished(1, FinishReason::stop);
        w.finished(0, FinishReason::content_filter);
        w.finished(0, FinishReason::none);
        w.finish();
    });
    const auto all = payloads(got);
    REQUIRE(all.size() == 7);
    const json::Document first = parsed(all[0]);
    CHECK(first["id"].string() == "made-up");
    CHECK(first["model"].string() == "asked");
    CHECK(first["created"].integer() == 7);
    CHECK(first["choices"][0]["index"].count() == 1);
    CHECK(first["choices"][0]["delta"]["role"].string() == "assistant");
    const json::Document second = parsed(all[1]);
    CHECK(second["choices"][0]["delta"]["role"].string() == "assistant");
    CHECK(second["choices"][0]["delta"]["reasoning_content"].string() == "hm");
    const json::Document third = parsed(all[2]);
    CHECK(third["choices"][0]["index"].count() == 4'000'000'000U);
    CHECK(third["choices"][0]["delta"]["refusal"].string() == "no");
    const json::Document fourth = parsed(all[3]);
    CHECK(fourth["choices"][0]["delta"]["thinking_blocks"].raw() == "[{\"a\":1}]");
    CHECK_FALSE(fourth["choices"][0]["delta"]["role"].exists());
    CHECK(parsed(all[5])["choices"][0]["finish_reason"].string() == "content_filter");
}

TEST_CASE("an empty answer still says who speaks, and no reason is made up", "[chat_writer]") {
    const std::string got = frames(context(), [](AnswerWriter& w) {
        w.started({});
        w.finished(0, FinishReason::stop);
        w.finish();
    });
    const auto all = payloads(got);
    REQUIRE(all.size() == 2);
    const json::Document only = parsed(all[0]);
    CHECK(only["choices"][0]["delta"]["role"].string() == "assistant");
    CHECK(only["choices"][0]["delta"]["content"].is_string());
    const std::string unfinished = frames(context(), [](AnswerWriter& w) {
        w.text(0, "a");
        w.finish();
        CHECK_FALSE(w.has_finished());
    });
    CHECK(payloads(unfinished).size() == 2);
}

TEST_CASE("hostile strings stay inside their JSON strings and frames", "[chat_writer]") {
    for (const std::string_view text : kHostile) {
        for (const Operation operation : {Operation::chat, Operation::completions}) {
            INFO(text);
            const auto play = [&](AnswerWriter& w) {
                w.started({.id = text, .model = text});
                w.text(0, text);
                w.tool_call(0, 0, text, text);
                w.tool_arguments(0, 0, text);
                w.reasoning(0, text);
                w.extension(0, text, "1");
                w.finished(0, FinishReason::stop);
                w.finish();
            };
            const auto all = payloads(frames(context(operation), play));
            REQUIRE(all.size() == (operation == Operation::chat ? 7U : 5U));
            for (std::size_t i = 0; i + 1 < all.size(); ++i) {
                CHECK(parsed(all[i])["id"].string() == text);
            }
            const auto whole = whole_writer(context(operation));
            play(*whole);
            const std::string body = whole->take();
            const json::Document document = parsed(body);
            CHECK(document["model"].string() == text);
            const json::Value answer = document["choices"][0];
            if (operation == Operation::chat) {
                CHECK(answer["message"]["content"].string() == text);
                CHECK(answer["message"]["tool_calls"][0]["function"]["arguments"].string() == text);
                CHECK(answer["message"][text].count() == 1);
            } else {
                CHECK(answer["text"].string() == text);
            }
        }
    }
}

TEST_CASE("JSON with line ends stays inside its frame", "[chat_writer]") {
    for (const Operation operation : {Operation::chat, Operation::completions}) {
        const auto all = payloads(frames(context(operation), [](AnswerWriter& w) {
            w.extension(0, "x", "[\n  {\r\n\"a\": 1}\n\n]");
        }));
        REQUIRE(all.size() == 1);
        const json::Document only = parsed(all[0]);
        const json::Value choice = only["choices"][0];
        CHECK((operation == Operation::chat ? choice["delta"] : choice)["x"][0]["a"].count() == 1);
    }
}

TEST_CASE("invalid UTF-8 becomes the replacement character", "[chat_writer]") {
    const std::string got = frames(context(), [](AnswerWriter& w) {
        w.text(0,
               "a\xFF"
               "b\xC3");
    });
    CHECK(parsed(payloads(got)[0])["choices"][0]["delta"]["content"].string() ==
          "a\xEF\xBF\xBD"
          "b\xEF\xBF\xBD");
}

TEST_CASE("the legacy stream carries text", "[chat_writer]") {
    const std::string got = frames(context(Operation::completions, true), [](AnswerWriter& w) {
        w.started({.id = "c", .model = "m", .created = 5});
        w.text(0, "a");
        w.finished(0, FinishReason::length);
        w.usage(some_usage());
        w.finish();
    });
    const std::string head =
        "data: "
        "{\"id\":\"c\",\"object\":\"text_completion\",\"created\":5,\"model\":\"m\",\"choices\":[";
    CHECK(got == head +
                     "{\"index\":0,\"text\":\"a\",\"logprobs\":null,\"finish_reason\":null}],"
                     "\"usage\":null}\n\n" +
                     head +
                     "{\"index\":0,\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"length\"}],"
                     "\"usage\":null}\n\n" +
                     head + "],\"usage\":" + usage_json(some_usage()) + "}\n\n" +
                     "data: [DONE]\n\n");
}

TEST_CASE("a whole answer collects its pieces", "[chat_writer]") {
    const auto writer = whole_writer(context());
    writer->started({.id = "msg_1", .model = "m", .created = 5});
    writer->reasoning(0, "h");
    writer->text(0, "Hel");
    writer->text(0, "lo");
    writer->reasoning(0, "m");
    writer->extension(0, "thinking_blocks", "[{\"a\":1}]");
    writer->extension(0, "thinking_blocks", "[{\"b\":2}]");
    writer->extension(0, "audio", "{\"x\":1}");
    writer->extension(0, "audio", "{\"x\":2}");
    writer->finished(0, FinishReason::stop);
    writer->usage(some_usage());
    CHECK(writer->take().empty());
    writer->finish();
    CHECK(writer->take() ==
          "{\"id\":\"msg_1\",\"object\":\"chat.completion\",\"created\":5,\"model\":\"m\","
          "\"choices\":["
          "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\",\"refusal\":null,"
          "\"reasoning_content\":\"hm\",\"thinking_blocks\":[{\"a\":1},{\"b\":2}],\"audio\":{\"x\":"
          "2}},"
          "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":" +
              usage_json(some_usage()) + "}");
    CHECK(writer->take().empty());
}

TEST_CASE("a whole answer of tool calls alone has null content", "[chat_writer]") {
    const auto writer = whole_writer(context());
    writer->tool_call(0, 0, "call_a", "f");
    writer->tool_arguments(0, 0, "{\"x\"");
    writer->tool_call(0, 1, "call_b", "g");
    writer->tool_arguments(0, 0, ":1}");
    writer->tool_arguments(0, 1, "{}");
    writer->finished(0, FinishReason::tool_calls);
    writer->finish();
    const std::string body = writer->take();
    const json::Document document = parsed(body);
    const json::Value message = document["choices"][0]["message"];
    CHECK(message["content"].is_null());
    CHECK(message["tool_calls"].size() == 2);
    CHECK(message["tool_calls"][0].raw() ==
          "{\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
          "\\\"x\\\":1}\"}}");
    CHECK(message["tool_calls"][1]["function"]["name"].string() == "g");
    CHECK_FALSE(document["usage"].exists());
    CHECK(document["id"].string() == "made-up");
}

TEST_CASE("a whole refusal has null content, an empty answer an empty string", "[chat_writer]") {
    const auto writer = whole_writer(context());
    writer->refusal(1, "no");
    writer->finished(1, FinishReason::content_filter);
    writer->finished(0, FinishReason::stop);
    writer->finish();
    const std::string body = writer->take();
    const json::Document document = parsed(body);
    REQUIRE(document["choices"].size() == 2);
    CHECK(document["choices"][0]["message"]["content"].is_string());
    CHECK(document["choices"][0]["message"]["refusal"].is_null());
    CHECK(document["choices"][1]["index"].count() == 1);
    CHECK(document["choices"][1]["message"]["content"].is_null());
    CHECK(document["choices"][1]["message"]["refusal"].string() == "no");
}

TEST_CASE("a whole legacy answer", "[chat_writer]") {
    const auto writer = whole_writer(context(Operation::completions));
    writer->text(0, "a");
    writer->text(0, "b");
    writer->finish();
    CHECK(writer->take() ==
          "{\"id\":\"made-up\",\"object\":\"text_completion\",\"created\":7,\"model\":\"asked\","
          "\"choices\":["
          "{\"index\":0,\"text\":\"ab\",\"logprobs\":null,\"finish_reason\":null}]}");
}

TEST_CASE("usage sums disjoint counters", "[chat_writer]") {
    CHECK(usage_json(some_usage()) ==
          "{\"prompt_tokens\":17,\"completion_tokens\":25,\"total_tokens\":42,"
          "\"prompt_tokens_details\":{\"cached_tokens\":4,\"audio_tokens\":0,\"cache_write_"
          "tokens\":3},"
          "\"completion_tokens_details\":{\"reasoning_tokens\":5,\"audio_tokens\":0}}");
}

TEST_CASE("an error takes type and code from the policy unless it knows better", "[chat_writer]") {
    CHECK(error_json({.kind = FailureKind::upstream_limited, .detail = "slow \"down\""}, "req_1") ==
          "{\"error\":{\"message\":\"slow "
          "\\\"down\\\"\",\"type\":\"rate_limit_error\",\"param\":null,"
          "\"code\":\"rate_limit_exceeded\",\"request_id\":\"req_1\"}}");
    CHECK(error_json({.kind = FailureKind::bad_request, .detail = "d", .param = "n"}, {}) ==
          "{\"error\":{\"message\":\"d\",\"type\":\"invalid_request_error\",\"param\":\"n\","
          "\"code\":null}}");
    CHECK(error_json({.kind = FailureKind::bad_request, .detail = "d", .code = "c"}, {}) ==
          "{\"error\":{\"message\":\"d\",\"type\":\"invalid_request_error\",\"param\":null,"
          "\"code\":\"c\"}}");
    const std::string empty = error_json({}, {});
    CHECK_FALSE(parsed(empty)["error"]["message"].string().empty());
}
