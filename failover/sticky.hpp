// Which target a conversation had: a table of fixed size, shared by all workers.
#pragma once

#include "failover/sliding.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace tollgate::failover {

/// Each conversation has one slot, by its hash; a newer conversation with the same slot takes it
/// over, so the table forgets instead of growing.  Thread-safe, no locks.
class StickyTable {
public:
    /// Vendors keep prompt caches for minutes to an hour; what is older has nothing to stay for.
    static constexpr std::chrono::minutes kKept{60};

    /// `target` is a HealthTable id; 0 is ignored.
    void remember(std::uint64_t conversation, std::uint16_t target,
                  Clock::time_point now) noexcept {
        if (target != 0) {
            slot(conversation).store(pack(conversation, target, now), std::memory_order_relaxed);
        }
    }
    /// The target that the conversation had last; 0: none, or too long ago.
    [[nodiscard]] std::uint16_t recall(std::uint64_t conversation,
                                       Clock::time_point now) const noexcept {
        const std::uint64_t known = slot(conversation).load(std::memory_order_relaxed);
        const std::uint64_t age = (minute(now) - (known >> 16U)) & 0xffffU;
        const bool same = known >> 32U == conversation >> 32U;
        return same && age < static_cast<std::uint64_t>(kKept.count())
                   ? static_cast<std::uint16_t>(known)
                   : std::uint16_t{0};
    }

private:
    static constexpr std::size_t kSlots = 16 * 1024;  // 128 KiB
    static std::uint64_t minute(Clock::time_point now) noexcept {
        return static_cast<std::uint64_t>(now.time_since_epoch() / std::chrono::minutes(1));
    }
    // The upper half of the hash, the minute (16 bits), the target (16 bits).
    static std::uint64_t pack(std::uint64_t conversation, std::uint16_t target,
                              Clock::time_point now) noexcept {
        return (conversation >> 32U << 32U) | ((minute(now) & 0xffffU) << 16U) | target;
    }
    [[nodiscard]] std::atomic<std::uint64_t>& slot(std::uint64_t conversation) const noexcept {
        return slots_[conversation % kSlots];
    }

    std::unique_ptr<std::atomic<std::uint64_t>[]> slots_ =
        std::make_unique<std::atomic<std::uint64_t>[]>(kSlots);
};

}  // namespace tollgate::failover
