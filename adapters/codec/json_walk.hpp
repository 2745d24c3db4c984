// One pass over a JSON text that checks all of its syntax and reports its parts, without building
// anything. Used by json.cpp (which builds a tree from the parts) and by Request::peek (which keeps
// only the top level).
#pragma once

#include "adapters/codec/json.hpp"

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::json {

/// A syntax error.  An empty `what` means that there is none.
struct Fault {
    std::string_view what = {};  ///< "a comma or } is missing"; static text
    std::size_t offset = 0;
    [[nodiscard]] explicit operator bool() const noexcept { return !what.empty(); }
    /// "JSON: <what> at byte <offset>".
    [[nodiscard]] std::string sentence() const;
};

/// Deepest nesting that any configuration can allow; the walk's stack has this size.
inline constexpr std::size_t kDepthCeiling = 1024;
inline constexpr std::string_view kBadEscape = "an unknown escape inside a string";
inline constexpr std::string_view kTooDeep = "arrays and objects are nested deeper than the limit";

/// Offsets at which tokens begin, in order: the structural characters, the opening quotes, and the
/// first byte of everything else that is not white space.  The view lives until the next call on
/// this thread.  Checks UTF-8 everywhere, and that strings are closed and hold no bare control
/// characters.  Nothing after the text's end is read.
[[nodiscard]] Fault index_tokens(std::string_view text, std::span<const std::uint32_t>& tokens);

/// Where the number that begins at `begin` ends; npos when it is not a JSON number.
[[nodiscard]] std::size_t number_end(std::string_view text, std::size_t begin) noexcept;

/// Checks every backslash of a text whose tokens have been walked (so that they can only stand
/// inside strings).
[[nodiscard]] Fault check_escapes(std::string_view text) noexcept;

/// Appends the unescaped form of `inner` (a string without its quotes).  Lone surrogates become
/// U+FFFD. Returns the offset of a bad escape in `inner`, or npos.
[[nodiscard]] std::size_t unescape(std::string_view inner, std::string& out);

/// Walks the tokens and calls, in source order,
///   Fault open(Kind array_or_object, begin)        void close(end)
///   Fault key(begin, end)  (quotes included)       Fault scalar(Kind, begin, end)
/// All is inlined into one loop.  What it leaves to others: escapes inside strings (check_escapes
/// or unescape).
template <class Handler>
class Walker {
public:
    Walker(std::string_view text, std::span<const std::uint32_t> tokens, std::size_t depth_limit,
           Handler& handler)
        : text_(text),
          tokens_(tokens),
          limit_(depth_limit < kDepthCeiling ? depth_limit : kDepthCeiling),
          handler_(handler) {}

    [[nodiscard]] Fault run() {
        Step step = Step::value;
        while (step != Step::done) {
            switch (step) {
                case Step::value:
                    step = value();
                    break;
                case Step::member:
                    step = member();
                    break;
                case Step::after:
                    step = after();
                    break;
                case Step::failed:
                    return fault_;
                case Step::done:
                    break;
            }
        }
        return {};
    }

private:
    enum class Step : std::uint8_t { value, member, after, done, failed };

    [[nodiscard]] char peek() const noexcept {
        return next_ < tokens_.size() ? text_[tokens_[next_]] : '\0';
    }
    [[nodiscard]] std::size_t offset() const noexcept {
        return next_ < tokens_.size() ? tokens_[next_] : text_.size();
    }
    Step fail(std::string_view what, std::size_t where) {
        fault_ = {.what = what, .offset = where};
        return Step::failed;
    }
    Step check(const Fault& fault, Step then) {
        if (fault) [[unlikely]] {
            fault_ = fault;
            return Step::failed;
        }
        return then;
    }

    /// End (after the closing quote) of the string whose opening quote is the current token: only
    /// white space can stand between the closing quote and the next token.
    [[nodiscard]] std::size_t string_end() const noexcept {
        std::size_t end = next_ + 1 < tokens_.size() ? tokens_[next_ + 1] : text_.size();
        while (text_[end - 1] != '"') {
            --end;
        }
        return end;
    }

    Step value() {
        const std::size_t begin = offset();
        switch (peek()) {
            case '{':
                return open(Kind::object, '}', Step::member);
            case '[':
                return open(Kind::array, ']', Step::value);
            case '"': {
                const std::size_t end = string_end();
                ++next_;
                return check(handler_.scalar(Kind::string, begin, end), Step::after);
            }
            case 't':
                return literal("true", Kind::boolean);
            case 'f':
                return literal("false", Kind::boolean);
            case 'n':
                return literal("null", Kind::null);
            case '-':
            case '0':
            case '1':
            case '2':
            case '3':
            case '4':
            case '5':
            case '6':
            case '7':
            case '8':
            case '9': {
                const std::size_t end = number_end(text_, begin);
                if (end == std::string_view::npos || !delimited(end)) {
                    return fail("malformed number", begin);
                }
                ++next_;
                return check(handler_.scalar(Kind::number, begin, end), Step::after);
            }
            default:
                return fail(begin == text_.size() ? "the text ends where a value should stand"
                                                  : "a value should stand here",
                            begin);
        }
    }

    Step open(Kind kind, char closing, Step then) {
        if (depth_ == limit_) {
            return fail(kTooDeep, offset());
        }
        if (const Fault fault = handler_.open(kind, offset())) {
            return check(fault, Step::failed);
        }
        ++next_;
        if (peek() == closing) {
            handler_.close(offset() + 1);
            ++next_;
            return Step::after;
        }
        objects_[depth_++] = kind == Kind::object;
        return then;
    }

    Step member() {
        if (peek() != '"') {
            return fail("a member name in quotes should stand here", offset());
        }
        const std::size_t begin = offset();
        const std::size_t end = string_end();
        ++next_;
        if (peek() != ':') {
            return fail("a colon should stand here", offset());
        }
        ++next_;
        return check(handler_.key(begin, end), Step::value);
    }

    Step after() {
        if (depth_ == 0) {
            return next_ == tokens_.size()
                       ? Step::done
                       : fail("something follows the end of the value", offset());
        }
        const bool in_object = objects_[depth_ - 1];
        const char c = peek();
        if (c == ',') {
            ++next_;
            return in_object ? Step::member : Step::value;
        }
        if (c == (in_object ? '}' : ']')) {
            handler_.close(offset() + 1);
            ++next_;
            --depth_;
            return Step::after;
        }
        return fail(in_object ? "a comma or } should stand here" : "a comma or ] should stand here",
                    offset());
    }

    Step literal(std::string_view word, Kind kind) {
        const std::size_t begin = offset();
        const std::size_t end = begin + word.size();
        if (end > text_.size() ||
            std::memcmp(text_.data() + begin, word.data(), word.size()) != 0 || !delimited(end)) {
            return fail("unknown word; only true, false and null may stand without quotes", begin);
        }
        ++next_;
        return check(handler_.scalar(kind, begin, end), Step::after);
    }

    [[nodiscard]] bool delimited(std::size_t end) const noexcept {
        if (end == text_.size()) {
            return true;
        }
        switch (text_[end]) {
            case ' ':
            case '\t':
            case '\n':
            case '\r':
            case ',':
            case ']':
            case '}':
            case ':':
            case '{':
            case '[':
                return true;
            default:
                return false;
        }
    }

    std::string_view text_;
    std::span<const std::uint32_t> tokens_;
    std::size_t next_ = 0;
    std::size_t depth_ = 0;
    std::size_t limit_;
    Handler& handler_;
    Fault fault_;
    bool objects_[kDepthCeiling];  // written before read; zeroing it would cost more than a small
                                   // body's walk
};

}  // namespace tollgate::json
