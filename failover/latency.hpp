// What is known about a target's time to first token: a peak-sensitive moving average for choosing,
// and percentiles for hedging.
#pragma once

#include "failover/sliding.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace tollgate::failover {

/// A moving average that jumps up to a slow sample and forgets with time, so that a target that has
/// become slow is avoided at once and tried again later.  Thread-safe; of samples that come at the
/// same moment one may be lost.
class PeakAverage {
public:
    void observe(Clock::duration sample, Clock::time_point now) noexcept;
    /// What to expect now; zero: nothing is known (any more).
    [[nodiscard]] Clock::duration read(Clock::time_point now) const noexcept;

private:
    std::atomic<std::int64_t> value_{0};  ///< ticks
    std::atomic<std::int64_t> stamp_{0};  ///< ticks of the last sample
};

/// Percentiles over the last thousand samples or so, from logarithmic buckets that are halved when
/// they are full.  Thread-safe.
class Percentiles {
public:
    void observe(Clock::duration sample) noexcept;
    /// The upper bound of the bucket that holds the percentile (1 to 99); nothing before there are
    /// enough samples to speak of one.
    [[nodiscard]] std::optional<Clock::duration> read(unsigned percentile) const noexcept;

private:
    static constexpr std::size_t kBuckets = 64;
    static constexpr std::uint32_t kFull = 1024;
    std::array<std::atomic<std::uint32_t>, kBuckets> buckets_{};
    std::atomic<std::uint32_t> total_{0};
};

}  // namespace tollgate::failover
