// Finds bytes sixty-four at a time.
#pragma once

#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tollgate::codec {

inline constexpr std::size_t kMaskBytes = 64;

/// Bit i is set where block[i] is `wanted`; `block` has at most 64 bytes.  For bytes that are so
/// frequent (quotes and backslashes of JSON) that a search which starts anew behind each would cost
/// more than the rest of the work.
[[nodiscard]] inline std::uint64_t mask_of(std::string_view block, char wanted) noexcept {
    std::uint64_t hits = 0;
#if defined(__SSE2__)
    if (block.size() == kMaskBytes) {
        const __m128i byte = _mm_set1_epi8(wanted);
        for (unsigned part = 0; part < 4; ++part) {
            const auto* bytes = reinterpret_cast<const __m128i*>(block.data() + 16 * part);
            const int equal = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(bytes), byte));
            hits |= std::uint64_t{static_cast<unsigned>(equal)} << (16 * part);
        }
        return hits;
    }
#endif
    for (std::size_t i = 0; i < block.size(); ++i) {
        hits |= std::uint64_t{block[i] == wanted} << i;
    }
    return hits;
}

}  // namespace tollgate::codec
