#include "adapters/tokens/bpe.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/tokens/count.hpp"
#include "adapters/tokens/estimate.hpp"
#include "adapters/tokens/table_layout.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace tollgate::tokens {
namespace {

struct Sample {
    std::string name;
    std::string text;
    std::uint64_t cl100k = 0;
    std::uint64_t o200k = 0;
};

// Counted by js-tiktoken (tests/golden/tokens/samples.mjs).
std::vector<Sample> samples() {
    std::ifstream file(TOLLGATE_SOURCE_DIR "/tests/golden/tokens/samples.jsonl");
    std::vector<Sample> all;
    for (std::string line; std::getline(file, line);) {
        const Result<json::Document> document = json::Document::parse(line);
        REQUIRE(document);
        const json::Value root = document->root();
        all.push_back({.name = std::string(root["name"].string()),
                       .text = std::string(root["text"].string()),
                       .cl100k = root["cl100k"].count(),
                       .o200k = root["o200k"].count()});
    }
    return all;
}

TEST_CASE("counts as OpenAI's own vocabularies do") {
    const std::vector<Sample> all = samples();
    REQUIRE(all.size() > 400);
    for (const Sample& sample : all) {
        INFO(sample.name << ": " << sample.text);
        CHECK(encoding(EncodingName::cl100k).count(sample.text) == sample.cl100k);
        CHECK(encoding(EncodingName::o200k).count(sample.text) == sample.o200k);
    }
}

TEST_CASE("every token of a vocabulary is found under its rank, and nothing else is") {
    const Encoding& o200k = encoding(EncodingName::o200k);
    CHECK(o200k.rank("!") == 0);
    CHECK(o200k.rank(" the") != kNoToken);
    CHECK(o200k.rank("") == kNoToken);
    CHECK(o200k.rank("the harbour was quiet") == kNoToken);
}

TEST_CASE("pieces cover any bytes, without gaps and without standing still") {
    std::string text;
    std::uint32_t state = 1;
    for (int i = 0; i < 20'000; ++i) {
        state = state * 1103515245 + 12345;
        text.push_back(static_cast<char>(state >> 16));
    }
    for (const EncodingName name : {EncodingName::cl100k, EncodingName::o200k}) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = piece_end(name, text, at);
            REQUIRE(end > at);
            REQUIRE(end <= text.size());
            at = end;
        }
        CHECK(encoding(name).count(text) > 0);
    }
}

