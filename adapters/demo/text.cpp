#include "adapters/demo/text.hpp"

#include <algorithm>

namespace tollgate::demo {
namespace {

constexpr std::size_t kLongestPiece = 16;

bool is_space(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

bool starts_character(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

}  // namespace

std::vector<std::string_view> pieces(std::string_view text) {
    std::vector<std::string_view> found;
    std::size_t begin = 0;
    while (begin < text.size()) {
        std::size_t end = begin;
        while (end < text.size() && is_space(text[end]) && end - begin < kLongestPiece) {
            ++end;
        }
        while (end < text.size() && !is_space(text[end]) &&
               (end - begin < kLongestPiece - 3 || !starts_character(text[end]))) {
            ++end;
        }
        found.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    return found;
}

std::string clip(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) {
        return std::string(text);
    }
    std::size_t end = bytes;
    while (end > 0 && !starts_character(text[end])) {
        --end;
    }
    return std::string(text.substr(0, end)) + "…";
}

std::uint64_t hash(std::string_view text) noexcept {
    std::uint64_t state = 0xcbf29ce484222325;
    for (const char c : text) {
        state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    return state;
}

std::uint64_t mix(std::uint64_t seed) noexcept {
    seed += 0x9e3779b97f4a7c15;
    seed = (seed ^ (seed >> 30U)) * 0xbf58476d1ce4e5b9;
    seed = (seed ^ (seed >> 27U)) * 0x94d049bb133111eb;
    return seed ^ (seed >> 31U);
}

std::string hex(std::uint64_t number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text(16, '0');
    for (std::size_t i = 16; i-- > 0; number >>= 4U) {
        text[i] = kDigits[number & 0xFU];
    }
    return text;
}

}  // namespace tollgate::demo
