#include "router/auto/features.hpp"

#include "router/auto/lexicon.hpp"

#include <algorithm>

namespace tollgate::router {
namespace {

using Text = std::span<const char32_t>;

/// What a hash stands for; goes into it first.
enum class Seed : std::uint32_t {
    word = 0x9e3779b1U,
    pair = 0x85ebca77U,
    chars = 0xc2b2ae3dU,
    opening = 0x27d4eb2fU,  ///< the first words of the prompt
    begin = 0x165667b1U,    ///< a word among the first
    end = 0x7feb352dU,      ///< a word among the last
    close = 0x2c1b3c6dU,    ///< the last words
    run = 0x297a2d39U,      ///< two to four characters of a script that does not part words
};

constexpr std::uint32_t mix(std::uint32_t hash) noexcept {
    // The finaliser of MurmurHash3 (https://github.com/aappleby/smhasher).
    hash ^= hash >> 16U;
    hash *= 0x85ebca6bU;
    hash ^= hash >> 13U;
    hash *= 0xc2b2ae35U;
    return hash ^ (hash >> 16U);
}
constexpr std::uint32_t join(std::uint32_t hash, std::uint32_t next) noexcept {
    return (hash ^ next) * 0x01000193U + 0x9e3779b9U;
}
constexpr std::uint32_t seeded(Seed seed, std::uint32_t hash) noexcept {
    return mix(join(static_cast<std::uint32_t>(seed), hash));
}

struct Token {
    std::uint32_t hash = 0;
    std::uint64_t groups = 0;
    bool is_word = false;  ///< and no sign
};

constexpr std::size_t kEnds = 14;    // words at either end that may be the instruction
constexpr std::size_t kOpening = 3;  // words whose order is looked at
constexpr std::size_t kTokens = Sample::kHead + Sample::kTail + 2;
constexpr std::size_t kLongestWord = 24;

/// Cuts a stretch of text into words and signs, and hashes what is in them.
class WordReader {
public:
    explicit WordReader(Features& out) noexcept : out_(out) {}

    void read(Text text) noexcept {
        previous_ = {};
        for (std::size_t i = 0; i < text.size();) {
            const Glyph glyph = glyph_of(text[i]);
            std::size_t end = i + 1;
            switch (glyph) {
                case Glyph::letter:
                    while (end < text.size() &&
                           (glyph_of(text[end]) == Glyph::letter || joins_word(text, end))) {
                        ++end;
                    }
                    word(text.subspan(i, end - i));
                    break;
                case Glyph::digit:
                    while (end < text.size() && glyph_of(text[end]) == Glyph::digit) {
                        ++end;
                    }
                    number(end - i);
                    break;
                case Glyph::ideo:
                    ideo(text.subspan(i), i > 0 && glyph_of(text[i - 1]) == Glyph::ideo);
                    break;
                case Glyph::symbol:
                case Glyph::newline:
                    while (end < text.size() && text[end] == text[i]) {
                        ++end;
                    }
                    sign(text[i]);
                    break;
                case Glyph::space:
                    break;
            }
            i = end;
        }
    }
    /// Of the head and tail, in order.
    [[nodiscard]] std::span<const Token> tokens() const noexcept {
        return {tokens_.data(), count_};
    }
    [[nodiscard]] std::uint64_t groups() const noexcept { return groups_; }

private:
    /// An apostrophe or hyphen between letters.
    static bool joins_word(Text text, std::size_t i) noexcept {
        return (text[i] == '\'' || text[i] == '-') && i + 1 < text.size() &&
               glyph_of(text[i + 1]) == Glyph::letter && glyph_of(text[i - 1]) == Glyph::letter;
    }
    void add(const Token& token, Text text) noexcept {
        out_.add_word(seeded(Seed::word, token.hash));
        if (previous_.hash != 0) {
            out_.add_word(seeded(Seed::pair, join(previous_.hash, token.hash)));
        }
        if (count_ < kTokens) {
            tokens_[count_++] = token;
        }
        groups_ |= token.groups;
        previous_ = token;
        previous_text_ = text;
    }
    void word(Text text) noexcept {
        const Text kept = text.first(std::min(text.size(), kLongestWord));
        std::uint32_t hash = 0;
        for (const char32_t point : kept) {
            hash = join(hash, static_cast<std::uint32_t>(point));
        }
        Token token{.hash = mix(hash), .groups = lexicon::of_word(kept), .is_word = true};
        if (previous_.is_word) {
            token.groups |= lexicon::of_pair(previous_text_, kept);
        }
        add(token, kept);
        characters(kept);
    }
    /// Three to five characters, with the word's ends as characters; shorter in hangul, whose
    /// characters are syllables.
    void characters(Text text) noexcept {
        const bool syllables = text[0] >= 0xac00 && text[0] <= 0xd7a3;
        const std::size_t least = syllables ? 2 : 3;
        const std::size_t most = syllables ? 3 : 5;
        std::array<std::uint32_t, kLongestWord + 2> padded;
        std::size_t size = 0;
        padded[size++] = '<';
        for (const char32_t point : text) {
            padded[size++] = static_cast<std::uint32_t>(point);
        }
        padded[size++] = '>';
        for (std::size_t i = 0; i < size; ++i) {
            std::uint32_t hash = 0;
            for (std::size_t n = 0; n < most && i + n < size; ++n) {
                hash = join(hash, padded[i + n]);
                if (n + 1 >= least && n + 1 < size) {
                    out_.add_word(seeded(Seed::chars, hash));
                }
            }
        }
    }
    void number(std::size_t digits) noexcept {
        add({.hash = mix(static_cast<std::uint32_t>(std::min<std::size_t>(digits, 5)))}, {});
    }
    void sign(char32_t point) noexcept {
        add({.hash = mix(join(1, static_cast<std::uint32_t>(point)))}, {});
    }
    void ideo(Text text, bool continues) noexcept {
        Token token{.hash = mix(join(2, static_cast<std::uint32_t>(text[0]))),
                    .groups = lexicon::of_run(text)};
        const Token before = continues ? previous_ : Token{};
        previous_ = before;  // a pair of characters is a run of two, unless something parts them
        add(token, {});
        std::uint32_t hash = static_cast<std::uint32_t>(text[0]);
        for (std::size_t n = 1; n < 4 && n < text.size() && glyph_of(text[n]) == Glyph::ideo; ++n) {
            hash = join(hash, static_cast<std::uint32_t>(text[n]));
            if (n > 1) {
                out_.add_word(seeded(Seed::run, hash));
            }
        }
    }

