#include "metrics/line.hpp"

#include "metrics/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace tollgate::metrics {
namespace {

/// Room that finish() needs: `,"truncated":true}` and a newline.
constexpr std::size_t kReserved = 24;

constexpr bool is_special(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\';
}

/// is_special() of any of eight bytes, by arithmetic on all of them at once.  Only "any or none" is
/// exact (a carry may mark the wrong byte), which is all that is asked.
constexpr bool any_special(std::uint64_t word) noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = kOnes * 0x80;
    const auto any_zero = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes; };
    const std::uint64_t control = (word - kOnes * 0x20) & ~word;
    const std::uint64_t not_ascii = word | (word + kOnes);  // DEL becomes 0x80
    return ((control | not_ascii | any_zero(word ^ (kOnes * '"')) |
             any_zero(word ^ (kOnes * '\\'))) &
            kHighs) != 0;
}

bool is_plain(std::string_view text) noexcept {
    std::uint64_t word = 0;
    for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
        std::memcpy(&word, text.data(), sizeof word);
        if (any_special(word)) {
            return false;
        }
    }
    return std::ranges::none_of(text, is_special);
}

/// Characters above ASCII that a terminal or a viewer acts on instead of showing: C1 controls,
/// zero-width and direction marks, line and paragraph separators, byte order mark.
constexpr bool is_unsafe(std::uint32_t c) noexcept {
    return (c >= 0x80 && c <= 0x9F) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

/// The first `limit` bytes without half a character at the end.
std::string_view cut(std::string_view text, std::size_t limit) noexcept {
    std::size_t end = limit;
    // A UTF-8 character has at most three continuation bytes.
    for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U;
         ++i) {
        --end;
    }
    return text.substr(0, end);
}

}  // namespace

LineWriter::LineWriter(std::span<char> memory, LogFormat format) noexcept
    : start_(memory.data()),
      at_(memory.data()),
      limit_(memory.data() + memory.size() - kReserved),
      format_(format) {}

void LineWriter::raw(std::string_view text) noexcept {
    if (static_cast<std::size_t>(limit_ - at_) < text.size()) {
        overflowed_ = true;
        return;
    }
    at_ = std::ranges::copy(text, at_).out;
}

bool LineWriter::begin_field(std::string_view name) noexcept {
    if (truncated_) {
        return false;
    }
    field_ = at_;
    if (static_cast<std::size_t>(limit_ - at_) < name.size() + 4) {
        overflowed_ = true;
        end_field();
        return false;
    }
    if (format_ == LogFormat::json) {
        *at_ = at_ == start_ ? '{' : ',';
        at_[1] = '"';
        at_ = std::ranges::copy(name, at_ + 2).out;
        *at_++ = '"';
        *at_++ = ':';
        return true;
    }
    if (at_ != start_) {
        *at_++ = ' ';
    }
    at_ = std::ranges::copy(name, at_).out;
    *at_++ = '=';
    return true;
}

void LineWriter::end_field() noexcept {
    if (overflowed_) {
        at_ = field_;
        overflowed_ = false;
        truncated_ = true;
    }
}

void LineWriter::text(std::string_view name, std::string_view value, std::size_t limit) noexcept {
    if (begin_field(name)) {
        quoted(value, limit);
        end_field();
    }
}

void LineWriter::quoted(std::string_view value, std::size_t limit) noexcept {
    const bool is_cut = value.size() > limit;
    if (is_cut) {
        value = cut(value, limit);
    }
    const bool plain = is_plain(value);
    const auto needs_quotes = [](char c) { return c == ' ' || c == '='; };
    if (format_ == LogFormat::text && plain && !value.empty() &&
        std::ranges::none_of(value, needs_quotes)) {
        raw(value);
        raw(is_cut ? "..." : "");
        return;
    }
    raw("\"");
    if (plain) {
        raw(value);
    } else {
        escaped(value);
    }
    raw(is_cut ? "...\"" : "\"");
}

void LineWriter::escaped(std::string_view value) noexcept {
    while (!value.empty() && !overflowed_) {
        const auto plain_end = std::ranges::find_if(value, is_special);
        const auto plain = static_cast<std::size_t>(plain_end - value.begin());
        raw(value.substr(0, plain));
        value.remove_prefix(plain);
        if (value.empty()) {
            return;
        }
        const CodePoint point = decode_utf8(value);
        if (point.length == 0) {
            raw("\xEF\xBF\xBD");  // U+FFFD
            value.remove_prefix(1);
            continue;
        }
        switch (point.value) {
            case '"':
                raw("\\\"");
                break;
            case '\\':
                raw("\\\\");
                break;
            case '\n':
                raw("\\n");
                break;
            case '\r':
                raw("\\r");
                break;
            case '\t':
                raw("\\t");
                break;
            default:
                if (point.value < 0x20 || point.value == 0x7F || is_unsafe(point.value)) {
                    code_unit(point.value);
                } else {
                    raw(value.substr(0, point.length));
                }
        }
        value.remove_prefix(point.length);
    }
}

void LineWriter::code_unit(std::uint32_t value) noexcept {
    constexpr std::string_view kHex = "0123456789abcdef";
    const std::array<char, 6> text{'\\',
                                   'u',
                                   kHex[value >> 12U & 0xFU],
                                   kHex[value >> 8U & 0xFU],
                                   kHex[value >> 4U & 0xFU],
                                   kHex[value & 0xFU]};
    raw({text.data(), text.size()});
}

template <class Number>
void LineWriter::digits(Number value) noexcept {
    const auto [end, error] = std::to_chars(at_, limit_, value);
    if (error != std::errc{}) {
        overflowed_ = true;
        return;
    }
    at_ = end;
}

void LineWriter::number(std::string_view name, std::uint64_t value) noexcept {
    if (begin_field(name)) {
        digits(value);
        end_field();
    }
}

void LineWriter::number(std::string_view name, std::int64_t value) noexcept {
    if (begin_field(name)) {
        digits(value);
        end_field();
    }
}

void LineWriter::number(std::string_view name, double value) noexcept {
    if (begin_field(name)) {
        if (std::isfinite(value)) {
            digits(value);
        } else {
            raw("null");
        }
        end_field();
    }
}

void LineWriter::thousandths(std::string_view name, std::uint64_t value) noexcept {
    if (begin_field(name)) {
        const auto rest = static_cast<unsigned>(value % 1000);
        const std::array<char, 4> decimals{'.', static_cast<char>('0' + rest / 100),
                                           static_cast<char>('0' + rest / 10 % 10),
                                           static_cast<char>('0' + rest % 10)};
        digits(value / 1000);
        raw({decimals.data(), decimals.size()});
        end_field();
    }
}

void LineWriter::boolean(std::string_view name, bool value) noexcept {
    if (begin_field(name)) {
        raw(value ? "true" : "false");
        end_field();
    }
}

std::size_t LineWriter::finish() noexcept {
    limit_ += kReserved;
    const bool is_empty = at_ == start_;
    if (format_ == LogFormat::json) {
        if (truncated_) {
            raw(is_empty ? "{\"truncated\":true" : ",\"truncated\":true");
        } else if (is_empty) {
            raw("{");
        }
        raw("}\n");
    } else {
        if (truncated_) {
            raw(is_empty ? "truncated=true" : " truncated=true");
        }
        raw("\n");
    }
    return static_cast<std::size_t>(at_ - start_);
}

}  // namespace tollgate::metrics
