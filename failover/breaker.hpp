// A circuit breaker for one target: after too many errors it is left alone for a while, then tried
// with one probe at a time.
#pragma once

#include "failover/sliding.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace tollgate::failover {

struct BreakerOptions {
    std::uint32_t errors = 5;  ///< this many errors within `window` open it; 0: it never opens
    double least_share =
        0.5;  ///< … if they are at least this share of the outcomes: a busy target always has some
    std::chrono::milliseconds window{30'000};
    std::chrono::milliseconds open{15'000};  ///< time without any request before the first probe
};

enum class BreakerState : std::uint8_t { closed, open, half_open };
[[nodiscard]] std::string_view to_string(BreakerState state) noexcept;

/// One per target and worker, not thread-safe, no allocation.  Every true allow() is followed by
/// exactly one of succeeded(), failed() and abandoned().
class Breaker {
public:
    explicit Breaker(const BreakerOptions& options = {})
        : options_(options), window_(options.window) {}

    /// May a request go to the target now?  Half open: only one at a time; a probe that is not
    /// heard of for `open` is forgotten.
    [[nodiscard]] bool allow(Clock::time_point now) noexcept;
    /// The target answered; also with an error that is the client's fault.
    void succeeded(Clock::time_point now) noexcept;
    /// The target failed (HealthEffect::error).
    void failed(Clock::time_point now) noexcept;
    /// The request ended without telling anything about the target (the client left).
    void abandoned() noexcept { probing_ = false; }

    [[nodiscard]] BreakerState state(Clock::time_point now) const noexcept;

private:
    struct Counts {
        std::uint64_t outcomes = 0;
        std::uint64_t errors = 0;
        Counts& operator+=(const Counts& other) noexcept {
            outcomes += other.outcomes;
            errors += other.errors;
            return *this;
        }
    };
    void open(Clock::time_point now) noexcept;

    BreakerOptions options_;
    SlidingWindow<Counts> window_;
    Clock::time_point opened_{};
    Clock::time_point probe_began_{};
    bool is_open_ = false;
    bool probing_ = false;
};

}  // namespace tollgate::failover
