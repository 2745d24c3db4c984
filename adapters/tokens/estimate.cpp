#include "adapters/tokens/estimate.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace tollgate::tokens {
namespace {

// 1/256 tokens for each byte, by what it is or begins; the later bytes of a character count
// nothing.  Fitted by least squares to o200k_base over the samples of tests/golden/tokens.
constexpr std::uint16_t kLetter = 61;
constexpr std::uint16_t kSpace = 53;
constexpr std::uint16_t kDigit = 201;
constexpr std::uint16_t kPunctuation = 86;
constexpr std::uint16_t kControl = 160;    // newlines and tabs
constexpr std::uint16_t kLatin = 189;      // letters with accents, in the middle of words
constexpr std::uint16_t kTwoBytes = 91;    // Greek, Cyrillic, Hebrew, Arabic
constexpr std::uint16_t kIndic = 97;       // Devanagari to Thai
constexpr std::uint16_t kRare = 230;       // Georgian, Ethiopic, typographic signs
constexpr std::uint16_t kIdeograph = 226;  // Chinese, kana
constexpr std::uint16_t kHangul = 194;
constexpr std::uint16_t kBeyond = 512;  // emoji

constexpr std::array<std::uint16_t, 256> kWeights = [] {
    std::array<std::uint16_t, 256> weights{};
    const auto fill = [&weights](unsigned first, unsigned last, std::uint16_t weight) {
        for (unsigned byte = first; byte <= last; ++byte) {
            weights[byte] = weight;
        }
    };
    fill(0x00, 0x1F, kControl);
    fill(0x20, 0x20, kSpace);
    fill(0x21, 0x7F, kPunctuation);
    fill('0', '9', kDigit);
    fill('A', 'Z', kLetter);
    fill('a', 'z', kLetter);
    fill(0xC2, 0xCB, kLatin);
    fill(0xCC, 0xDF, kTwoBytes);
    fill(0xE0, 0xE0, kIndic);
    fill(0xE1, 0xE2, kRare);
    fill(0xE3, 0xE9, kIdeograph);
    fill(0xEA, 0xEF, kHangul);
    fill(0xF0, 0xFF, kBeyond);
    return weights;
}();

std::uint64_t by_table(std::string_view text) noexcept {
    std::uint64_t sum = 0;
    for (const char c : text) {
        sum += kWeights[static_cast<unsigned char>(c)];
    }
    return sum;
}

// Sixteen bytes at a time (GCC's and Clang's vector extensions, on any processor).
constexpr std::size_t kBlock = 16;
using Bytes = signed char __attribute__((vector_size(kBlock)));
using Pairs = std::uint16_t __attribute__((vector_size(kBlock)));

bool is_ascii(const char* block) noexcept {
    std::array<std::uint64_t, 2> halves;
    std::memcpy(halves.data(), block, kBlock);
    return ((halves[0] | halves[1]) & 0x8080808080808080) == 0;
}

// The weights of ASCII, as kWeights has them, two summed up in each lane.
Pairs ascii_weights(const char* block) noexcept {
    Bytes c;
    std::memcpy(&c, block, kBlock);
    const Bytes lower = c | 0x20;
    const Bytes letters = (lower >= 'a') & (lower <= 'z');
    const Bytes digits = (c >= '0') & (c <= '9');
    const auto instead = [](std::uint16_t weight) {
        return static_cast<signed char>(kPunctuation ^ weight);
    };
    // The classes exclude each other.
    const Bytes weights = (letters & instead(kLetter)) ^ (digits & instead(kDigit)) ^
                          ((c == ' ') & instead(kSpace)) ^ ((c < ' ') & instead(kControl)) ^
                          static_cast<signed char>(kPunctuation);
    const Pairs pairs = reinterpret_cast<Pairs>(weights);
    return (pairs & 0xff) + (pairs >> 8);
}

}  // namespace

std::uint64_t estimate(std::string_view text) noexcept {
    constexpr std::size_t kMostBlocks = 0xffff / 512;  // whose sums fit into a lane
    std::uint64_t sum = 0;
    while (text.size() >= kBlock) {
        const std::size_t blocks = std::min(text.size() / kBlock, kMostBlocks);
        Pairs sums{};
        std::size_t done = 0;
        while (done < blocks && is_ascii(text.data() + done * kBlock)) {
            sums += ascii_weights(text.data() + done * kBlock);
            ++done;
        }
        for (std::size_t i = 0; i < kBlock / 2; ++i) {
            sum += sums[i];
        }
        text.remove_prefix(done * kBlock);
        if (done < blocks) {
            sum += by_table(text.substr(0, kBlock));
            text.remove_prefix(kBlock);
        }
    }
    return (sum + by_table(text) + 255) / 256;
}

}  // namespace tollgate::tokens
