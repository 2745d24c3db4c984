#include "adapters/codec/json_walk.hpp"

#include "adapters/codec/byte_mask.hpp"
#include "adapters/codec/utf8.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>

namespace tollgate::json {
namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr std::size_t kFirstCapacity = 64 * 1024;
// An index over more than this is given back after use, so that one huge body does not pin its
// index for ever.
constexpr std::size_t kKeptCapacity = 4 * 1024 * 1024;

/// simdjson's first stage only: it finds the tokens at several GB/s and checks UTF-8 on the way.
/// Its second stage is not used because it converts numbers, wants padding after the text, and
/// builds what nobody here needs.
class Indexer {
public:
    simdjson::error_code run(std::string_view text, std::span<const std::uint32_t>& tokens) {
        if (text.size() > capacity_) {
            const std::size_t wanted = std::max(text.size(), kFirstCapacity);
            stage_.reset();
            capacity_ = 0;
            const auto error =
                simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, 1,
                                                                                        stage_);
            if (error != simdjson::SUCCESS) {
                return error;
            }
            capacity_ = wanted;
        }
        const auto error = stage_->stage1(reinterpret_cast<const std::uint8_t*>(text.data()),
                                          text.size(), simdjson::stage1_mode::regular);
        tokens = {stage_->structural_indexes.get(), stage_->n_structural_indexes};
        return error;
    }
    /// Gives a large index back; called before the next text so that the tokens stay valid in
    /// between.
    void shrink(std::size_t next_size) {
        if (capacity_ > kKeptCapacity && next_size <= kKeptCapacity) {
            stage_.reset();
            capacity_ = 0;
        }
    }

private:
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage_;
    std::size_t capacity_ = 0;
};

/// Says precisely what simdjson only hints at.  Runs on bad texts only.
Fault locate(std::string_view text) {
    bool in_string = false;
    std::size_t opened = 0;
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte >= 0x80) {
            const std::size_t length = codec::utf8_length(text.substr(i));
            if (length == 0) {
                return {.what = "invalid UTF-8", .offset = i};
            }
            i += length;
            continue;
        }
        if (in_string && byte < 0x20) {
            return {.what = byte == 0 ? "a NUL byte inside a string"
                                      : "a control character inside a string must be escaped",
                    .offset = i};
        }
        if (in_string && byte == '\\') {
            i += 2;
            continue;
        }
        if (byte == '"') {
            in_string = !in_string;
            opened = i;
        }
        ++i;
    }
    if (in_string) {
        return {.what = "a string is not closed that begins", .offset = opened};
    }
    return {.what = "malformed text", .offset = 0};
}

int hex4(const char* digits) noexcept {
    int value = 0;
    for (int i = 0; i < 4; ++i) {
        const char c = digits[i];
        int digit = 0;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = c - 'A' + 10;
        } else {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/// Length of the escape that begins with the backslash at `at`; 0 when it is none.
std::size_t escape_length(std::string_view text, std::size_t at) noexcept {
    // One bit per letter that may follow, so that mixed escapes cost no mispredicted jumps.
    constexpr auto bit = [](char letter) { return std::uint64_t{1} << (letter & 63); };
    constexpr std::uint64_t kLow = bit('"') | bit('/');
    constexpr std::uint64_t kHigh =
        bit('\\') | bit('b') | bit('f') | bit('n') | bit('r') | bit('t');
    if (at + 1 >= text.size()) {
        return 0;
    }
    const auto letter = static_cast<unsigned char>(text[at + 1]);
    if (letter < 128 && (((letter < 64 ? kLow : kHigh) >> (letter & 63)) & 1) != 0) {
        return 2;
    }
    return letter == 'u' && at + 6 <= text.size() && hex4(text.data() + at + 2) >= 0 ? 6 : 0;
}

char short_escape(char letter) noexcept {
    switch (letter) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        default:
            return letter;
    }
}

/// Decodes the \u escape at `at` (already checked), with its second half where it is a surrogate
/// pair.
std::size_t append_unicode(std::string_view inner, std::size_t at, std::string& out) {
    const auto unit = static_cast<std::uint32_t>(hex4(inner.data() + at + 2));
    if (unit < 0xD800 || unit > 0xDFFF) {
        codec::append_utf8(out, unit);
        return 6;
    }
    if (unit <= 0xDBFF && at + 12 <= inner.size() && inner[at + 6] == '\\' &&
        inner[at + 7] == 'u') {
        const int low = hex4(inner.data() + at + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            codec::append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) +
                                        (static_cast<std::uint32_t>(low) - 0xDC00));
            return 12;
        }
    }
    codec::append_utf8(out, 0xFFFD);
    return 6;
}

std::size_t digits_end(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
        ++at;
    }
    return at;
}

}  // namespace

std::string Fault::sentence() const {
    return "JSON: " + std::string(what) + " at byte " + std::to_string(offset);
}

Fault index_tokens(std::string_view text, std::span<const std::uint32_t>& tokens) {
    thread_local Indexer indexer;  // one per worker; its buffers are reused by every text
    tokens = {};
    if (text.find_first_not_of(" \t\r\n") == npos) {
        return {.what = "the text is empty", .offset = 0};
    }
    if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
        return {.what = "the text is longer than 4 GiB", .offset = 0};
    }
    indexer.shrink(text.size());
    switch (indexer.run(text, tokens)) {
        case simdjson::SUCCESS:
            return {};
        case simdjson::MEMALLOC:
            return {.what = "out of memory", .offset = 0};
        default:
            return locate(text);
    }
}

std::size_t number_end(std::string_view text, std::size_t begin) noexcept {
    std::size_t at = begin;
    if (at < text.size() && text[at] == '-') {
        ++at;
    }
    const std::size_t whole = digits_end(text, at);
    if (whole == at || (text[at] == '0' && whole > at + 1)) {
        return npos;
    }
    at = whole;
    if (at < text.size() && text[at] == '.') {
        const std::size_t fraction = digits_end(text, at + 1);
        if (fraction == at + 1) {
            return npos;
        }
        at = fraction;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
            ++at;
        }
        const std::size_t exponent = digits_end(text, at);
        if (exponent == at) {
            return npos;
        }
        at = exponent;
    }
    return at;
}

Fault check_escapes(std::string_view text) noexcept {
    std::size_t escaped = 0;  // bytes before this offset belong to an escape already checked
    for (std::size_t block = 0; block < text.size(); block += codec::kMaskBytes) {
        std::uint64_t hits = codec::mask_of(text.substr(block, codec::kMaskBytes), '\\');
        for (; hits != 0; hits &= hits - 1) {
            const std::size_t at = block + static_cast<std::size_t>(std::countr_zero(hits));
            if (at < escaped) {
                continue;
            }
            const std::size_t length = escape_length(text, at);
            if (length == 0) {
                return {.what = kBadEscape, .offset = at};
            }
            escaped = at + length;
        }
    }
    return {};
}

std::size_t unescape(std::string_view inner, std::string& out) {
    std::size_t done = 0;
    for (std::size_t at = inner.find('\\'); at != npos; at = inner.find('\\', done)) {
        out.append(inner, done, at - done);
        if (escape_length(inner, at) == 0) {
            return at;
        }
        if (inner[at + 1] == 'u') {
            done = at + append_unicode(inner, at, out);
        } else {
            out.push_back(short_escape(inner[at + 1]));
            done = at + 2;
        }
    }
    out.append(inner, done, npos);
    return npos;
}

}  // namespace tollgate::json
