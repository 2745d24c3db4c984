// CRC-32C (Castagnoli, RFC 3720 section B.4): what guards the journal's records.
#pragma once

#include <cstdint>
#include <string_view>

namespace tollgate::ledger {

/// `seed` is the result for the bytes before; 0 at the beginning.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0) noexcept;

}  // namespace tollgate::ledger
