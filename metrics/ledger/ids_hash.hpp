// For tables by the ids of names and the begins of spans.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tollgate::ledger {

struct IdsHash {
    template <std::size_t N>
    [[nodiscard]] std::size_t operator()(const std::array<std::int64_t, N>& ids) const noexcept {
        std::uint64_t hash = 0;
        for (const std::int64_t id : ids) {
            hash = (hash ^ static_cast<std::uint64_t>(id)) * 0x9e3779b97f4a7c15ULL;
            hash ^= hash >> 32;
        }
        return static_cast<std::size_t>(hash);
    }
};

}  // namespace tollgate::ledger
