// Counts wrong keys per client address in a table of fixed size, shared by all workers.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::router {

/// A minute's failures of an address; IPv6 addresses count by their /64, which is what one
/// customer gets.  No lock: two addresses that meet in a full row may forget the quieter one.
class AuthThrottle {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `seed` is random, so that nobody can choose addresses that share a row.
    explicit AuthThrottle(std::uint64_t seed);

    /// Counts one failure; how many this minute has seen from there, this one included.
    unsigned count(std::string_view address, Time now) noexcept;
    /// How many this minute has seen from there.
    [[nodiscard]] unsigned failures(std::string_view address, Time now) const noexcept;
    /// Until the count starts anew.
    [[nodiscard]] static std::chrono::milliseconds until_next(Time now) noexcept;

private:
    // A slot is a tag of the address (32 bits), a minute (12) and a count (20) in one word.
    static constexpr std::size_t kRows = 1024;
    static constexpr std::size_t kWays = 4;
    using Row = std::array<std::atomic<std::uint64_t>, kWays>;

    [[nodiscard]] std::uint64_t hash(std::string_view address) const noexcept;

    std::uint64_t seed_;
    std::array<Row, kRows> rows_{};
};

}  // namespace tollgate::router
