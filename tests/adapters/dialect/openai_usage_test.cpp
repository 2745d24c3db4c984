#include "adapters/dialect/openai_usage.hpp"

#include "adapters/dialect/openai_probe.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

// The same counters whether the object comes alone or within a whole answer.
Usage read_both_ways(const std::string& object) {
    const Usage alone = read_usage(object);
    AnswerProbe probe;
    REQUIRE(probe.whole(
        R"({"choices":[{"index":0,"message":{"content":"hi","usage":{"input_tokens":7}}}],"usage":)" +
        object + R"(,"id":"c"})"));
    CHECK(probe.usage().reported == alone.reported);
    CHECK(probe.usage().input == alone.input);
    CHECK(probe.usage().cache_read == alone.cache_read);
    CHECK(probe.usage().output == alone.output);
    CHECK(probe.usage().vendor_cost == alone.vendor_cost);
    return alone;
}

}  // namespace

TEST_CASE("of usage members with the same name the last counts", "[openai_usage]") {
    const Usage usage = read_both_ways(
        R"({"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":1,"audio_tokens":1},
            "prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":4}})");
    CHECK(usage.cache_read == 4);
    CHECK(usage.audio_input == 0);
    CHECK(usage.input == 6);
    CHECK(
        read_both_ways(
            R"({"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4},"prompt_tokens_details":null})")
            .input == 9);
}

TEST_CASE("names in a usage may be written with escapes", "[openai_usage]") {
    CHECK(read_both_ways(R"({"prompt\u005ftokens":10,"completion_tokens":2})").input == 10);
}

TEST_CASE("only a usage's own members and those of its details count", "[openai_usage]") {
    const Usage usage = read_both_ways(
        R"({"prompt_tokens":10,"completion_tokens":5,
            "prompt_tokens_details":{"more":{"cached_tokens":3},"cached_tokens":[2]},
            "completion_tokens_details":[{"reasoning_tokens":4}],"other":{"prompt_tokens":99}})");
    CHECK(usage.input == 10);
    CHECK(usage.cache_read == 0);
    CHECK(usage.output == 5);
    CHECK(usage.reasoning == 0);
}

TEST_CASE("numbers in a usage may be written as decimals", "[openai_usage]") {
    CHECK(read_both_ways(R"({"prompt_tokens":1e1,"completion_tokens":5.0})").input == 10);
    CHECK(read_both_ways(R"({"prompt_tokens":1.5,"completion_tokens":5.0})").input == 0);
}

TEST_CASE("a vendor tells its price as a number or within an object", "[openai_usage]") {
    CHECK(read_both_ways(R"({"prompt_tokens":1,"cost":0.25})").vendor_cost == 250'000'000'000);
    CHECK(read_both_ways(R"({"prompt_tokens":1,"cost":{"total_cost":0.5,"x":1}})").vendor_cost ==
          500'000'000'000);
    for (const char* none : {R"("0.5")", "null", "[1]", "{}", "true"}) {
        CHECK(
            read_both_ways(R"({"prompt_tokens":1,"cost":)" + std::string(none) + "}").vendor_cost ==
            -1);
    }
}

TEST_CASE("Perplexity's thinking and citations come on top of the completion, others' are in it",
          "[openai_usage]") {
    const Usage research = read_both_ways(
        R"({"prompt_tokens":30,"completion_tokens":700,"total_tokens":730,"citation_tokens":2000,
            "num_search_queries":12,"reasoning_tokens":9000})");
    CHECK(research.output == 700);
    CHECK(research.reasoning == 9000);
    CHECK(research.citation == 2000);
    CHECK(research.web_searches == 12);
    CHECK(research.completion_total() == 11'700);
    const Usage local = read_both_ways(
        R"({"prompt_tokens":30,"completion_tokens":700,"total_tokens":730,"reasoning_tokens":500})");
    CHECK(local.output == 200);
    CHECK(local.reasoning == 500);
    CHECK(local.completion_total() == 700);
}

TEST_CASE("what is no usage object is not reported", "[openai_usage]") {
    for (const char* none : {"null", "7", "[]", R"("x")", R"([{"prompt_tokens":1}])"}) {
        INFO(none);
        CHECK_FALSE(read_both_ways(none).reported);
    }
    CHECK_FALSE(read_usage(R"({"prompt_tokens":1,"x":"\q"})").reported);
}
