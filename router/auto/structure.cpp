#include "router/auto/structure.hpp"

#include "router/auto/features.hpp"

#include <algorithm>
#include <initializer_list>

namespace tollgate::router {
namespace {

using Text = std::span<const char32_t>;

constexpr bool is_one_of(char32_t c, std::u32string_view set) noexcept {
    return set.find(c) != std::u32string_view::npos;
}
char32_t at(Text text, std::size_t i) noexcept {
    return i < text.size() ? text[i] : U'\0';
}
bool is_letter(char32_t c) noexcept {
    return glyph_of(c) == Glyph::letter;
}
constexpr bool is_digit(char32_t c) noexcept {
    return c >= '0' && c <= '9';
}

/// Counts what one line is.
class LineReader {
public:
    explicit LineReader(Structure& out) noexcept : out_(out) {}

    void read(Text line) noexcept {
        std::size_t begin = 0;
        while (begin < line.size() && is_one_of(line[begin], U" \t\r")) {
            ++begin;
        }
        std::size_t end = line.size();
        while (end > begin && is_one_of(line[end - 1], U" \t\r")) {
            --end;
        }
        if (begin == end) {
            out_.paragraphs += had_text_ && !was_empty_ ? 1U : 0U;
            was_empty_ = true;
            return;
        }
        was_empty_ = false;
        const Text text = line.subspan(begin, end - begin);
        out_.longest_line = std::max(out_.longest_line, text.size());
        if (!had_text_) {
            out_.first_line = text.size();
            out_.first = text.front();
        }
        had_text_ = true;
        out_.last_line = text.size();
        out_.last = text.back();
        out_.indented += begin >= 2 ? 1U : 0U;
        read_ends(text);
    }

private:
    void read_ends(Text text) noexcept {
        const char32_t first = text.front();
        const char32_t last = text.back();
        const char32_t second = at(text, 1);
        out_.colons += last == ':' || last == U'：' ? 1U : 0U;
        out_.brace_ends += is_one_of(last, U"{};") || (last == ':' && text.size() > 1 &&
                                                       at(text, text.size() - 2) == ')')
                               ? 1U
                               : 0U;
        out_.bullets += is_one_of(first, U"-*•·–") && (second == ' ' || first == U'•') ? 1U : 0U;
        std::size_t i = 0;
        while (i < text.size() && is_digit(text[i])) {
            ++i;
        }
        out_.numbered += i > 0 && i < 3 && is_one_of(at(text, i), U".)、") ? 1U : 0U;
        i = 0;
        while (i < text.size() && i < 24 && (glyph_of(text[i]) <= Glyph::digit || text[i] == ' ')) {
            ++i;
        }
        out_.speakers += i > 0 && i < 24 && at(text, i) == ':' && i + 1 < text.size() ? 1U : 0U;
        const auto commas = static_cast<std::size_t>(std::ranges::count(text, U','));
        const auto spaces = static_cast<std::size_t>(std::ranges::count(text, U' '));
        out_.comma_lines += commas >= 2 && spaces <= 2 * commas ? 1U : 0U;
        out_.pipe_lines += std::ranges::count(text, U'|') >= 2 ? 1U : 0U;
    }

