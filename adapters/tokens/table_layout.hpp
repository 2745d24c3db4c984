// How an encoding's vocabulary lies in the binary, ready to be looked up in place: the header, the
// slots of an open-addressing hash table, where each token's bytes begin, the bytes.
// tools/make_table.cpp writes it at build time.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tollgate::tokens {

struct TableHeader {
    std::uint32_t tokens = 0;
    std::uint32_t slots = 0;  ///< a power of two
};

/// Slot of an absent token.
inline constexpr std::uint32_t kNoToken = 0xFFFFFFFF;

/// Both the writer and the reader hash with this.
[[nodiscard]] inline std::uint32_t hash_token(std::string_view bytes) noexcept {
    std::uint64_t hash = 0x9E3779B97F4A7C15ULL ^ bytes.size();
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
        hash ^= hash >> 32;
        bytes.remove_prefix(8);
    }
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
    return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace tollgate::tokens
