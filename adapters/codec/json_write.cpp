#include "adapters/codec/json.hpp"
#include "adapters/codec/utf8.hpp"

#include <charconv>
#include <cstring>

namespace tollgate::json {
namespace {

/// Bytes that go out as they are: printable ASCII but for the quote and the backslash.
constexpr bool is_plain(unsigned char byte) noexcept {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/// Length of the plain run at the start of `text`, eight bytes at a time.
std::size_t plain_run(std::string_view text) noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = 0x8080808080808080;
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        const std::uint64_t quote = word ^ (kOnes * '"');
        const std::uint64_t slash = word ^ (kOnes * '\\');
        // A byte below n sets its high bit in (byte - n) & ~byte; borrows only cause false alarms,
        // which cost nothing.
        const std::uint64_t odd = ((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) |
                                  ((word - kOnes * 0x20) & ~word) | word;
        if ((odd & kHighs) != 0) {
            break;
        }
    }
    while (at < text.size() && is_plain(static_cast<unsigned char>(text[at]))) {
        ++at;
    }
    return at;
}

void append_control(std::string& out, unsigned char byte) {
    constexpr char kHex[] = "0123456789abcdef";
    switch (byte) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            out += "\\u00";
            out.push_back(kHex[byte >> 4]);
            out.push_back(kHex[byte & 0xF]);
    }
}

template <class Number>
void append_number(std::string& out, Number number) {
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, end);
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        std::size_t run = plain_run(text);
        // Whole characters beyond ASCII go out in the same append.
        while (run < text.size() && static_cast<unsigned char>(text[run]) >= 0x80) {
            const std::size_t length = codec::utf8_length(text.substr(run));
            if (length == 0) {
                break;
            }
            run += length;
        }
        out.append(text.substr(0, run));
        text.remove_prefix(run);
        if (text.empty()) {
            return;
        }
        const auto byte = static_cast<unsigned char>(text.front());
        if (is_plain(byte)) {
            continue;
        }
        if (byte >= 0x80) {
            out += "\xEF\xBF\xBD";  // one U+FFFD for each byte that begins no character
        } else {
            append_control(out, byte);
        }
        text.remove_prefix(1);
    }
}

void append_string(std::string& out, std::string_view text) {
    out.push_back('"');
    append_escaped(out, text);
    out.push_back('"');
}

void Writer::separate() {
    if (need_comma_) {
        out_.push_back(',');
    }
    need_comma_ = true;
}

Writer& Writer::begin_object() {
    separate();
    out_.push_back('{');
    need_comma_ = false;
    return *this;
}

Writer& Writer::end_object() {
    out_.push_back('}');
    need_comma_ = true;
    return *this;
}

Writer& Writer::begin_array() {
    separate();
    out_.push_back('[');
    need_comma_ = false;
    return *this;
}

Writer& Writer::end_array() {
    out_.push_back(']');
    need_comma_ = true;
    return *this;
}

Writer& Writer::key(std::string_view name) {
    separate();
    append_string(out_, name);
    out_.push_back(':');
    need_comma_ = false;
    return *this;
}

Writer& Writer::string(std::string_view text) {
    separate();
    append_string(out_, text);
    return *this;
}

Writer& Writer::raw(std::string_view json) {
    separate();
    out_.append(json);
    return *this;
}

Writer& Writer::integer(std::int64_t number) {
    separate();
    append_number(out_, number);
    return *this;
}

Writer& Writer::count(std::uint64_t number) {
    separate();
    append_number(out_, number);
    return *this;
}

Writer& Writer::boolean(bool flag) {
    return raw(flag ? "true" : "false");
}

Writer& Writer::null() {
    return raw("null");
}

}  // namespace tollgate::json