    Structure& out_;
    bool had_text_ = false;
    bool was_empty_ = false;
};

/// Counts what single signs and their neighbours are.
class SignReader {
public:
    SignReader(Text text, Structure& out) noexcept : text_(text), out_(out) {}
    void read() noexcept {
        for (std::size_t i = 0; i < text_.size(); ++i) {
            const char32_t c = text_[i];
            switch (glyph_of(c)) {
                case Glyph::letter:
                case Glyph::ideo:
                    script(c);
                    break;
                case Glyph::digit:
                    ++out_.digits;
                    out_.numbers += i == 0 || !is_digit(text_[i - 1]) ? 1U : 0U;
                    break;
                case Glyph::symbol:
                    sign(c, i);
                    break;
                case Glyph::space:
                case Glyph::newline:
                    break;
            }
        }
    }

private:
    void script(char32_t c) noexcept {
        ++out_.letters;
        if (c < 0x250) {
            ++out_.latin;
        } else if (c >= 0x3041 && c <= 0x30ff) {
            ++out_.kana;
        } else if (c >= 0x3400 && glyph_of(c) == Glyph::ideo) {
            ++out_.han;
        } else if ((c >= 0xac00 && c <= 0xd7a3) || (c >= 0x1100 && c <= 0x11ff)) {
            ++out_.hangul;
        } else if (c >= 0x400 && c <= 0x52f) {
            ++out_.cyrillic;
        } else if (c >= 0x600 && c <= 0x6ff) {
            ++out_.arabic;
        } else if (c >= 0x900 && c <= 0x97f) {
            ++out_.devanagari;
        }
    }
    void sign(char32_t c, std::size_t i) noexcept {
        const char32_t before = i > 0 ? text_[i - 1] : U'\n';
        const char32_t after = at(text_, i + 1);
        out_.code_signs += is_one_of(c, U"{}()[];=<>_#&|") ? 1U : 0U;
        out_.math_signs += (c >= 0x2200 && c <= 0x22ff) || is_one_of(c, U"×÷^√π²³") ? 1U : 0U;
        out_.emoji += c >= 0x1f000 ? 1U : 0U;
        switch (c) {
            case '?':
                ++out_.questions;
                break;
            case '!':
                ++out_.exclamations;
                break;
            case '\\':
                out_.latex += is_letter(after) || is_one_of(after, U"([") ? 1U : 0U;
                break;
            case '$':
            case U'€':
            case U'£':
            case U'¥':
            case U'₹':
                out_.dollars += c == '$' ? 1U : 0U;
                out_.prices += is_digit(after) || is_digit(before) ? 1U : 0U;
                break;
            case '%':
                out_.percents += is_digit(before) ? 1U : 0U;
                break;
            case '`':
                out_.backticks += 1;
                out_.fences += after == '`' && at(text_, i + 2) == '`' && before != '`' ? 1U : 0U;
                break;
            case '"':
            case '\'':
                quote(c, i, before, after);
                break;
            case '>':
                out_.arrows += before == '-' || before == '=' ? 1U : 0U;
                out_.prompts += after == '>' && at(text_, i + 2) == '>' ? 1U : 0U;
                break;
            case '<':
                out_.tags += is_letter(after) || after == '/' ? 1U : 0U;
                break;
            case ':':
                out_.times += is_digit(before) && is_digit(after) ? 1U : 0U;
                out_.links += after == '/' && at(text_, i + 2) == '/' ? 1U : 0U;
                out_.keys += before == '"' ? 1U : 0U;
                break;
            case '@':
                out_.links += is_letter(before) && is_letter(after) ? 1U : 0U;
                break;
            case '/':
            case '.':
                out_.paths += is_letter(before) && is_letter(after) ? 1U : 0U;
                out_.blanks += c == '.' && before == '.' && after == '.' ? 1U : 0U;
                break;
            case '_':
                out_.blanks += before == '_' && after == '_' ? 1U : 0U;
                break;
            case ')':
            case U'、':
                break;
            default:
                break;
        }
        out_.equals += c == '=' ? 1U : 0U;
        const bool operates = is_one_of(c, U"+-*/=×÷^<>");
        out_.sums += operates && is_near_digit(i, -1) && is_near_digit(i, +1) ? 1U : 0U;
        option(c, i);
    }
    /// A digit, or a lone letter as in x + 2, beside the sign at `i`.
    [[nodiscard]] bool is_near_digit(std::size_t i, int side) const noexcept {
        const auto step = static_cast<std::size_t>(side);
        std::size_t near = i + step;
        if (at(text_, near) == ' ') {
            near += step;
        }
        const char32_t c = at(text_, near);
        return is_digit(c) || (is_letter(c) && !is_letter(at(text_, near + step)));
    }
    void quote(char32_t c, std::size_t i, char32_t before, char32_t after) noexcept {
        if (after == c && at(text_, i + 2) == c && before != c) {
            ++out_.triple_quotes;
        }
        if (c == '\'') {
            return;
        }
        ++out_.quotes;
        if (open_ != 0) {
            out_.quoted = std::max(out_.quoted, i - open_);
            open_ = 0;
        } else {
            open_ = i + 1;
        }
    }
    /// "B)", "b." or "(B)" after "A)" and so on.
    void option(char32_t c, std::size_t i) noexcept {
        if (!is_one_of(c, U").:、") || i == 0 || text_[i - 1] != U'a' + out_.options) {
            return;
        }
        const char32_t before = i >= 2 ? text_[i - 2] : U'\n';
        if (!is_one_of(before, U" \n(\t（")) {
            return;
        }
        ++out_.options;
        const char32_t outer = i >= 3 ? text_[i - 3] : U'\n';
        out_.line_options += before == '\n' || (before != ' ' && outer == '\n') ? 1U : 0U;
    }

