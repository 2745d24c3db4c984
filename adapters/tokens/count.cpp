#include "adapters/tokens/count.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/tokens/bpe.hpp"
#include "adapters/tokens/estimate.hpp"

#include <algorithm>

namespace tollgate::tokens {
namespace {

using json::Document;
using json::Value;

constexpr std::size_t kMostCounted = 256 * 1024;
// Text of an answer that is kept: more than the largest max_output of current models.
constexpr std::size_t kMostHeard = 256 * 1024;

// Each message costs a frame, and the answer is primed with one:
// https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, read 2026-11.
constexpr std::uint64_t kPerMessage = 3;
constexpr std::uint64_t kPerName = 1;
constexpr std::uint64_t kPriming = 3;
// An image in four tiles, and one in low detail:
// https://platform.openai.com/docs/guides/images-vision, read 2026-11.
constexpr std::uint64_t kImage = 765;
constexpr std::uint64_t kImageLow = 85;
// Audio is about ten tokens a second; a base64 byte of 24 kHz 16 bit PCM is 1/64,000 s.
constexpr std::uint64_t kAudioBytesPerToken = 6400;
// A page of a PDF is about this much text; the number of pages is not known.
constexpr std::uint64_t kFile = 1000;

struct Known {
    std::string_view prefix;
    Tokenizer tokenizer;
};
// The first that fits counts.  tiktoken's model.py, read 2026-11.
constexpr Known kKnown[] = {
    {"gpt-4o", Tokenizer::o200k},
    {"gpt-4.1", Tokenizer::o200k},
    {"gpt-4.5", Tokenizer::o200k},
    {"gpt-4", Tokenizer::cl100k},
    {"gpt-3.5", Tokenizer::cl100k},
    {"gpt-35", Tokenizer::cl100k},  // Azure's spelling
    {"gpt-", Tokenizer::o200k},
    {"chatgpt-", Tokenizer::o200k},
    {"o1", Tokenizer::o200k},
    {"o3", Tokenizer::o200k},
    {"o4-", Tokenizer::o200k},
    {"codex-", Tokenizer::o200k},
    {"text-embedding-", Tokenizer::cl100k},
    {"davinci-002", Tokenizer::cl100k},
    {"babbage-002", Tokenizer::cl100k},
};

/// Undoes JSON's escapes; what is no escape stays.
std::string unescaped(std::string_view text) {
    if (text.find('\\') == std::string_view::npos) {
        return std::string(text);
    }
    const std::string quoted = '"' + std::string(text) + '"';
    const Result<Document> document = Document::parse(quoted);
    return document ? std::string(document->root().string()) : std::string(text);
}

std::uint64_t count_part(Tokenizer tokenizer, Value part) {
    const std::string_view type = part["type"].string();
    if (type == "image_url") {
        return part["image_url"]["detail"].string() == "low" ? kImageLow : kImage;
    }
    if (type == "input_audio") {
        return part["input_audio"]["data"].string().size() / kAudioBytesPerToken + 1;
    }
    if (type == "file") {
        return kFile;
    }
    return count(tokenizer, part["text"].string()) + count(tokenizer, part["refusal"].string());
}

std::uint64_t count_content(Tokenizer tokenizer, Value content) {
    if (!content.is_array()) {
        return count(tokenizer, content.string());
    }
    std::uint64_t sum = 0;
    for (const Value part : content) {
        sum += part.is_string() ? count(tokenizer, part.string()) : count_part(tokenizer, part);
    }
    return sum;
}

/// What a message says, in a request or in an answer.
std::uint64_t count_message(Tokenizer tokenizer, Value message) {
    std::uint64_t sum = count_content(tokenizer, message["content"]) +
                        count(tokenizer, message["reasoning_content"].string()) +
                        count(tokenizer, message["refusal"].string());
    for (const Value call : message["tool_calls"]) {
        sum += count(tokenizer, call["function"]["name"].string()) +
               count(tokenizer, call["function"]["arguments"].string()) + kPerMessage;
    }
    return sum;
}

std::uint64_t count_chat(Tokenizer tokenizer, Value root) {
    std::uint64_t sum = kPriming;
    for (const Value message : root["messages"]) {
        sum += kPerMessage + count(tokenizer, message["role"].string()) +
               count_message(tokenizer, message);
        if (message["name"].is_string()) {
            sum += kPerName + count(tokenizer, message["name"].string());
        }
    }
    for (const Value tool : root["tools"]) {
        sum += count(tokenizer, tool["function"].raw());
    }
    return sum + count(tokenizer, root["response_format"]["json_schema"].raw());
}

/// A string, a list of strings, a list of token numbers, or a list of those.
std::uint64_t count_input(Tokenizer tokenizer, Value input) {
    if (input.is_string()) {
        return count(tokenizer, input.string());
    }
    if (input.is_number()) {
        return 1;
    }
    std::uint64_t sum = 0;
    for (const Value one : input) {
        sum += count_input(tokenizer, one);
    }
    return sum;
}

}  // namespace

Tokenizer tokenizer_for(std::string_view model) noexcept {
    model.remove_prefix(std::min(model.rfind('/') + 1, model.size()));  // npos + 1 is 0
    for (const Known& known : kKnown) {
        if (model.starts_with(known.prefix)) {
            return known.tokenizer;
        }
    }
    return Tokenizer::estimate;
}

std::uint64_t count(Tokenizer tokenizer, std::string_view text) {
    if (tokenizer == Tokenizer::estimate) {
        return estimate(text);
    }
    const Encoding& vocabulary =
        encoding(tokenizer == Tokenizer::cl100k ? EncodingName::cl100k : EncodingName::o200k);
    if (text.size() <= kMostCounted) {
        return vocabulary.count(text);
    }
    return vocabulary.count(text.substr(0, kMostCounted)) * text.size() / kMostCounted;
}

std::uint64_t count_prompt(Tokenizer tokenizer, const adapters::Request& request) {
    const Result<Document> document = Document::parse(request.body);
    if (!document) {
        return estimate_prompt(request);
    }
    switch (request.operation) {
        case adapters::Operation::chat:
            return count_chat(tokenizer, document->root());
        case adapters::Operation::completions:
            return count_input(tokenizer, document->root()["prompt"]);
        case adapters::Operation::embeddings:
            break;
    }
    return count_input(tokenizer, document->root()["input"]);
}

std::uint64_t estimate_prompt(const adapters::Request& request) noexcept {
    std::uint64_t text = kPriming;
    std::uint64_t images = 0;
    for (const adapters::Member& member : request.members) {
        std::string_view value = request.raw(member);
        const bool is_prompt = member.key == "messages" || member.key == "prompt" ||
                               member.key == "input" || member.key == "tools" ||
                               member.key == "response_format" || member.key == "functions";
        if (!is_prompt) {
            continue;
        }
        // Base64 is not read as text.
        for (std::size_t at = value.find(";base64,"); at != std::string_view::npos;
             at = value.find(";base64,")) {
            text += estimate(value.substr(0, at));
            images += kImage;
            value.remove_prefix(std::min(value.find('"', at), value.size()));
        }
        text += estimate(value);
    }
    return text + text / 4 + images;  // for some languages the estimate is a quarter too low
}

std::uint64_t count_answer(Tokenizer tokenizer, std::string_view body) {
    std::uint64_t sum = 0;
    if (const Result<Document> document = Document::parse(body); document) {
        for (const Value choice : document->root()["choices"]) {
            sum += count_message(tokenizer, choice["message"]) +
                   count(tokenizer, choice["text"].string());
        }
    }
    return sum;
}

void Heard::add(std::string_view piece, bool escaped) {
    const std::size_t kept =
        std::min(piece.size(), kMostHeard - std::min(text_.size(), kMostHeard));
    beyond_ += piece.size() - kept;
    if (escaped) {
        text_.append(piece.substr(0, kept));
    } else {
        json::append_escaped(text_, piece.substr(0, kept));
    }
}

std::uint64_t Heard::tokens(Tokenizer tokenizer) const {
    if (text_.empty()) {
        return 0;
    }
    const std::uint64_t kept = count(tokenizer, unescaped(text_));
    return kept + kept * beyond_ / text_.size();
}

void Heard::forget() noexcept {
    text_.clear();
    text_.shrink_to_fit();
    beyond_ = 0;
}

}  // namespace tollgate::tokens
