// RFC 3339 time in UTC with milliseconds, e.g. 2026-01-31T23:59:59.123Z.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

namespace tollgate::metrics {

/// Remembers the last second, so that lines in a row only write three digits.  Not for sharing
/// between threads.
class TimestampWriter {
public:
    /// The view lives until the next call.  Years outside 0…9999 are clamped.
    [[nodiscard]] std::string_view write(std::chrono::system_clock::time_point when) noexcept;

private:
    void write_second(std::int64_t second) noexcept;

    std::int64_t second_ = std::numeric_limits<std::int64_t>::min();
    std::array<char, 24> text_{};
};

}  // namespace tollgate::metrics
