// What the classifier looks at: hashes of the words and characters of a prompt, and counts and
// shapes of the whole.  The trainer and the gateway call the same functions.
#pragma once

#include "router/auto/lexicon.hpp"
#include "router/auto/prompt.hpp"
#include "router/auto/sample.hpp"
#include "router/auto/structure.hpp"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tollgate::router {

/// Shapes are numbered from 0; which number is which is fixed by the order in features.cpp and
/// structure.cpp, so a change there needs training anew.
inline constexpr std::size_t kShapes = 1024;

struct Features {
    static constexpr std::size_t kMost = 6144;
    std::array<std::uint32_t, kMost> words;  ///< hashes of n-grams, with repetitions
    std::size_t word_count = 0;
    std::array<std::uint16_t, kShapes> shapes;  ///< those that are set, each once
    std::size_t shape_count = 0;
    std::bitset<kShapes> has_shape;
    /// How often words of each of lexicon::kLatinLanguages came; more for those at either end.
    std::array<std::uint16_t, lexicon::kLatinLanguages.size()> languages{};

    void add_word(std::uint32_t hash) noexcept {
        if (word_count < kMost) {
            words[word_count++] = hash;
        }
    }
    void add_shape(std::size_t shape) noexcept {
        if (shape < kShapes && !has_shape.test(shape)) {
            has_shape.set(shape);
            shapes[shape_count++] = static_cast<std::uint16_t>(shape);
        }
    }
};

/// Words, characters and groups of words (lexicon.hpp).
void add_words(const Sample& sample, Features& out) noexcept;
/// Numbers `first` and following: what the text looks like.  Returns the number after the last.
std::size_t add_structure(const Structure& structure, const Sample& sample,
                          const PromptOutline& outline, std::size_t first, Features& out) noexcept;
/// All of them.
void add_features(const Structure& structure, const Sample& sample, const PromptOutline& outline,
                  Features& out) noexcept;
/// By script and by the commonest words.
[[nodiscard]] Language language_of(const Structure& structure, const Sample& sample,
                                   const Features& features) noexcept;

}  // namespace tollgate::router
