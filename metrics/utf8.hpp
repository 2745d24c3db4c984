// UTF-8, just enough to keep label values and log lines valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::metrics {

/// One decoded character: its code point and length in bytes.  Length 0: the bytes at this place
/// are not UTF-8 (overlong, surrogate, above U+10FFFF, cut off or stray).
struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 0;
};

/// The character at the start of `text`, which must not be empty.
[[nodiscard]] constexpr CodePoint decode_utf8(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const std::uint32_t lead = byte(0);
    if (lead < 0x80) {
        return {.value = lead, .length = 1};
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
        return {};
    }
    std::uint32_t value = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) {
            return {};
        }
        value = (value << 6U) | (byte(i) & 0x3FU);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < kSmallest[length] || surrogate || value > 0x10FFFF) {
        return {};
    }
    return {.value = value, .length = length};
}

[[nodiscard]] constexpr bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const CodePoint point = decode_utf8(text);
        if (point.length == 0) {
            return false;
        }
        text.remove_prefix(point.length);
    }
    return true;
}

}  // namespace tollgate::metrics
