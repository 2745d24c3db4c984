#include "adapters/dialect/openai_probe.hpp"

#include "adapters/codec/json_walk.hpp"
#include "adapters/dialect/openai.hpp"
#include "adapters/dialect/openai_error.hpp"
#include "adapters/dialect/openai_usage.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <string>

namespace tollgate::adapters {
namespace {

using json::Document;
using json::Value;

constexpr std::size_t npos = std::string_view::npos;

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t skip_space(std::string_view json, std::size_t at) noexcept {
    while (at < json.size() && is_space(json[at])) {
        ++at;
    }
    return at;
}

/// Where the value of a member begins whose name ends (with its quote) before `name_end`; npos when
/// no colon follows.
std::size_t value_after(std::string_view json, std::size_t name_end) noexcept {
    const std::size_t colon = skip_space(json, name_end);
    if (colon >= json.size() || json[colon] != ':') {
        return npos;
    }
    const std::size_t value = skip_space(json, colon + 1);
    return value < json.size() ? value : npos;
}

/// The object that begins at `begin`, with its braces; empty when it is not closed.
std::string_view object_at(std::string_view json, std::size_t begin) noexcept {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = begin; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            i += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{') {
            ++depth;
        } else if (c == '}' && --depth == 0) {
            return json.substr(begin, i + 1 - begin);
        }
    }
    return {};
}

/// The string that begins at `at`, without its quotes and still escaped; empty for anything else.
std::string_view string_at(std::string_view json, std::size_t at) noexcept {
    if (json[at] != '"') {
        return {};
    }
    const std::size_t end = json.find('"', at + 1);
    return end == npos ? std::string_view{} : json.substr(at + 1, end - at - 1);
}

/// The contents of the string that begins at `at`, still escaped; empty for anything else.
std::string_view words_at(std::string_view json, std::size_t at) noexcept {
    if (at == npos || json[at] != '"') {
        return {};
    }
    for (std::size_t end = json.find('"', at + 1); end != npos; end = json.find('"', end + 1)) {
        std::size_t slashes = 0;
        while (json[end - 1 - slashes] == '\\') {  // stops at the opening quote at the latest
            ++slashes;
        }
        if (slashes % 2 == 0) {
            return json.substr(at + 1, end - at - 1);
        }
    }
    return {};
}

/// Where the members of interest are, found by their names alone.  Content cannot fool this: inside
/// a JSON string every quote has a backslash before it.
struct Places {
    std::size_t choices = npos;     ///< first byte of the value
    std::size_t usage = npos;       ///< the last usage that is an object
    std::size_t null_usage = npos;  ///< the name of a usage that is null
    bool may_be_error = false;      ///< an `error` that is not null
    bool is_finished = false;
    std::string_view failed_reason;  ///< a finish_reason that is none
    tokens::Heard* heard = nullptr;  ///< given the model's words; null: nobody listens

    void note(std::string_view json, std::size_t quote) {
        if (quote > 0 && json[quote - 1] == '\\') {
            return;
        }
        const std::string_view rest = json.substr(quote + 1);
        switch (rest.empty() ? '\0' : rest.front()) {
            case 'c':
                if (choices == npos && rest.starts_with("choices\"")) {
                    choices = value_after(json, quote + 9);
                } else if (rest.starts_with("content\"")) {
                    hear(json, quote + 9);
                }
                break;
            case 'a':
                if (rest.starts_with("arguments\"")) {
                    hear(json, quote + 11);
                }
                break;
            case 'r':
                // Some say the same thoughts under two names; the first counts.
                if (!has_reasoned &&
                    (rest.starts_with("reasoning_content\"") || rest.starts_with("reasoning\""))) {
                    has_reasoned = hear(json, quote + (rest[9] == '"' ? 11 : 19));
                } else if (rest.starts_with("refusal\"")) {
                    hear(json, quote + 9);
                }
                break;
            case 't':  // the legacy completions
                if (!has_reasoned && rest.starts_with("text\"")) {
                    hear(json, quote + 6);
                }
                break;
            case 'u':
                if (rest.starts_with("usage\"")) {
                    const std::size_t at = value_after(json, quote + 7);
                    usage = at != npos && json[at] == '{' ? at : usage;
                    null_usage = at != npos && json[at] == 'n' ? quote : null_usage;
                }
                break;
            case 'e':
                if (rest.starts_with("error\"")) {
                    const std::size_t at = value_after(json, quote + 7);
                    may_be_error = may_be_error || (at != npos && json[at] != 'n');
                }
                break;
            case 'f':
                if (rest.starts_with("finish_reason\"")) {
                    note_reason(json, value_after(json, quote + 15));
                }
                break;
            default:
                break;
        }
    }

private:
    bool has_reasoned = false;

