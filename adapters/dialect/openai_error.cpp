#include "adapters/dialect/openai_error.hpp"

#include "adapters/codec/utf8.hpp"
#include "adapters/dialect.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace tollgate::adapters {
namespace {

using json::Value;

constexpr std::size_t kLongestMessage = 2000;
constexpr std::size_t kLongestQuote = 300;

/// What an error body says, whatever its shape.
struct VendorError {
    std::string message;
    std::string type;
    std::string code;
    std::string param;
    bool moderated = false;  ///< OpenRouter lists the reasons of its moderation
};

/// A word that vendors use as `code` or `type`.  `wins`: it says more than an HTTP status of 4xx.
struct Word {
    std::string_view word;
    FailureKind kind;
    std::uint16_t status;
    bool wins = false;
};

using enum FailureKind;
constexpr std::array kWords{
#include "adapters/dialect/openai_error_words.inc"
};

struct Phrase {
    std::string_view text;  // lower case
    FailureKind kind;
};
// For vendors whose codes do not tell: any 4xx may mean the first group, only a rejected content
// the second.
constexpr std::array kAccountPhrases{
    Phrase{"exceeded your current quota", upstream_quota},
    Phrase{"insufficient balance", upstream_quota},
    Phrase{"insufficient credit", upstream_quota},
    Phrase{"credit balance is too low", upstream_quota},
    Phrase{"incorrect api key", upstream_auth},
    Phrase{"invalid api key", upstream_auth},
    Phrase{"api key not valid", upstream_auth},
};
constexpr std::array kContentPhrases{
    Phrase{"maximum context length", context_exceeded},
    Phrase{"context length", context_exceeded},
    Phrase{"context window", context_exceeded},
    Phrase{"context size", context_exceeded},
    Phrase{"prompt is too long", context_exceeded},
    Phrase{"input is too long", context_exceeded},
    Phrase{"exceeded model token limit", context_exceeded},
    Phrase{"content management policy", content_filtered},
    Phrase{"considered high risk", content_filtered},
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return out;
}

/// At most `limit` bytes of valid UTF-8 on one line.
std::string shortened(std::string_view text, std::size_t limit) {
    std::string out;
    while (!text.empty() && out.size() < limit) {
        const std::size_t length = codec::utf8_length(text);
        const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
        const auto byte = static_cast<unsigned char>(character.front());
        if (length == 0) {
            out += '?';
        } else if (byte <= ' ' || byte == 0x7F) {
            out += out.empty() || out.back() == ' ' ? "" : " ";
        } else {
            out += character;
        }
        text.remove_prefix(character.size());
    }
    while (out.ends_with(' ')) {
        out.pop_back();
    }
    return text.empty() ? out : out + "…";
}

/// A string, or a number's digits.
std::string word_of(Value value) {
    return std::string(value.is_number() ? value.raw() : value.string());
}

/// FastAPI: "detail" is a sentence, or a list of {loc, msg, type}.
VendorError from_detail(Value detail) {
    VendorError error;
    const Value first = detail.is_array() ? detail[std::size_t{0}] : detail;
    error.message = first.string(first["msg"].string(first["message"].string()));
    error.type = first["type"].string();
    for (const Value part : first["loc"]) {
        if (part.string() != "body") {
            error.param += error.param.empty() ? "" : ".";
            error.param += word_of(part);
        }
    }
    if (!error.param.empty()) {
        error.message = error.param + ": " + error.message;
    }
    return error;
}

VendorError from_error_object(Value object) {
    VendorError error;
    error.message = object["message"].string(object["msg"].string(object["detail"].string()));
    error.type = object["type"].string(object["status"].string());
    error.code = word_of(object["code"]);
    error.param = object["param"].string();
    if (const std::string_view inner = object["innererror"]["code"].string(); !inner.empty()) {
        error.code = inner;  // Azure's content filter
    }
    const Value metadata = object["metadata"];
    error.moderated = metadata["reasons"].is_array();
    // OpenRouter says "Provider returned error" and quotes that provider's own words here.
    if (const std::string_view raw = metadata["raw"].string(); !raw.empty()) {
        error.message += ": ";
        error.message += raw;
    }
    return error;
}

bool is_set(Value value) {
    return value.exists() && !value.is_null() && value.raw() != "false" && value.raw() != "{}" &&
           value.raw() != "\"\"" && value.raw() != "[]";
}

/// Reads whichever of the known shapes this is; an empty message and code: none of them.
VendorError read_error(Value root) {
    if (root.is_array()) {
        root = root[std::size_t{0}];
    }
    const Value error = root["error"];
    if (error.is_object()) {
        return from_error_object(error);
    }
    if (error.is_string()) {
        return {.message = std::string(error.string()) +
                           (root["error_description"].is_string()
                                ? ": " + std::string(root["error_description"].string())
                                : ""),
                .type = std::string(root["error_type"].string(root["type"].string())),
                .code = word_of(root["code"]),
                .param = {}};
    }
    if (root["error_msg"].exists()) {
        return {.message = std::string(root["error_msg"].string()),
                .type = {},
                .code = word_of(root["error_code"]),
                .param = {}};
    }
    if (root["base_resp"]["status_msg"].exists()) {
        return {.message = std::string(root["base_resp"]["status_msg"].string()),
                .type = {},
                .code = word_of(root["base_resp"]["status_code"]),
                .param = {}};
    }
    if (const Value inner = root["Response"]["Error"]; inner.is_object()) {
        return {.message = std::string(inner["Message"].string()),
                .type = {},
                .code = word_of(inner["Code"]),
                .param = {}};
    }
    if (root["detail"].exists()) {
        return from_detail(root["detail"]);
    }
    if (const Value fault = root["fault"]; fault.is_object()) {
        return {.message = std::string(fault["faultstring"].string()),
                .type = {},
                .code = word_of(fault["detail"]["errorcode"]),
                .param = {}};
    }
    if (const Value first = root["errors"][std::size_t{0}]; first.exists()) {
        return {.message = std::string(first.string(first["message"].string())),
                .type = {},
                .code = word_of(first["code"]),
                .param = {}};
    }
    return {.message = std::string(root["message"].string(root["msg"].string())),
            .type = std::string(root["type"].string()),
            .code = word_of(root["code"]),
            .param = std::string(root["param"].string())};
}

const Word* find_word(std::string_view text) {
    const std::string wanted = lower(text);
    const auto* const found = std::ranges::find(kWords, wanted, &Word::word);
    return found == kWords.end() ? nullptr : found;
}

/// The more precise of code and type.
const Word* word_in(const VendorError& error) {
    const Word* const code = find_word(error.code);
    return code != nullptr ? code : find_word(error.type);
}

template <std::size_t Size>
std::optional<FailureKind> phrase_in(const std::array<Phrase, Size>& phrases,
                                     std::string_view lower_message) {
    for (const Phrase& phrase : phrases) {
        if (lower_message.find(phrase.text) != std::string_view::npos) {
            return phrase.kind;
        }
    }
    return std::nullopt;
}

FailureKind kind_of(unsigned status, const VendorError& error) {
    const FailureKind by_status = kind_of_status(status);
    if (status < 400 || status >= 500) {
        return by_status;
    }
    if (error.moderated) {
        return content_filtered;
    }
    if (const Word* const word = word_in(error); word != nullptr && word->wins) {
        return word->kind;
    }
    const std::string message = lower(error.message);
    if (const auto kind = phrase_in(kAccountPhrases, message)) {
        return *kind;
    }
    if (by_status == upstream_rejected) {
        return phrase_in(kContentPhrases, message).value_or(by_status);
    }
    return by_status;
}

/// Vendors quote the key that they refuse, some of them whole: long words with digits go.
std::string redacted(std::string_view text) {
    const auto is_key = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_' || c == '*' || c == '.';
    };
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i;
        while (end < text.size() && is_key(text[end])) {
            ++end;
        }
        const std::string_view word = text.substr(i, end - i);
        const bool secret =
            word.size() >= 12 && (word.find_first_of("0123456789*") != std::string_view::npos);
        out += secret ? "[key]" : word;
        if (end < text.size()) {
            out += text[end++];
        }
        i = end;
    }
    return out;
}

