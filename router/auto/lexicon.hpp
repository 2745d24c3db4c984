// Groups of words with one meaning in many languages, as features for the classifier.
#pragma once

#include "router/auto/task.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tollgate::router::lexicon {

/// At most 64: a set of groups is one word of bits.
inline constexpr std::size_t kGroups = [] {
    std::size_t count = 0;
#define GROUP(name, words) ++count;
#include "router/auto/lexicon.inc"
#undef GROUP
    return count;
}();
static_assert(kGroups <= 64);
/// The last ones are languages, in the order of kLatinLanguages.
inline constexpr std::array kLatinLanguages{Language::en,   Language::es, Language::fr,
                                            Language::de,   Language::pt, Language::it,
                                            Language::other};
inline constexpr std::size_t kFirstLanguage = kGroups - kLatinLanguages.size();

/// Bit g is set where the group at that place in lexicon.inc holds ...
/// ... the word (letters in lower case), or a prefix of it.
[[nodiscard]] std::uint64_t of_word(std::span<const char32_t> word) noexcept;
/// ... the pair, words joined by one blank.
[[nodiscard]] std::uint64_t of_pair(std::span<const char32_t> first,
                                    std::span<const char32_t> second) noexcept;
/// ... any of the strings of one to four characters that begin the text; for scripts that do not
/// part words.
[[nodiscard]] std::uint64_t of_run(std::span<const char32_t> text) noexcept;

[[nodiscard]] std::string_view name(std::size_t group) noexcept;

}  // namespace tollgate::router::lexicon
