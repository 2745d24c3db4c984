#include "router/auto/features.hpp"

#include <algorithm>
#include <string_view>

namespace tollgate::router {
namespace {

using Text = std::span<const char32_t>;

/// A script's letters, and what language they mean.
struct Script {
    std::size_t letters = 0;
    Language language = Language::other;
};

/// Letters that only one of our languages has decide where its words are few.
Language by_letters(Text text) noexcept {
    for (const char32_t c : text) {
        switch (c) {
            case U'ñ':
            case U'¿':
            case U'¡':
                return Language::es;
            case U'ã':
            case U'õ':
                return Language::pt;
            case U'ß':
            case U'ä':
            case U'ü':
                return Language::de;
            case U'ê':
            case U'ç':
            case U'œ':
                return Language::fr;
            case U'ì':
            case U'ò':
                return Language::it;
            default:
                break;
        }
        if ((c >= 0x100 && c <= 0x17f && c != U'œ') || (c >= 0x1ea0 && c <= 0x1ef9)) {
            return Language::other;
        }
    }
    return Language::en;
}

Language latin(const Sample& sample, const Features& features) noexcept {
    const auto* const most = std::ranges::max_element(features.languages);
    if (*most == 0) {
        return by_letters(sample.body());
    }
    const auto index = static_cast<std::size_t>(most - features.languages.begin());
    const Language by_words = lexicon::kLatinLanguages[index];
    // "a" and "o" are words of many languages, and a foreign name has foreign letters.
    const Language by_signs = by_letters(sample.body());
    const auto* const same = std::ranges::find(lexicon::kLatinLanguages, by_signs);
    const std::size_t signs = static_cast<std::size_t>(same - lexicon::kLatinLanguages.begin());
    const bool nearly = features.languages[signs] * 4 >= *most * 3;
    return nearly && by_signs != Language::en ? by_signs : by_words;
}

/// Languages that share a script with one of ours are known by letters that ours lacks: Ukrainian,
/// Kazakh; Persian, Urdu.
bool has_foreign_letters(Text text, Language language) noexcept {
    constexpr std::u32string_view kNotRussian = U"іїєґўәғқңөұүһђћџљњ";
    constexpr std::u32string_view kNotArabic = U"پچژگکیٹڈڑںے";
    const std::u32string_view letters = language == Language::ru   ? kNotRussian
                                        : language == Language::ar ? kNotArabic
                                                                   : std::u32string_view();
    return !letters.empty() &&
           std::ranges::any_of(text, [&](char32_t c) { return c >= 0x400 && letters.contains(c); });
}

/// The first letter alone: whoever writes a wish rarely begins in another script.
Structure first_letter(Text body) noexcept {
    const auto at = std::ranges::find_if(body, [](char32_t c) {
        const Glyph glyph = glyph_of(c);
        return glyph == Glyph::letter || glyph == Glyph::ideo;
    });
    return structure_of(at == body.end() ? Text() : Text(at, 1));
}

}  // namespace

Language language_of(const Structure& whole, const Sample& sample,
                     const Features& features) noexcept {
    // What is asked for stands at an end; what it is asked about may be of any language.
    const Text body = sample.body();
    constexpr std::size_t kEnd = 80;
    const Structure begin = structure_of(body.first(std::min(body.size(), kEnd)));
    const Structure end = structure_of(body.last(std::min(body.size(), kEnd)));
    const Structure first = first_letter(body);
    const auto letters = [&](std::size_t Structure::*script) {
        return whole.*script + 3 * (begin.*script) + 3 * (end.*script) + 150 * (first.*script);
    };
    const std::size_t kana = letters(&Structure::kana);
    const std::size_t han = letters(&Structure::han);
    // One character of Han, kana or hangul says as much as some Latin letters.
    const std::array scripts{
        Script{letters(&Structure::latin), Language::en},
        Script{5 * (han + kana), kana * 8 > han ? Language::ja : Language::zh},
        Script{3 * letters(&Structure::hangul), Language::ko},
        Script{letters(&Structure::cyrillic), Language::ru},
        Script{letters(&Structure::arabic), Language::ar},
        Script{letters(&Structure::devanagari), Language::hi},
    };
    std::size_t known = 0;
    for (const Script& script : scripts) {
        known += script.letters;
    }
    const std::size_t all = letters(&Structure::letters);
    const Script& most = *std::ranges::max_element(scripts, {}, &Script::letters);
    if (known * 2 < all) {
        return Language::other;  // Greek, Thai, Hebrew ...
    }
    if (has_foreign_letters(body, most.language)) {
        return Language::other;
    }
    return most.language == Language::en ? latin(sample, features) : most.language;
}

}  // namespace tollgate::router