TEST_CASE("an endless word takes no quadratic time") {
    const std::string word(200'000, 'q');
    CHECK(encoding(EncodingName::o200k).count(word) > 10'000);  // minutes, were it quadratic
}

TEST_CASE("the estimate is within a quarter of the vocabulary's count for prose and code") {
    for (const Sample& sample : samples()) {
        if (sample.name.starts_with("edge") || sample.name.starts_with("scrambled")) {
            continue;
        }
        INFO(sample.name);
        CHECK(estimate(sample.text) * 4 >= sample.o200k * 3);
        CHECK(estimate(sample.text) * 4 <= sample.o200k * 5);
    }
    CHECK(estimate("") == 0);
    CHECK(estimate("a") == 1);
}

TEST_CASE("a byte is estimated alike whatever stands around it") {
    // A byte that continues a character weighs nothing, and takes its block off the fast path.
    const std::string continuation = "\x80";
    for (int c = 0; c < 0x80; ++c) {
        const std::string piece(15, static_cast<char>(c));
        std::string broken;
        for (int i = 0; i < 256; ++i) {
            broken += piece + continuation;
        }
        INFO(c);
        CHECK(estimate(std::string(std::size_t{15} * 256, static_cast<char>(c))) ==
              estimate(broken));
    }
}

TEST_CASE("a model's tokenizer is known by its id") {
    const std::vector<std::pair<std::string_view, Tokenizer>> table{
        {"gpt-4o-mini", Tokenizer::o200k},
        {"openai/gpt-4.1", Tokenizer::o200k},
        {"gpt-4-turbo", Tokenizer::cl100k},
        {"gpt-4", Tokenizer::cl100k},
        {"gpt-3.5-turbo-0125", Tokenizer::cl100k},
        {"gpt-35-turbo", Tokenizer::cl100k},
        {"gpt-5-nano", Tokenizer::o200k},
        {"openai/gpt-oss-120b", Tokenizer::o200k},
        {"o3-mini", Tokenizer::o200k},
        {"text-embedding-3-small", Tokenizer::cl100k},
        {"claude-sonnet-4-5", Tokenizer::estimate},
        {"llama-3.3-70b", Tokenizer::estimate},
        {"", Tokenizer::estimate},
        {"openai/", Tokenizer::estimate},
    };
    for (const auto& [model, tokenizer] : table) {
        INFO(model);
        CHECK(tokenizer_for(model) == tokenizer);
    }
}

adapters::Request peeked(std::string& body) {
    body.reserve(body.size() + adapters::kBodySlack);
    Result<adapters::Request> request =
        adapters::Request::peek(adapters::Operation::chat, body, 64);
    REQUIRE(request);
    return std::move(*request);
}

TEST_CASE("a prompt counts its messages with their frames, its tools and its images") {
    std::string body = R"({"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},)"
                       R"({"role":"user","content":"Say \"hi\" in \u4e2d\u6587"}]})";
    const adapters::Request request = peeked(body);
    const Encoding& o200k = encoding(EncodingName::o200k);
    CHECK(count_prompt(Tokenizer::o200k, request) ==
          3 + (3 + 1 + o200k.count("Be brief.")) + (3 + 1 + o200k.count("Say \"hi\" in 中文")));

    std::string with_image =
        R"({"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},)"
        R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)" +
        std::string(40'000, 'A') +
        R"("}},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]}]})";
    const adapters::Request seen = peeked(with_image);
    CHECK(count_prompt(Tokenizer::o200k, seen) ==
          3 + 3 + 1 + o200k.count("What is this?") + 765 + 85);
    CHECK(estimate_prompt(seen) >= 765);
    CHECK(estimate_prompt(seen) < 1'000);

    std::string with_tool =
        R"({"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function",)"
        R"("function":{"name":"weather","parameters":{"type":"object"}}}]})";
    CHECK(count_prompt(Tokenizer::o200k, peeked(with_tool)) ==
          3 + 3 + 1 + 1 + o200k.count(R"({"name":"weather","parameters":{"type":"object"}})"));
}

TEST_CASE("the quick estimate of a prompt is not below its count") {
    for (const Sample& sample : samples()) {
        if (sample.name.starts_with("edge") || sample.name.starts_with("scrambled")) {
            continue;
        }
        std::string body = R"({"model":"gpt-4o","messages":[{"role":"user","content":)";
        json::append_string(body, sample.text);
        body += "}]}";
        const adapters::Request request = peeked(body);
        INFO(sample.name);
        CHECK(estimate_prompt(request) >= count_prompt(Tokenizer::o200k, request));
    }
}

TEST_CASE("an answer counts what it says, in all of its choices") {
    const Encoding& o200k = encoding(EncodingName::o200k);
    CHECK(count_answer(
              Tokenizer::o200k,
              R"({"choices":[{"message":{"content":"Hello there"}},{"message":{"content":null,)"
              R"("tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}}]})") ==
          o200k.count("Hello there") + 1 + o200k.count(R"({"a":1})") + 3);
    CHECK(count_answer(Tokenizer::o200k, R"({"choices":[{"text":"Hello there"}]})") ==
          o200k.count("Hello there"));
    CHECK(count_answer(Tokenizer::o200k, "no json") == 0);
}

TEST_CASE("what was heard counts as one text, however it came in pieces") {
    Heard heard;
    CHECK(heard.tokens(Tokenizer::o200k) == 0);
    heard.add(R"(He said: \"unbe)", true);
    heard.add("lievable\" \\ ", false);
    heard.add(R"(\u4e2d)", true);
    heard.add(R"(\u6587\n)", true);
    CHECK(heard.tokens(Tokenizer::o200k) ==
          encoding(EncodingName::o200k).count("He said: \"unbelievable\" \\ 中文\n"));
    heard.forget();
    CHECK(heard.empty());
}

TEST_CASE("what was heard is bounded; what is beyond counts like the beginning") {
    Heard heard;
    for (int i = 0; i < 1'000; ++i) {
        heard.add(std::string(1024, 'x') + " ", false);
    }
    const std::uint64_t tokens = heard.tokens(Tokenizer::estimate);
    CHECK(tokens > 200'000);
    CHECK(tokens < 300'000);
}

}  // namespace
}  // namespace tollgate::tokens
