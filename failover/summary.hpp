// What a client is told when every attempt failed: one failure that lists them all.  Pure.
#pragma once

#include "failover/failure.hpp"
#include "failover/sliding.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::failover {

/// Takes the attempts of one request in their order.  Costs nothing before the first failure.
class AttemptSummary {
public:
    /// `target`: "provider/model".
    void add(std::string_view target, const Failure& failure, Clock::duration took);
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    /// The failure that says most, with all attempts in its detail and the shortest time after
    /// which any vendor wanted to be asked again.  What says most: that the request itself is at
    /// fault, then when to come back, then that a vendor is down, slow, unreachable, garbled, or
    /// refuses our key.  Of equals the last.  At least one must have been added.
    [[nodiscard]] Failure conclude() &&;

private:
    std::string history_;
    std::optional<Failure> best_;
    std::optional<std::chrono::milliseconds> retry_after_;
    std::size_t count_ = 0;
};

}  // namespace tollgate::failover