    Features& out_;
    std::array<Token, kTokens> tokens_;
    std::size_t count_ = 0;
    std::uint64_t groups_ = 0;
    Token previous_;
    Text previous_text_;
};

void add_ends(std::span<const Token> tokens, Features& out) noexcept {
    std::uint32_t opening = 0;
    for (std::size_t i = 0; i < std::min(tokens.size(), kEnds); ++i) {
        out.add_word(seeded(Seed::begin, tokens[i].hash));
        if (i < kOpening) {
            opening = join(opening, tokens[i].hash);
            out.add_word(seeded(Seed::opening, opening));
        }
    }
    std::uint32_t close = 0;
    for (std::size_t i = 0; i < std::min(tokens.size(), kEnds); ++i) {
        const Token& token = tokens[tokens.size() - 1 - i];
        out.add_word(seeded(Seed::end, token.hash));
        if (i < kOpening) {
            close = join(close, token.hash);
            out.add_word(seeded(Seed::close, close));
        }
    }
}

std::uint64_t groups_of(std::span<const Token> tokens) noexcept {
    std::uint64_t groups = 0;
    for (const Token& token : tokens) {
        groups |= token.groups;
    }
    return groups;
}

void count_languages(std::span<const Token> tokens, Features& out) noexcept {
    constexpr std::uint16_t kAtEnds = 3;  // a quoted text may be of another language than the wish
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const bool is_end = i < kEnds || i + kEnds >= tokens.size();
        std::uint64_t languages = tokens[i].groups >> lexicon::kFirstLanguage;
        for (std::size_t l = 0; languages != 0; ++l, languages >>= 1U) {
            out.languages[l] =
                static_cast<std::uint16_t>(out.languages[l] + ((languages & 1U) == 0 ? 0
                                                               : is_end              ? kAtEnds
                                                                                     : 1));
        }
    }
}

/// One shape per group, from `first` on.
void add_groups(std::uint64_t groups, std::size_t first, Features& out) noexcept {
    for (std::size_t i = 0; i < lexicon::kGroups; ++i) {
        if (((groups >> i) & 1U) != 0) {
            out.add_shape(first + i);
        }
    }
}

constexpr std::size_t kPlaces = 6;  // places in which a group may stand

}  // namespace

void add_words(const Sample& sample, Features& out) noexcept {
    WordReader reader(out);
    reader.read(sample.head());
    const std::uint64_t in_head = reader.groups();
    if (!sample.tail().empty()) {
        reader.read(sample.tail());
    }
    const std::span<const Token> tokens = reader.tokens();
    add_ends(tokens, out);
    count_languages(tokens, out);
    const std::size_t ends = std::min(tokens.size(), kEnds);
    const std::uint64_t first = groups_of(tokens.first(ends));
    const std::uint64_t last = groups_of(tokens.last(ends));
    constexpr std::size_t kStep = lexicon::kGroups;
    add_groups(first, 0, out);
    add_groups(last, kStep, out);
    add_groups(in_head | reader.groups(), 2 * kStep, out);
    add_groups(groups_of(tokens.first(std::min<std::size_t>(tokens.size(), 2))), 3 * kStep, out);
    // What an instruction asks for depends on whether a text comes with it.
    const bool is_long = sample.body().size() > 400;
    add_groups(first | last, (is_long ? 4 : 5) * kStep, out);
}

void add_features(const Structure& structure, const Sample& sample, const PromptOutline& outline,
                  Features& out) noexcept {
    add_words(sample, out);
    const std::size_t next =
        add_structure(structure, sample, outline, kPlaces * lexicon::kGroups, out);
    out.add_shape(next);  // always there: the bias
}

}  // namespace tollgate::router
