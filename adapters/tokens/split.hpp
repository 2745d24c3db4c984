// Cuts a text into the pieces within which byte pairs are merged.
// Rules: the patterns of cl100k_base and o200k_base in OpenAI's tiktoken
// (https://github.com/openai/tiktoken, tiktoken_ext/openai_public.py, read 2026-11), matched here
// by hand in one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::tokens {

enum class EncodingName : std::uint8_t { cl100k, o200k };

/// The end of the piece that begins at `at`, which is inside `text`.  Always at least one byte on.
[[nodiscard]] std::size_t piece_end(EncodingName encoding, std::string_view text,
                                    std::size_t at) noexcept;

}  // namespace tollgate::tokens