    Text text_;
    Structure& out_;
    std::size_t open_ = 0;
};

/// Numbers shapes one after the other, whether they are set or not.
class ShapeWriter {
public:
    ShapeWriter(std::size_t next, Features& out) noexcept : next_(next), out_(out) {}
    void flag(bool is_set) noexcept {
        if (is_set) {
            out_.add_shape(next_);
        }
        ++next_;
    }
    /// One shape for the step of `steps` that `value` has reached; none below the first.
    void level(std::size_t value, std::initializer_list<std::size_t> steps) noexcept {
        std::size_t reached = 0;
        for (const std::size_t step : steps) {
            reached += value >= step ? 1U : 0U;
        }
        if (reached > 0) {
            out_.add_shape(next_ + reached - 1);
        }
        next_ += steps.size();
    }
    [[nodiscard]] std::size_t next() const noexcept { return next_; }

private:
    std::size_t next_;
    Features& out_;
};

std::size_t per_mille(std::size_t part, std::size_t whole) noexcept {
    return part * 1000 / std::max<std::size_t>(whole, 1);
}

void add_sizes(ShapeWriter& out, const Structure& s, const Sample& sample) noexcept {
    const std::size_t size = std::max(s.size, sample.raw_bytes() > 3072 ? sample.raw_bytes() : 0);
    // A character of Chinese says about as much as three of English.
    const std::size_t said = size + 2 * (s.han + s.kana) + s.hangul;
    out.level(said, {1, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 20'000});
    out.level(s.newlines, {1, 2, 4, 8, 16, 40});
    out.level(s.paragraphs, {1, 2, 4, 8});
    out.level(s.longest_line, {1, 100, 300, 700});
    out.level(s.letters == 0 ? 0 : 1 + per_mille(sample.upper(), s.letters), {1, 11, 41, 101, 301});
    out.level(per_mille(s.digits, s.size), {1, 10, 30, 70, 150, 400});
    out.level(s.numbers, {1, 2, 3, 5, 9, 17});
    out.level(per_mille(s.code_signs, s.size), {1, 10, 25, 50, 90});
    out.flag(sample.starts_upper());
    const bool starts_short = s.first_line < 160 && s.size > s.first_line + 240;
    const bool ends_short = s.last_line < 200 && s.size > s.last_line + 240 && s.newlines > 0;
    out.flag(starts_short);
    out.flag(ends_short);
    out.flag(starts_short && s.longest_line > 300);
    out.flag(ends_short && s.longest_line > 300);
    out.flag(s.newlines == 0 && s.size > 400);
}

void add_signs(ShapeWriter& out, const Structure& s) noexcept {
    out.level(s.questions, {1, 2, 4});
    out.level(s.exclamations, {1, 2});
    out.level(s.math_signs, {1, 3, 8});
    out.level(s.latex, {1, 3, 8});
    out.flag(s.dollars >= 2 && s.prices == 0);
    out.flag(s.dollars >= 2 && s.latex > 0);
    out.level(s.prices, {1, 2, 4});
    out.level(s.percents, {1, 3});
    out.level(s.sums, {1, 2, 5});
    out.level(s.equals, {1, 3, 8});
    out.level(s.options, {2, 3, 4, 5});
    out.flag(s.line_options >= 3);
    out.level(s.numbered, {1, 3, 6});
    out.level(s.bullets, {1, 3, 8});
    out.level(s.speakers, {1, 2, 4, 8});
    out.level(s.indented, {1, 3, 10});
    out.level(s.brace_ends, {1, 3, 10});
    out.level(s.comma_lines, {1, 3, 6});
    out.level(s.pipe_lines, {1, 3});
    out.level(s.quoted, {1, 20, 60, 150, 400});
    out.level(s.quotes, {1, 3, 7});
    out.flag(s.fences > 0);
    out.flag(s.backticks > 0 && s.fences == 0);
    out.flag(s.triple_quotes > 0);
    out.level(s.arrows, {1, 2});
    out.flag(s.prompts > 0);
    out.level(s.tags, {1, 4});
    out.level(s.times, {1, 3});
    out.level(s.links, {1, 3});
    out.level(s.paths, {1, 3});
    out.level(s.blanks, {1, 3});
    out.level(s.colons, {1, 2, 4});
    out.flag(s.emoji > 0);
    out.level(s.keys, {1, 4});
}

void add_ends(ShapeWriter& out, const Structure& s) noexcept {
    out.flag(s.last == '?');
    out.flag(s.last == ':');
    out.flag(s.last == '.' || s.last == U'。');
    out.flag(s.last == '"');
    out.flag(s.last == ')');
    out.flag(s.last == '}' || s.last == ';');
    out.flag(s.last == '!');
    out.flag(s.last == '`');
    out.flag(s.last == '_');
    out.flag(is_letter(s.last));
    out.flag(is_digit(s.last));
    out.flag(s.first == '"');
    out.flag(s.first == '{' || s.first == '[' || s.first == '<');
    out.flag(s.first == '#');
    out.flag(is_digit(s.first));
}

}  // namespace

Structure structure_of(std::span<const char32_t> body) noexcept {
    Structure out;
    out.size = body.size();
    SignReader(body, out).read();
    LineReader lines(out);
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= body.size(); ++i) {
        if (i == body.size() || body[i] == '\n') {
            lines.read(body.subspan(begin, i - begin));
            begin = i + 1;
            out.newlines += i < body.size() ? 1U : 0U;
        }
    }
    return out;
}

std::size_t add_structure(const Structure& s, const Sample& sample, const PromptOutline& outline,
                          std::size_t first, Features& features) noexcept {
    ShapeWriter out(first, features);
    add_sizes(out, s, sample);
    add_signs(out, s);
    add_ends(out, s);
    const auto share = [&](std::size_t part) { return per_mille(part, s.letters); };
    for (const std::size_t part :
         {s.latin, s.han, s.kana, s.hangul, s.cyrillic, s.arabic, s.devanagari}) {
        out.level(share(part), {100, 600});
    }
    out.flag(outline.wants_json);
    out.flag(outline.user_turns > 1);
    // What a function looks like whose body is wanted, in the languages that write it so.
    out.flag(s.triple_quotes > 0 && s.indented > 0 && s.arrows > 0);
    out.flag(s.indented > 0 && s.brace_ends > 0);
    out.flag(s.options >= 3 && s.sums + s.math_signs + s.latex > 0);
    out.flag(s.options >= 3 && s.numbers <= 1);
    out.flag(s.options >= 3 && s.size > 700);
    out.flag(s.numbers >= 3 && s.questions > 0 && s.newlines == 0 && s.size < 600);
    out.flag(s.numbers == 0 && s.questions == 1 && s.newlines == 0 && s.size < 160);
    return out.next();
}

}  // namespace tollgate::router
