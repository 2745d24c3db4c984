#include "adapters/codec/base64.hpp"

#include <algorithm>
#include <array>

namespace tollgate::codec {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kForeign = 0xFF;

using Table = std::array<std::uint8_t, 256>;

constexpr Table reversed(std::string_view alphabet) {
    Table table{};
    table.fill(kForeign);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}
constexpr Table kStandardValues = reversed(kStandard);
constexpr Table kUrlValues = reversed(kUrl);

constexpr bool is_url(Base64Form form) {
    return form == Base64Form::url || form == Base64Form::url_unpadded;
}
constexpr bool is_padded(Base64Form form) {
    return form == Base64Form::standard || form == Base64Form::url;
}

// Removes the padding; false when it is not the padding that the length asks for.
bool strip_padding(std::string_view& text) {
    if (text.size() % 4 != 0) {
        return false;
    }
    for (int i = 0; i < 2 && text.ends_with('='); ++i) {
        text.remove_suffix(1);
    }
    return true;
}

}  // namespace

std::string base64_encode(std::string_view bytes, Base64Form form) {
    const std::string_view alphabet = is_url(form) ? kUrl : kStandard;
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = group << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        }
        for (std::size_t j = 0; j < left + 1; ++j) {
            text += alphabet[group >> (18 - 6 * j) & 0x3F];
        }
        if (is_padded(form)) {
            text.append(3 - left, '=');
        }
    }
    return text;
}

std::optional<std::string> base64_decode(std::string_view text, Base64Form form) {
    const Table& values = is_url(form) ? kUrlValues : kStandardValues;
    if (is_padded(form) && !strip_padding(text)) {
        return std::nullopt;
    }
    if (text.size() % 4 == 1) {
        return std::nullopt;
    }
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const std::uint8_t value = values[static_cast<unsigned char>(c)];
        if (value == kForeign) {
            return std::nullopt;
        }
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes += static_cast<char>(bits >> held & 0xFF);
        }
    }
    if ((bits & ((1U << held) - 1)) != 0) {
        return std::nullopt;
    }
    return bytes;
}

}  // namespace tollgate::codec
