// How far a target or key is from its vendor's rate limits: what the vendor's answers say, else our
// own count against the configured limits.
#pragma once

#include "failover/sliding.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tollgate::failover {

/// One vendor limit as its answer tells it.
struct RateWindow {
    std::uint64_t limit = 0;
    std::uint64_t remaining = 0;
    std::chrono::milliseconds reset{60'000};  ///< until it is whole again
};
struct RateReport {
    std::optional<RateWindow> requests;
    std::optional<RateWindow> tokens;
    /// The longest time after which a limit that is used up is whole again; nothing when none is.
    [[nodiscard]] std::optional<std::chrono::milliseconds> used_up_for() const noexcept;
};

/// Reads x-ratelimit-{limit,remaining,reset}-{requests,tokens} (OpenAI and most others; resets as
/// "1s", "6m0s", "20ms" or seconds) and
/// anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset} (resets as RFC 3339 times) out of
/// "name: value\r\n" lines. https://platform.openai.com/docs/guides/rate-limits and
/// https://docs.anthropic.com/en/api/rate-limits, both read 2026-11.
[[nodiscard]] RateReport parse_rate_limits(std::string_view lines, std::int64_t now_unix);

/// What the configuration says of one key; zero: not known.
struct RateLimits {
    std::uint64_t rpm = 0;
    std::uint64_t tpm = 0;
};

/// Thread-safe, relaxed; counts may be off by what two workers do at the same moment.
class RateUse {
public:
    void request(Clock::time_point now) noexcept { add(requests_, now, 1); }
    void tokens(Clock::time_point now, std::uint64_t count) noexcept { add(tokens_, now, count); }
    void report(const RateReport& report, Clock::time_point now) noexcept;

    /// The share of its limits that is still free, 0 to 1; 1 where no limit is known.
    [[nodiscard]] double headroom(Clock::time_point now, const RateLimits& limits) const noexcept;

private:
    // Minute number (24 bits) and count (40 bits), for even and odd minutes.
    using Minutes = std::array<std::atomic<std::uint64_t>, 2>;
    static void add(Minutes& minutes, Clock::time_point now, std::uint64_t count) noexcept;
    static double last_minute(const Minutes& minutes, Clock::time_point now) noexcept;

    Minutes requests_{};
    Minutes tokens_{};
    std::atomic<std::int64_t> told_until_{0};  ///< ticks; the report counts until then
    std::atomic<std::uint32_t> told_free_{0};  ///< parts per million
};

}  // namespace tollgate::failover