    bool hear(std::string_view json, std::size_t name_end) {
        const std::string_view words =
            heard == nullptr ? std::string_view() : words_at(json, value_after(json, name_end));
        if (!words.empty()) {
            heard->add(words, true);
        }
        return !words.empty();
    }
    void note_reason(std::string_view json, std::size_t at) noexcept {
        const std::string_view word = at == npos ? std::string_view{} : string_at(json, at);
        if (openai::is_failed_reason(word)) {
            failed_reason = word;
        }
        is_finished = is_finished || openai::finish_reason(word) != FinishReason::none;
    }
};

/// Bit i is set where a quote stands at block[i] and one of the letters that our names begin with
/// behind it. `block` has 17 bytes or more.  Half of a delta's bytes would otherwise be looked at
/// one by one.
unsigned names_in(const char* block) noexcept {
#if defined(__SSE2__)
    const auto load = [block](std::size_t at) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + at));
    };
    const __m128i next = load(1);
    const auto is = [next](char letter) { return _mm_cmpeq_epi8(next, _mm_set1_epi8(letter)); };
    const __m128i letters =
        _mm_or_si128(_mm_or_si128(_mm_or_si128(is('c'), is('u')), _mm_or_si128(is('e'), is('f'))),
                     _mm_or_si128(_mm_or_si128(is('a'), is('r')), is('t')));
    const __m128i quotes = _mm_cmpeq_epi8(load(0), _mm_set1_epi8('"'));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(quotes, letters)));
#else
    unsigned hits = 0;
    for (unsigned i = 0; i < 16; ++i) {
        hits |= static_cast<unsigned>(block[i] == '"') << i;
    }
    return hits;
#endif
}

Places find_places(std::string_view json, tokens::Heard* heard = nullptr) {
    Places places;
    places.heard = heard;
    std::size_t block = 0;
    for (; block + 17 <= json.size(); block += 16) {
        for (unsigned hits = names_in(json.data() + block); hits != 0; hits &= hits - 1) {
            places.note(json, block + static_cast<std::size_t>(std::countr_zero(hits)));
        }
    }
    for (; block < json.size(); ++block) {
        if (json[block] == '"') {
            places.note(json, block);
        }
    }
    return places;
}

bool is_empty_list(std::string_view json, std::size_t at) noexcept {
    if (json[at] != '[') {
        return json[at] == 'n';  // null
    }
    const std::size_t next = skip_space(json, at + 1);
    return next < json.size() && json[next] == ']';
}

Result<void> failed_answer(std::string_view reason) {
    return fail(FailureKind::upstream_unavailable,
                "the vendor ended the answer with finish_reason '" + std::string(reason) + "'");
}

/// Parses fully what may be an error.
Result<void> check_error(std::string_view data, std::string_view what) {
    const Result<Document> document = Document::parse(data);
    if (!document) {
        return fail(FailureKind::protocol_error,
                    std::string(what) + " is not valid " + document.error().detail);
    }
    if (std::optional<Failure> failure = in_band_failure(document->root())) {
        return std::unexpected(std::move(*failure));
    }
    if (!document->root().is_object()) {
        return fail(FailureKind::protocol_error, std::string(what) + " is JSON, but no object");
    }
    return {};
}

/// Receives the walk over a whole body: the top-level members that matter.
class TopLevel {
public:
    explicit TopLevel(std::string_view body) : body_(body), usage_(body) {}

    json::Fault open(json::Kind kind, std::size_t begin) {
        if (++depth_ == 2) {
            begin_ = begin;
            if (key_ == "usage") {  // of several the last counts
                usage_ = UsageFields(body_);
                in_usage_ = true;
            }
        }
        return in_usage_ ? usage_.open(kind, begin) : json::Fault();
    }
    void close(std::size_t end) {
        if (in_usage_) {
            usage_.close(end);
        }
        if (--depth_ == 1) {
            in_usage_ = false;
            note(begin_, end);
        }
    }
    json::Fault key(std::size_t begin, std::size_t end) {
        if (depth_ == 1) {
            key_ = body_.substr(begin + 1, end - begin - 2);
        }
        return in_usage_ ? usage_.key(begin, end) : json::Fault();
    }
    json::Fault scalar(json::Kind kind, std::size_t begin, std::size_t end) {
        if (in_usage_) {
            return usage_.scalar(kind, begin, end);
        }
        if (depth_ == 1 && (kind != json::Kind::null || key_ == "usage")) {
            note(begin, end);
        }
        return {};
    }
    /// Once the walk has ended.
    [[nodiscard]] Usage usage() const { return has_usage_ ? usage_.usage() : Usage(); }

