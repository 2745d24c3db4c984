// Small text tools of the demo model: words, clipping, a stable hash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::demo {

/// Cuts text into word-like pieces (a word with the white space before it, at most 16 bytes, whole
/// characters).  One piece is one token of the demo model.  Views of `text`; joined they give
/// `text` again.
[[nodiscard]] std::vector<std::string_view> pieces(std::string_view text);

/// The beginning of `text`, at most `bytes` long, cut between characters; "…" is added when
/// something was cut.
[[nodiscard]] std::string clip(std::string_view text, std::size_t bytes);

/// FNV-1a, 64 bits: the same on every machine, so that answers are too.
[[nodiscard]] std::uint64_t hash(std::string_view text) noexcept;
/// SplitMix64's output function: spreads a counter over all bits.
[[nodiscard]] std::uint64_t mix(std::uint64_t seed) noexcept;
/// Sixteen hexadecimal digits.
[[nodiscard]] std::string hex(std::uint64_t number);

/// Prompt tokens by the usual rule of thumb: four bytes each.
[[nodiscard]] constexpr std::uint64_t prompt_tokens(std::size_t bytes) noexcept {
    return (bytes + 3) / 4;
}

}  // namespace tollgate::demo
