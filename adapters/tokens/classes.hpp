// The classes of code points that the splitting rules of OpenAI's encodings tell apart.
#pragma once

#include <cstdint>
#include <string_view>

namespace tollgate::tokens {

/// Disjoint; Unicode general categories in brackets.
enum class CharClass : std::uint8_t {
    other,
    space,    ///< White_Space without the newlines
    newline,  ///< CR and LF
    upper,    ///< [Lu, Lt]
    lower,    ///< [Ll]
    uncased,  ///< [Lm, Lo]
    mark,     ///< [M]
    number,   ///< [N]
};

/// One code point of a text.
struct Char {
    CharClass kind = CharClass::other;
    std::uint8_t size = 1;  ///< bytes
};

/// The code point that begins at `at`, which is inside `text`.  A byte that begins none is taken
/// alone.
[[nodiscard]] Char char_at(std::string_view text, std::size_t at) noexcept;

}  // namespace tollgate::tokens