    std::string_view choices;
    std::string_view service;  ///< the tier that served
    bool is_list = false;      ///< `data`: embeddings and other lists
    bool has_error = false;

private:
    void note(std::size_t begin, std::size_t end) {
        const std::string_view value = body_.substr(begin, end - begin);
        if (key_ == "service_tier" && value.size() > 2) {
            service = value.substr(1, value.size() - 2);
        } else if (key_ == "choices") {
            choices = value;
        } else if (key_ == "usage") {
            has_usage_ = value.front() == '{';
        } else if (key_ == "data") {
            is_list = true;
        } else if (key_ == "error" || key_ == "base_resp" || key_ == "x_groq") {
            has_error = true;  // perhaps; a parse will tell
        }
    }

    std::string_view body_;
    std::string_view key_;
    UsageFields usage_;
    std::size_t begin_ = 0;
    std::size_t depth_ = 0;
    bool in_usage_ = false;
    bool has_usage_ = false;
};

// The chunk that reports usage also names the tier that served; nothing else asks for it.
metrics::Service service_of(std::string_view chunk) noexcept {
    constexpr std::string_view kName = "\"service_tier\"";
    const std::size_t at = chunk.rfind(kName);
    if (at == npos || (at > 0 && chunk[at - 1] == '\\')) {
        return metrics::Service::standard;
    }
    const std::size_t value = value_after(chunk, at + kName.size());
    return value == npos ? metrics::Service::standard
                         : metrics::service_named(string_at(chunk, value));
}

}  // namespace

Usage usage_in_tail(std::string_view tail) {
    const std::size_t at = find_places(tail).usage;
    const std::string_view object = at == npos ? std::string_view{} : object_at(tail, at);
    return object.empty() ? Usage{} : read_usage(object);
}

Result<ProbedEvent> AnswerProbe::event(std::string_view data) {
    ProbedEvent result;
    if (data == "[DONE]") {
        result.is_done = true;
        return result;
    }
    const Places places = find_places(data, heard_);
    const bool is_empty = places.choices == npos || is_empty_list(data, places.choices);
    // An answer without choices is a usage report, or not an answer.
    if (places.may_be_error || places.choices == npos || (is_empty && places.usage == npos)) {
        if (Result<void> good = check_error(data, "an event of the vendor's stream"); !good) {
            return std::unexpected(std::move(good.error()));
        }
    }
    if (!places.failed_reason.empty()) {
        return std::unexpected(failed_answer(places.failed_reason).error());
    }
    finished_ = finished_ || places.is_finished;
    // Behind a list: that of the choices.  Elsewhere it may be the vendor's own.
    if (places.null_usage != npos && places.null_usage > 2 && data[places.null_usage - 2] == ']' &&
        data.substr(places.null_usage - 1).starts_with(kNullUsage)) {
        result.null_usage = places.null_usage - 1;
    }
    if (places.usage != npos) {
        const std::string_view object = object_at(data, places.usage);
        Usage usage = read_usage(object);
        if (usage.reported) {
            result.usage_end = places.usage + object.size() - 1;
            usage.service = service_of(data);
            usage_ = std::make_unique<Usage>(usage);
            result.is_usage_only = is_empty;
        }
    }
    return result;
}

Result<void> AnswerProbe::whole(std::string_view body) {
    std::span<const std::uint32_t> tokens;
    json::Fault fault = json::index_tokens(body, tokens);
    TopLevel top(body);
    if (!fault) {
        fault = json::Walker<TopLevel>(body, tokens, json::kDepthCeiling, top).run();
    }
    if (!fault) {
        fault = json::check_escapes(body);
    }
    if (fault) {
        return fail(FailureKind::protocol_error,
                    body.empty() ? "the vendor's answer is empty"
                                 : "the vendor's answer is not valid " + fault.sentence());
    }
    if (top.has_error || (top.choices.empty() && !top.is_list)) {
        if (Result<void> good = check_error(body, "the vendor's answer"); !good) {
            return good;
        }
    }
    const Places places = find_places(top.choices);
    if (!places.failed_reason.empty()) {
        return failed_answer(places.failed_reason);
    }
    finished_ = places.is_finished;
    if (Usage usage = top.usage(); usage.reported) {
        usage.service = metrics::service_named(top.service);
        usage_ = std::make_unique<Usage>(usage);
    }
    return {};
}

}  // namespace tollgate::adapters
