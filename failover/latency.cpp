#include "failover/latency.hpp"

#include <algorithm>
#include <cmath>

namespace tollgate::failover {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// The time in which a sample's weight falls to 1/e; ten seconds as in Finagle's peak EWMA
// (https://twitter.github.io/finagle/guide/Clients.html, "Power of Two Choices (P2C) + Peak EWMA").
constexpr std::chrono::seconds kMemory{10};

double weight_after(std::int64_t passed) noexcept {
    return std::exp(-static_cast<double>(std::max<std::int64_t>(passed, 0)) /
                    static_cast<double>(Clock::duration(kMemory).count()));
}

// Bucket bounds grow by a quarter from 1 ms; the last one is beyond 20 minutes.
constexpr double kGrowth = 1.25;

std::size_t bucket_of(Clock::duration sample, std::size_t buckets) noexcept {
    const double milliseconds = std::chrono::duration<double, std::milli>(sample).count();
    if (milliseconds <= 1) {
        return 0;
    }
    const double index = std::ceil(std::log(milliseconds) / std::log(kGrowth));
    return std::min(static_cast<std::size_t>(index), buckets - 1);
}

Clock::duration bound_of(std::size_t bucket) noexcept {
    return std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double, std::milli>(std::pow(kGrowth, static_cast<double>(bucket))));
}

constexpr std::uint32_t kLeastSamples = 20;

}  // namespace

void PeakAverage::observe(Clock::duration sample, Clock::time_point now) noexcept {
    const std::int64_t ticks = std::max<std::int64_t>(sample.count(), 1);
    const std::int64_t known = value_.load(kRelaxed);
    const std::int64_t time = now.time_since_epoch().count();
    std::int64_t next = ticks;
    if (ticks < known) {
        const double weight = weight_after(time - stamp_.load(kRelaxed));
        next = static_cast<std::int64_t>(static_cast<double>(known) * weight +
                                         static_cast<double>(ticks) * (1 - weight));
    }
    value_.store(std::max<std::int64_t>(next, 1), kRelaxed);
    stamp_.store(time, kRelaxed);
}

Clock::duration PeakAverage::read(Clock::time_point now) const noexcept {
    const std::int64_t known = value_.load(kRelaxed);
    if (known == 0) {
        return Clock::duration(0);
    }
    const double weight = weight_after(now.time_since_epoch().count() - stamp_.load(kRelaxed));
    return Clock::duration(static_cast<std::int64_t>(static_cast<double>(known) * weight));
}

void Percentiles::observe(Clock::duration sample) noexcept {
    buckets_[bucket_of(sample, kBuckets)].fetch_add(1, kRelaxed);
    if (total_.fetch_add(1, kRelaxed) + 1 < kFull) {
        return;
    }
    std::uint32_t left = 0;
    for (std::atomic<std::uint32_t>& bucket : buckets_) {
        const std::uint32_t half = bucket.load(kRelaxed) / 2;
        bucket.store(half, kRelaxed);
        left += half;
    }
    total_.store(left, kRelaxed);
}

std::optional<Clock::duration> Percentiles::read(unsigned percentile) const noexcept {
    std::uint64_t all = 0;
    for (const std::atomic<std::uint32_t>& bucket : buckets_) {
        all += bucket.load(kRelaxed);
    }
    if (all < kLeastSamples) {
        return std::nullopt;
    }
    const std::uint64_t wanted = (all * percentile + 99) / 100;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
        seen += buckets_[i].load(kRelaxed);
        if (seen >= wanted) {
            return bound_of(i);
        }
    }
    return bound_of(kBuckets - 1);
}

}  // namespace tollgate::failover
