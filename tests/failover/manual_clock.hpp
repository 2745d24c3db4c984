// Time for tests: starts somewhere and moves only when told to.
#pragma once

#include "failover/sliding.hpp"

namespace tollgate::failover {

struct ManualClock {
    Clock::time_point time = Clock::time_point(std::chrono::hours(1000));
    [[nodiscard]] Clock::time_point now() const noexcept { return time; }
    void advance(Clock::duration by) noexcept { time += by; }
};

}  // namespace tollgate::failover
