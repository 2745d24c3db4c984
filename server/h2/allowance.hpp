// How often a client may do something that is legal, cheap for it and not free for us.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tollgate::server::h2 {

/// `burst` at once, then `per_second`.  The time is only looked at when the burst is used up.
class Allowance {
public:
    using Time = std::chrono::steady_clock::time_point;

    constexpr Allowance(std::uint32_t burst, std::uint32_t per_second) noexcept
        : burst_(burst), per_second_(per_second), left_(burst) {}

    /// False: too often.
    [[nodiscard]] bool spend(Time now) noexcept {
        if (left_ == 0) {
            refill(now);
        }
        if (left_ == 0) {
            return false;
        }
        --left_;
        return true;
    }
    /// Work of ours that justifies `count` more.
    void earn(std::uint32_t count) noexcept { left_ = std::min(burst_, left_ + count); }

private:
    void refill(Time now) noexcept {
        using std::chrono::milliseconds;
        if (since_ == Time{}) {  // the first time: the burst came since nobody knows when
            since_ = now;
            return;
        }
        const auto passed = std::chrono::duration_cast<milliseconds>(now - since_).count();
        const auto gained =
            static_cast<std::uint64_t>(std::max<std::int64_t>(passed, 0)) * per_second_ / 1000;
        if (gained > 0) {
            left_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(gained, burst_));
            since_ = now;
        }
    }

    std::uint32_t burst_;
    std::uint32_t per_second_;
    std::uint32_t left_;
    Time since_{};
};

}  // namespace tollgate::server::h2
