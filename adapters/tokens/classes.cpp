#include "adapters/tokens/classes.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace tollgate::tokens {
namespace {

struct Run {
    std::uint32_t first;
    CharClass kind;
};

constexpr Run kRuns[] = {
#include "adapters/tokens/unicode_classes.inc"
};

CharClass class_of(std::uint32_t code) noexcept {
    if (code >= 0x4E00 && code <= 0x9FFF) {
        return CharClass::uncased;  // most of Chinese, without a search
    }
    const Run* const after =
        std::upper_bound(std::begin(kRuns), std::end(kRuns), code,
                         [](std::uint32_t value, const Run& run) { return value < run.first; });
    return std::prev(after)->kind;
}

const std::array<CharClass, 128> kAscii = [] {
    std::array<CharClass, 128> table{};
    for (std::uint32_t code = 0; code < table.size(); ++code) {
        table[code] = class_of(code);
    }
    return table;
}();

}  // namespace

Char char_at(std::string_view text, std::size_t at) noexcept {
    const auto byte = [text, at](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i]));
    };
    const std::uint32_t lead = byte(0);
    if (lead < 0x80) {
        return {.kind = kAscii[lead], .size = 1};
    }
    const std::size_t size = lead < 0xC2   ? 1
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 1;
    if (size == 1 || at + size > text.size()) {
        return {};
    }
    std::uint32_t code = lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) {
            return {};
        }
        code = (code << 6) | (byte(i) & 0x3F);
    }
    return {.kind = class_of(code), .size = static_cast<std::uint8_t>(size)};
}

}  // namespace tollgate::tokens
