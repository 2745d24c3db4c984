// Money is whole pico-dollars (10^-12 USD): a price of n micro-dollars per million tokens is n of
// them per token, so token prices with up to six decimals lose nothing.  Never a double.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::metrics {

__extension__ typedef __int128 Int128;            // NOLINT: a using declaration warns (-Wpedantic)
__extension__ typedef unsigned __int128 UInt128;  // NOLINT

inline constexpr unsigned kPicoDigits = 12;
inline constexpr std::int64_t kPicoPerUsd = 1'000'000'000'000;
/// One request's money fits into 64 bits (up to 9.2 million USD); sums are Int128.
using Pico = std::int64_t;

/// What a cost is for; `other` is searches, pages and whatever else is no token of the rest.
enum class CostKind : std::uint8_t { input, cache_read, cache_write, output, other };
inline constexpr std::size_t kCostKinds = static_cast<std::size_t>(CostKind::other) + 1;
inline constexpr std::array<std::string_view, kCostKinds> kCostKindNames{
    "input", "cache_read", "cache_write", "output", "other"};
/// By CostKind; its sum is the cost, to the pico-dollar.
using CostByKind = std::array<Pico, kCostKinds>;

/// Room for any Int128 as a decimal.
using DecimalText = std::array<char, 48>;

/// `amount` * 10^-`digits` as a decimal in plain notation: "0.000123", "-1.5", "0".  Exact; no
/// trailing zeros, no exponent.  The text is in `space`.  `digits` is 38 at most.
[[nodiscard]] std::string_view write_decimal(Int128 amount, unsigned digits,
                                             DecimalText& space) noexcept;
[[nodiscard]] std::string to_decimal(Int128 pico);

/// Reads "12.5", "-0.000001", ".5" or "3e-7" as a multiple of 10^-`digits`.  Nothing where the text
/// is no such number, has digits that would be lost, or does not fit.
[[nodiscard]] std::optional<std::int64_t> parse_decimal(std::string_view text,
                                                        unsigned digits) noexcept;
/// The same, but digits beyond `digits` are rounded half to even: for figures that others report.
[[nodiscard]] std::optional<std::int64_t> parse_rounded(std::string_view text,
                                                        unsigned digits) noexcept;

/// `number` / `divisor`, rounded half to even.  `divisor` is positive.
[[nodiscard]] Int128 divide_half_even(Int128 number, Int128 divisor) noexcept;

}  // namespace tollgate::metrics
