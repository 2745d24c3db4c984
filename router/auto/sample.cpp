#include "router/auto/sample.hpp"

#include <algorithm>
#include <string_view>

namespace tollgate::router {
namespace {

/// Code points of a string as it stands in JSON.  What is malformed comes out as some code point.
class CodePoints {
public:
    explicit CodePoints(std::string_view text) noexcept
        : at_(text.data()), end_(text.data() + text.size()) {}
    [[nodiscard]] bool more() const noexcept { return at_ < end_; }
    [[nodiscard]] char32_t next() noexcept {
        const auto byte = static_cast<unsigned char>(*at_++);
        if (byte == '\\' && more()) {
            return escaped();
        }
        if (byte < 0x80) {
            return byte;
        }
        const unsigned more_bytes = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
        char32_t point = byte & (0x3fU >> more_bytes);
        for (unsigned i = 0; i < more_bytes && more(); ++i) {
            point = (point << 6U) | (static_cast<unsigned char>(*at_++) & 0x3fU);
        }
        return point;
    }

private:
    [[nodiscard]] char32_t escaped() noexcept {
        const char c = *at_++;
        switch (c) {
            case 'n':
                return '\n';
            case 't':
                return '\t';
            case 'r':
                return '\r';
            case 'u':
                break;
            default:
                return static_cast<unsigned char>(c);
        }
        char32_t point = hex();
        if (point >= 0xd800 && point < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' &&
            at_[1] == 'u') {
            at_ += 2;
            point = 0x10000 + ((point - 0xd800) << 10U) + ((hex() - 0xdc00) & 0x3ffU);
        }
        return point;
    }
    [[nodiscard]] char32_t hex() noexcept {
        char32_t value = 0;
        for (int i = 0; i < 4 && more(); ++i) {
            const char c = *at_++;
            const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
            value = (value << 4U) | (static_cast<unsigned>(digit) & 15U);
        }
        return value;
    }

    const char* at_;
    const char* end_;
};

std::size_t bytes_of(const RawText& text) noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < text.count; ++i) {
        sum += text.pieces[i].size();
    }
    return sum;
}

/// About the last `bytes` of `text`, from the beginning of a code point or an escape.
std::string_view ending(std::string_view text, std::size_t bytes) noexcept {
    if (text.size() <= bytes) {
        return text;
    }
    std::size_t at = text.size() - bytes;
    // "\uXXXX" is the longest escape: behind six bytes without a backslash nothing is cut in two.
    const std::size_t clean = at + 6;
    while (at < clean && at < text.size() && text[at] != '\\') {
        ++at;
    }
    if (at < clean && at < text.size()) {
        std::size_t before = at;
        while (before > 0 && text[before - 1] == '\\') {
            --before;
        }
        return text.substr(at + (at - before) % 2);  // the second of a pair begins nothing
    }
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) {
        ++at;
    }
    return text.substr(at);
}

constexpr bool within(char32_t point, char32_t low, char32_t high) noexcept {
    return point >= low && point <= high;
}

}  // namespace

Glyph glyph_of(char32_t c) noexcept {
    if (c < 0x80) {
        if (within(c, 'a', 'z') || within(c, 'A', 'Z')) {
            return Glyph::letter;
        }
        if (within(c, '0', '9')) {
            return Glyph::digit;
        }
        if (c == '\n') {
            return Glyph::newline;
        }
        return c <= ' ' ? Glyph::space : Glyph::symbol;
    }
    // Thai to Khmer as well: their words are not parted either.
    if (within(c, 0xe01, 0xeff) || within(c, 0x1000, 0x109f) || within(c, 0x1780, 0x17ff) ||
        within(c, 0x3041, 0x30ff) || within(c, 0x3400, 0x4dbf) || within(c, 0x4e00, 0x9fff) ||
        within(c, 0xf900, 0xfaff) || within(c, 0x20000, 0x3ffff)) {
        return Glyph::ideo;
    }
    if (c == 0xa0 || c == 0x3000 || within(c, 0x2000, 0x200f)) {
        return Glyph::space;
    }
    if (within(c, 0x80, 0xbf) || c == 0xd7 || c == 0xf7 || within(c, 0x2010, 0x2bff) ||
        within(c, 0x3001, 0x303f) || within(c, 0xfe00, 0xfe6f) || within(c, 0xff00, 0xff65) ||
        c >= 0x1f000 || c == 0x964 || c == 0x61f || c == 0x60c) {
        return Glyph::symbol;
    }
    return Glyph::letter;
}

char32_t folded(char32_t c) noexcept {
    if (c < 0x80) {
        return within(c, 'A', 'Z') ? c + 32 : c;
    }
    if (within(c, 0xc0, 0xde) && c != 0xd7) {
        return c + 32;
    }
    if (within(c, 0x100, 0x17e)) {
        const bool odd_is_upper = within(c, 0x139, 0x148) || within(c, 0x179, 0x17e);
        return (c % 2 == 1) == odd_is_upper ? c + 1 : c;
    }
    if (within(c, 0x391, 0x3a9) || within(c, 0x410, 0x42f)) {
        return c + 32;
    }
    if (within(c, 0x400, 0x40f)) {
        return c + 80;
    }
    if (within(c, 0xff01, 0xff5e)) {
        return folded(c - 0xfee0);
    }
    switch (c) {
        case 0x2018:
        case 0x2019:
            return '\'';
        case 0x201c:
        case 0x201d:
            return '"';
        case 0x61f:
            return '?';
        default:
            return c;
    }
}

void Sample::add(char32_t point) noexcept {
    const char32_t lower = folded(point);
    if (lower != point && glyph_of(lower) == Glyph::letter) {
        ++upper_;
        starts_upper_ = starts_upper_ || size_ == 0;
    }
    body_[size_++] = lower;
}

void Sample::read(const RawText& text, std::size_t limit) noexcept {
    for (std::size_t i = 0; i < text.count && size_ < limit; ++i) {
        if (size_ > 0) {
            add('\n');
        }
        CodePoints points(text.pieces[i]);
        while (points.more() && size_ < limit) {
            add(points.next());
        }
    }
}

Sample::Sample(const PromptOutline& outline) noexcept {
    const RawText& text = outline.user.empty() ? outline.system : outline.user;
    raw_bytes_ = bytes_of(text);
    constexpr std::size_t kShort = 60;
    if (raw_bytes_ <= kShort && !outline.opening.empty()) {
        read(outline.opening, kHead);
    }
    const std::size_t limit = raw_bytes_ > body_.size() ? kBegin : body_.size();
    read(text, limit);
    if (limit == kBegin && size_ == limit) {
        // Six bytes a character is what an escaped one takes.
        const std::string_view end = ending(text.pieces[text.count - 1], std::size_t{6} * kEnd);
        std::array<char32_t, std::size_t{6} * kEnd> last;
        std::size_t count = 0;
        CodePoints points(end);
        while (points.more()) {
            last[count++] = points.next();
        }
        for (std::size_t i = count > kEnd ? count - kEnd : 0; i < count; ++i) {
            add(last[i]);
        }
    }
}

}  // namespace tollgate::router
