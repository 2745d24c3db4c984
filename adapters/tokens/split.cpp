#include "adapters/tokens/split.hpp"

#include "adapters/tokens/classes.hpp"

namespace tollgate::tokens {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool is_letter(CharClass kind) noexcept {
    return kind == CharClass::upper || kind == CharClass::lower || kind == CharClass::uncased;
}
bool is_space(CharClass kind) noexcept {
    return kind == CharClass::space || kind == CharClass::newline;
}
// What may lead a word: anything but a letter, a number or a newline.
bool is_prefix(CharClass kind) noexcept {
    return !is_letter(kind) && kind != CharClass::number && kind != CharClass::newline;
}
bool is_symbol(CharClass kind) noexcept {
    return !is_letter(kind) && kind != CharClass::number && !is_space(kind);
}
// o200k's two halves of a word; uncased letters and marks belong to both.
bool is_head(CharClass kind) noexcept {
    return kind == CharClass::upper || kind == CharClass::uncased || kind == CharClass::mark;
}
bool is_tail(CharClass kind) noexcept {
    return kind == CharClass::lower || kind == CharClass::uncased || kind == CharClass::mark;
}

/// One text and the patterns' common parts.
class Splitter {
public:
    explicit Splitter(std::string_view text) : text_(text) {}

    std::size_t cl100k(std::size_t at) const noexcept {
        if (const std::size_t end = contraction(at); end != at) {
            return end;
        }
        const Char first = char_at(text_, at);
        const std::size_t word = is_prefix(first.kind) ? at + first.size : at;
        if (const std::size_t end = run(word, is_letter); end != word) {
            return end;
        }
        return rest(at, first, "\r\n");
    }

    std::size_t o200k(std::size_t at) const noexcept {
        const Char first = char_at(text_, at);
        const bool prefixed = is_prefix(first.kind);
        for (const bool needs_tail : {true, false}) {
            if (prefixed) {
                if (const std::size_t end = word(at + first.size, needs_tail); end != kNone) {
                    return contraction(end);
                }
            }
            if (const std::size_t end = word(at, needs_tail); end != kNone) {
                return contraction(end);
            }
        }
        return rest(at, first, "\r\n/");
    }

private:
    template <typename Predicate>
    std::size_t run(std::size_t at, Predicate is_in) const noexcept {
        while (at < text_.size()) {
            const Char here = char_at(text_, at);
            if (!is_in(here.kind)) {
                break;
            }
            at += here.size;
        }
        return at;
    }

    /// Heads, then tails: at least one tail when it is needed, else at least one head.
    std::size_t word(std::size_t at, bool needs_tail) const noexcept {
        std::size_t heads = at;
        std::size_t after_shared = kNone;  // behind the last letter that may be head or tail
        while (heads < text_.size()) {
            const Char here = char_at(text_, heads);
            if (!is_head(here.kind)) {
                break;
            }
            heads += here.size;
            after_shared = is_tail(here.kind) ? heads : after_shared;
        }
        const std::size_t end = run(heads, is_tail);
        if (!needs_tail) {
            return heads != at ? end : kNone;
        }
        return end != heads ? end : after_shared;
    }

    /// Behind 's, 't, 're, 've, 'm, 'll or 'd in either case; `at` where there is none.
    std::size_t contraction(std::size_t at) const noexcept {
        const auto letter = [this, at](std::size_t i) {
            return at + i < text_.size() ? static_cast<char>(text_[at + i] | 0x20) : '\0';
        };
        if (at >= text_.size() || text_[at] != '\'') {
            return at;
        }
        const char one = letter(1);
        if (one == 's' || one == 't' || one == 'm' || one == 'd') {
            return at + 2;
        }
        const char two = letter(2);
        const bool is_pair =
            ((one == 'r' || one == 'v') && two == 'e') || (one == 'l' && two == 'l');
        return is_pair ? at + 3 : at;
    }

    /// Numbers, symbols and white space, which both encodings cut alike.
    std::size_t rest(std::size_t at, Char first, std::string_view after_symbols) const noexcept {
        if (first.kind == CharClass::number) {
            std::size_t end = at;
            for (int digits = 0; digits < 3 && end < text_.size(); ++digits) {
                const Char here = char_at(text_, end);
                if (here.kind != CharClass::number) {
                    break;
                }
                end += here.size;
            }
            return end;
        }
        const std::size_t symbols = text_[at] == ' ' ? at + 1 : at;
        if (std::size_t end = run(symbols, is_symbol); end != symbols) {
            while (end < text_.size() && after_symbols.find(text_[end]) != kNone) {
                ++end;
            }
            return end;
        }
        return white_space(at);
    }

    /// Up to the last newline of the run; else all of it but the last character, which leads the
    /// next word.
    std::size_t white_space(std::size_t at) const noexcept {
        std::size_t end = at;
        std::size_t last = at;
        std::size_t newline = kNone;
        while (end < text_.size()) {
            const Char here = char_at(text_, end);
            if (!is_space(here.kind)) {
                break;
            }
            last = end;
            end += here.size;
            newline = here.kind == CharClass::newline ? end : newline;
        }
        if (newline != kNone) {
            return newline;
        }
        return end < text_.size() && last != at ? last : end;
    }

    std::string_view text_;
};

}  // namespace

std::size_t piece_end(EncodingName encoding, std::string_view text, std::size_t at) noexcept {
    const Splitter splitter(text);
    return encoding == EncodingName::cl100k ? splitter.cl100k(at) : splitter.o200k(at);
}

}  // namespace tollgate::tokens
