// Byte pair encoding with OpenAI's vocabularies: how many tokens a text is.
#pragma once

#include "adapters/tokens/split.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tollgate::tokens {

/// One vocabulary with its splitting rules.  Immutable; any thread.
class Encoding {
public:
    /// `table` is laid out as table_layout.hpp says and outlives this.
    Encoding(EncodingName name, const unsigned char* table) noexcept;

    /// Tokens of `text`, read as ordinary text: what looks like a special token is none.  Time
    /// grows as n log n in the worst case (one endless word), else linearly.
    [[nodiscard]] std::uint64_t count(std::string_view text) const;
    /// The rank of a token; kNoToken where these bytes are none.
    [[nodiscard]] std::uint32_t rank(std::string_view token) const noexcept;

private:
    [[nodiscard]] std::size_t merge(std::string_view piece) const;
    [[nodiscard]] std::size_t merge_long(std::string_view piece) const;

    EncodingName name_;
    std::span<const std::uint32_t> slots_;
    std::span<const std::uint32_t> offsets_;
    const char* bytes_;
};

/// The vocabularies that the binary brings.
[[nodiscard]] const Encoding& encoding(EncodingName name) noexcept;

}  // namespace tollgate::tokens