/// A code that a program may compare with; sentences and numbers are not.
bool is_token(std::string_view code) {
    return !code.empty() && code.size() <= 64 && !(code.front() >= '0' && code.front() <= '9') &&
           code.find(' ') == std::string_view::npos;
}

Failure make_failure(unsigned status, const VendorError& error) {
    Failure failure;
    failure.kind = kind_of(status, error);
    failure.upstream_status = static_cast<std::uint16_t>(status);
    failure.detail = shortened(error.message, kLongestMessage);
    if (failure.detail.empty()) {
        failure.detail = "the vendor answered " + std::to_string(status) + " with code '" +
                         shortened(error.code.empty() ? error.type : error.code, 100) + "'";
    }
    if (failure.kind == upstream_auth) {
        failure.detail = redacted(failure.detail);
    }
    if (failure.kind == upstream_rejected) {
        const Word* const word = word_in(error);
        if (word != nullptr && word->status == 404) {
            failure.code = "model_not_found";  // our paths are fixed: what else could be missing
        } else if (is_token(error.code)) {
            failure.code = shortened(error.code, 64);
        }
        failure.param = shortened(error.param, 200);
    }
    return failure;
}

unsigned status_in(const VendorError& error) {
    unsigned number = 0;
    const auto [end, problem] =
        std::from_chars(error.code.data(), error.code.data() + error.code.size(), number);
    const bool whole = problem == std::errc{} && end == error.code.data() + error.code.size();
    if (whole && number >= 400 && number < 600) {
        return number;
    }
    const Word* const word = word_in(error);
    return word == nullptr ? 500 : word->status;
}

