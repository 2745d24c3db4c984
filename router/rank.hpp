// The order among several that could serve: the strategies of groups and of key pools.  Pure.
#pragma once

#include "config/settings.hpp"
#include "failover/health.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tollgate::router {

/// A stream of random numbers from one: choices of one request are independent of each other.
class Draw {
public:
    explicit Draw(std::uint64_t seed) noexcept : state_(seed) {}
    /// SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
    [[nodiscard]] std::uint64_t next() noexcept {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    [[nodiscard]] double uniform() noexcept {
        return static_cast<double>(next() >> 11U) * 0x1.0p-53;
    }

private:
    std::uint64_t state_;
};

/// What a strategy may look at in one member of a group or pool.
struct Contender {
    std::uint64_t weight = 1;  ///< 0: only after those that have one
    bool is_well = true;
    failover::Clock::time_point usable_from{};  ///< where it is not well
    double load_share = 1;                      ///< below 1 during a slow start
    failover::Clock::duration latency{0};       ///< expected time to first token; 0: not known
    std::uint32_t in_flight = 0;
    double headroom = 1;                ///< free share of the rate limits
    std::optional<std::int64_t> price;  ///< of this request, pico-dollars; nothing: not known
};

/// Fills in what the health says.
[[nodiscard]] Contender contender_of(const failover::Health& health,
                                     failover::Clock::time_point now,
                                     const failover::HealthOptions& options,
                                     const failover::RateLimits& limits);

/// Indexes in the order of the tries.  Those that are well come first, by the strategy; one that
/// has just come back steps behind the others as often as its slow start says.  The rest follows by
/// the time at which it may be used again: the least bad first.
[[nodiscard]] std::vector<std::size_t> rank(std::span<const Contender> contenders,
                                            config::Balance balance, Draw& draw);

}  // namespace tollgate::router
