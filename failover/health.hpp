// What is known about targets and keys, shared by all workers and kept across reloads: relaxed
// atomics, written a few times per attempt.
#pragma once

#include "failover/breaker.hpp"
#include "failover/failure.hpp"
#include "failover/latency.hpp"
#include "failover/rate_use.hpp"
#include "failover/sliding.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace tollgate::failover {

struct CoolDownOptions {
    std::chrono::milliseconds limited{5'000};    ///< after a 429 that does not say how long
    std::chrono::milliseconds longest{300'000};  ///< however long a vendor asks for; 0: none
    std::chrono::milliseconds quarantine{
        300'000};  ///< of a refused key, unless the configuration changes before; 0: none
};

struct HealthOptions {
    BreakerOptions breaker;
    CoolDownOptions cool_down;
};

/// Why a target or key is left alone.
enum class Rest : std::uint8_t { none, limited, refused, unreachable };

/// What an outcome did to the breaker; something to log.
enum class Turn : std::uint8_t { none, opened, closed };

/// One target (provider and model) or one key.  Thread-safe.
class alignas(64) Health {
public:
    /// May it be chosen?  False while it rests or its breaker lets nothing through.
    [[nodiscard]] bool is_well(Clock::time_point now,
                               const BreakerOptions& options) const noexcept {
        return !is_resting(now) && breaker.would_admit(now, options);
    }
    [[nodiscard]] bool is_resting(Clock::time_point now) const noexcept {
        return now.time_since_epoch().count() < rest_until_.load(std::memory_order_relaxed);
    }
    /// Why it rests at `now`.
    [[nodiscard]] Rest rest(Clock::time_point now) const noexcept {
        return is_resting(now) ? rest_.load(std::memory_order_relaxed) : Rest::none;
    }
    /// When it may be chosen again; in the past when it may be now.
    [[nodiscard]] Clock::time_point usable_from(const BreakerOptions& options) const noexcept {
        return std::max(
            Clock::time_point(Clock::duration(rest_until_.load(std::memory_order_relaxed))),
            breaker.usable_from(options));
    }
    /// Leaves it alone until `until`; never shortens what another worker has set.
    void rest(Rest why, Clock::time_point until) noexcept;
    /// Ends a rest: the key or the vendor's configuration changed.
    void wake() noexcept { rest_until_.store(0, std::memory_order_relaxed); }

    /// An attempt begins.
    void began(Clock::time_point now) noexcept {
        in_flight_.fetch_add(1, std::memory_order_relaxed);
        use.request(now);
    }
    /// … and ended well, or with an error that is the client's fault.
    Turn succeeded(Admission admission, Clock::time_point now,
                   const HealthOptions& options) noexcept {
        in_flight_.fetch_sub(1, std::memory_order_relaxed);
        heard_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
        return breaker.succeeded(admission, now, options.breaker) ? Turn::closed : Turn::none;
    }
    /// … and failed: applies what policy() says about the failure's kind.
    Turn failed(Admission admission, const Failure& failure, Clock::time_point now,
                const HealthOptions& options) noexcept;
    /// … and told nothing.
    void abandoned(Admission admission) noexcept {
        in_flight_.fetch_sub(1, std::memory_order_relaxed);
        breaker.abandoned(admission);
    }
    [[nodiscard]] std::uint32_t in_flight() const noexcept {
        return in_flight_.load(std::memory_order_relaxed);
    }
    /// When it last answered; the clock's epoch: never.
    [[nodiscard]] Clock::time_point heard() const noexcept {
        return Clock::time_point(Clock::duration(heard_.load(std::memory_order_relaxed)));
    }
    /// No connection was to be had at the last error.
    [[nodiscard]] bool is_unreachable() const noexcept {
        return is_unreachable_.load(std::memory_order_relaxed);
    }

    Breaker breaker;
    PeakAverage first_token;  ///< of attempts that answered; failures count with their length
    /// Of whole answers and of streams; kept only where hedging asks for them.
    std::array<Percentiles, 2> first_tokens;
    RateUse use;

private:
    std::atomic<std::int64_t> rest_until_{0};  ///< steady clock ticks
    std::atomic<std::int64_t> heard_{0};       ///< likewise
    std::atomic<std::uint32_t> in_flight_{0};
    std::atomic<Rest> rest_{Rest::none};
    std::atomic<bool> is_unreachable_{false};
};

/// Everything by name, for the life of the process: what a new configuration calls by the same name
/// keeps what is known.  Names are looked up when a snapshot is built, never by a request.
class HealthTable {
public:
    /// Beyond this many names the last ones share one entry.
    static constexpr std::size_t kMost = 16'384;

    struct Entry {
        std::uint16_t id = 0;  ///< from 1; 0 is nobody's
        Health health;
    };
    /// The entry of that name, made at first sight; lives as long as the table.  Any thread.
    [[nodiscard]] Entry& at(std::string_view name);

private:
    std::mutex mutex_;
    std::deque<Entry> entries_;  // deque: entries never move
    std::map<std::string, Entry*, std::less<>> by_name_;
};

}  // namespace tollgate::failover