/// Whether a 2xx answer is an error.  An answer proper has choices (data in lists), so their
/// absence counts.
bool is_error(Value root) {
    if (is_set(root["error"]) || is_set(root["x_groq"]["error"]) ||
        is_set(root["Response"]["Error"]) ||
        root["base_resp"]["status_code"].integer().value_or(0) != 0 ||
        root["error_code"].integer().value_or(0) != 0 || root["object"].string() == "error") {
        return true;
    }
    if (root["choices"].exists() || root["data"].is_array() || root["usage"].exists()) {
        return false;
    }
    return root["code"].integer().value_or(0) != 0 || root["detail"].exists() ||
           root["fault"].is_object() || is_set(root["errors"]) ||
           root["type"].string() == "error" ||
           (root["code"].is_string() && root["message"].is_string());
}

std::int64_t now_unix() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

std::optional<Failure> in_band_failure(Value root) {
    if (root.is_array() && root.size() > 0) {
        root = root[std::size_t{0}];
    }
    if (!is_error(root)) {
        return std::nullopt;
    }
    VendorError error = read_error(root);
    if (const Value groq = root["x_groq"]["error"]; is_set(groq)) {
        error =
            groq.is_object()
                ? from_error_object(groq)
                : VendorError{
                      .message = std::string(groq.string()), .type = {}, .code = {}, .param = {}};
    }
    return make_failure(status_in(error), error);
}

std::optional<Failure> in_band_failure(std::string_view body) {
    const Result<json::Document> document = json::Document::parse(body);
    return document ? in_band_failure(document->root()) : std::nullopt;
}

Failure classify_common(const ResponseInfo& head, std::string_view body) {
    const Result<json::Document> document = json::Document::parse(body);
    const VendorError error = document ? read_error(document->root()) : VendorError{};
    const bool known = !error.message.empty() || !error.code.empty() || !error.type.empty();
    // Under a 2xx the body itself must say what it stands for.
    const unsigned status = head.status >= 400       ? head.status
                            : known                  ? status_in(error)
                            : head.status / 100 == 3 ? head.status
                                                     : 500;
    Failure failure = make_failure(status, error);
    if (!known) {
        const std::string quote = shortened(body, kLongestQuote);
        failure.detail = "the vendor answered " + std::to_string(status) +
                         (quote.empty() ? " without a body" : " with: " + quote);
        if (failure.kind == upstream_auth) {
            failure.detail = redacted(failure.detail);
        }
    }
    failure.retry_after = parse_retry_after(head, now_unix());
    return failure;
}

}  // namespace tollgate::adapters
