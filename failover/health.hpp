// What is known about targets, shared by all workers: relaxed atomics, a cache line per target,
// written once per attempt.
#pragma once

#include "failover/failure.hpp"
#include "failover/sliding.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace tollgate::failover {

struct CoolDownOptions {
    std::chrono::milliseconds limited{5'000};    ///< after a 429 that does not say how long
    std::chrono::milliseconds longest{300'000};  ///< however long a vendor asks for
    std::chrono::milliseconds quarantine{
        300'000};  ///< of a refused key, unless the configuration changes before
};

/// One target (an upstream with one key).  Thread-safe.
class alignas(64) TargetHealth {
public:
    /// May the target be chosen?  False while it cools down or its key is in quarantine.
    [[nodiscard]] bool is_usable(Clock::time_point now) const noexcept {
        return now.time_since_epoch().count() >= cool_until_.load(std::memory_order_relaxed);
    }
    /// When it may be chosen again; in the past when it may be now.
    [[nodiscard]] Clock::time_point usable_from() const noexcept {
        return Clock::time_point(Clock::duration(cool_until_.load(std::memory_order_relaxed)));
    }
    /// Leaves the target alone until `until`; never shortens what another worker has set.
    void cool_down(Clock::time_point until) noexcept {
        const std::int64_t wanted = until.time_since_epoch().count();
        std::int64_t known = cool_until_.load(std::memory_order_relaxed);
        while (known < wanted &&
               !cool_until_.compare_exchange_weak(known, wanted, std::memory_order_relaxed)) {}
    }
    /// Forgets a cool-down: the key or the vendor's configuration changed.
    void reset() noexcept {
        cool_until_.store(0, std::memory_order_relaxed);
        errors_in_a_row_.store(0, std::memory_order_relaxed);
    }

    void succeeded() noexcept { errors_in_a_row_.store(0, std::memory_order_relaxed); }
    /// Applies what policy() says about the failure's kind.
    void failed(const Failure& failure, Clock::time_point now,
                const CoolDownOptions& options = {}) noexcept {
        switch (policy(failure.kind).health) {
            case HealthEffect::none:
                return;
            case HealthEffect::cool_down:
                cool_down(now +
                          std::min(failure.retry_after.value_or(options.limited), options.longest));
                return;
            case HealthEffect::key_quarantine:
                cool_down(now + options.quarantine);
                return;
            case HealthEffect::error:
                errors_in_a_row_.fetch_add(1, std::memory_order_relaxed);
                return;
        }
    }
    [[nodiscard]] std::uint32_t errors_in_a_row() const noexcept {
        return errors_in_a_row_.load(std::memory_order_relaxed);
    }

    /// Requests under way, for least-in-flight selection.
    void began() noexcept { in_flight_.fetch_add(1, std::memory_order_relaxed); }
    void ended() noexcept { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t in_flight() const noexcept {
        return in_flight_.load(std::memory_order_relaxed);
    }

    /// A time to first byte, for latency-based selection.  Kept as a moving average with weight
    /// 1/8; a sample lost between two workers does not matter.
    void first_byte(Clock::duration time) noexcept {
        const std::int64_t sample = std::max<std::int64_t>(time.count(), 1);
        const std::int64_t known = first_byte_.load(std::memory_order_relaxed);
        first_byte_.store(known == 0 ? sample : known + (sample - known) / 8,
                          std::memory_order_relaxed);
    }
    /// Nothing before the first sample.
    [[nodiscard]] std::optional<Clock::duration> first_byte() const noexcept {
        const std::int64_t known = first_byte_.load(std::memory_order_relaxed);
        return known == 0 ? std::nullopt : std::optional(Clock::duration(known));
    }

private:
    std::atomic<std::int64_t> cool_until_{0};  ///< steady clock ticks
    std::atomic<std::int64_t> first_byte_{0};  ///< steady clock ticks, 0: unknown
    std::atomic<std::uint32_t> errors_in_a_row_{0};
    std::atomic<std::uint32_t> in_flight_{0};
};
static_assert(sizeof(TargetHealth) == 64);

/// All targets by their dense ids.  The size is fixed; it outlives every snapshot that uses it.
class HealthTable {
public:
    explicit HealthTable(std::size_t targets)
        : targets_(std::make_unique<TargetHealth[]>(targets)), size_(targets) {}
    [[nodiscard]] TargetHealth& operator[](std::size_t id) noexcept { return targets_[id]; }
    [[nodiscard]] const TargetHealth& operator[](std::size_t id) const noexcept {
        return targets_[id];
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    std::unique_ptr<TargetHealth[]> targets_;
    std::size_t size_;
};

}  // namespace tollgate::failover
