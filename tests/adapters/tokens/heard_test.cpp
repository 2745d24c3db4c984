// Whoever relays or writes a stream remembers what the model said, for the case that the vendor
// never reports its usage.
#include "adapters/client/chat_writer.hpp"
#include "adapters/dialect/openai_probe.hpp"
#include "adapters/tokens/bpe.hpp"
#include "adapters/tokens/count.hpp"
#include "tests/support/catch.hpp"

#include <memory>
#include <string>

namespace tollgate::tokens {
namespace {

std::uint64_t expected(std::string_view text) {
    return encoding(EncodingName::o200k).count(text);
}

std::uint64_t heard_of(std::initializer_list<std::string_view> events) {
    Heard heard;
    adapters::AnswerProbe probe(&heard);
    for (const std::string_view data : events) {
        REQUIRE(probe.event(data));
    }
    return heard.tokens(Tokenizer::o200k);
}

TEST_CASE("a relayed stream is heard: text, thoughts, refusals and arguments") {
    CHECK(heard_of({R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})",
                    R"({"choices":[{"index":0,"delta":{"content":"He said \"unbe"}}]})",
                    R"({"choices":[{"delta": {"content" : "lievable\" \\"},"index":0}]})"}) ==
          expected("He said \"unbelievable\" \\"));
    CHECK(heard_of({R"({"choices":[{"delta":{"reasoning_content":"Let me see"}}]})"}) ==
          expected("Let me see"));
    CHECK(heard_of({R"({"choices":[{"delta":{"reasoning":"Let me see"}}]})"}) ==
          expected("Let me see"));
    CHECK(heard_of({R"({"choices":[{"delta":{"refusal":"I cannot"}}]})"}) == expected("I cannot"));
    CHECK(
        heard_of(
            {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]})"}) ==
        expected("{\"a\":"));
    CHECK(heard_of({R"({"choices":[{"index":0,"text":"once upon"}]})"}) == expected("once upon"));
}

TEST_CASE("thoughts that are told twice count once, and log probabilities not at all") {
    CHECK(
        heard_of(
            {R"({"choices":[{"delta":{"content":"","reasoning":"Hm","reasoning_content":"Hm","reasoning_details":[{"text":"Hm"}]}}]})"}) ==
        expected("Hm"));
    CHECK(
        heard_of(
            {R"({"choices":[{"delta":{"content":"Yes"},"logprobs":{"content":[{"token":"Yes","logprob":0}]}}]})"}) ==
        expected("Yes"));
    CHECK(heard_of({R"({"choices":[{"delta":{"content":null}}]})"}) == 0);
    CHECK(
        heard_of({R"({"choices":[{"delta":{"content":"the word \"content\":\"x\" is text"}}]})"}) ==
        expected(R"(the word "content":"x" is text)"));
}

TEST_CASE("a translated stream is heard as well") {
    Heard heard;
    const std::unique_ptr<adapters::AnswerWriter> writer = adapters::stream_writer({});
    writer->listen(&heard);
    writer->started({});
    writer->reasoning(0, "So, ");
    writer->text(0, "it is \"done\"");
    writer->tool_call(0, 0, "id", "f");
    writer->tool_arguments(0, 0, R"({"x":1})");
    CHECK(heard.tokens(Tokenizer::o200k) == expected(R"(So, it is "done"{"x":1})"));
}

}  // namespace
}  // namespace tollgate::tokens
