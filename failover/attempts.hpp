// The decisions of one request's attempts, without I/O: a failure comes in, the next attempt (or
// the end) comes out.
#pragma once

#include "failover/budget.hpp"
#include "failover/failure.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tollgate::failover {

struct AttemptOptions {
    std::uint32_t max_attempts = 3;               ///< the first one included
    std::chrono::milliseconds backoff_base{200};  ///< of the first wait; doubles
    std::chrono::milliseconds backoff_max{5'000};
    std::chrono::milliseconds in_place_limit{
        2'000};  ///< a Retry-After up to this is waited for, a longer one means elsewhere
};

enum class GiveUp : std::uint8_t { none, not_retryable, attempts, targets, deadline, budget };
[[nodiscard]] std::string_view to_string(GiveUp reason) noexcept;

/// What to do next: attempt `target` after `wait`, or give up.
struct Step {
    GiveUp give_up = GiveUp::none;
    std::size_t target = 0;   ///< index into the route's targets
    Clock::duration wait{0};  ///< never reaches beyond the deadline
    bool forced = false;      ///< every target was skipped: try this one although it is not well
    [[nodiscard]] bool is_attempt() const noexcept { return give_up == GiveUp::none; }
};

/// One per request; lives until the commit point.  Call first() once; then, for each attempt that
/// failed, failed(); for a target that may not be used now (cooling down, breaker open), skipped()
/// — a skip is no attempt.
///
/// Rules, by policy(kind).retry: `never` gives up.  `elsewhere` bars the target for this request.
/// Then, as after `always` and `in_place`, comes the next untried target at once; when there is
/// none, the one tried least that is not barred, after exponential backoff with full jitter.  A
/// Retry-After up to in_place_limit is waited for at the same target, once per target while others
/// are untried; a longer one bars the target.  Nothing is attempted at or after the deadline.
class AttemptPlan {
public:
    /// `budget` may be null; else each further attempt is taken out of it.
    AttemptPlan(const AttemptOptions& options, std::size_t targets, Clock::time_point deadline,
                RetryBudget* budget = nullptr);

    [[nodiscard]] Step first(Clock::time_point now);
    /// `random`: uniform in [0, 1), for the jitter.
    [[nodiscard]] Step failed(const Failure& failure, Clock::time_point now, double random);
    [[nodiscard]] Step skipped(Clock::time_point now, double random);

    /// Attempts begun so far.
    [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

private:
    struct TargetState {
        std::uint32_t tries = 0;
        bool skipped = false;
        bool barred = false;
    };
    [[nodiscard]] Step begin(std::size_t target, Clock::duration wait, Clock::time_point now);
    [[nodiscard]] Step choose(Clock::time_point now, double random);
    [[nodiscard]] std::size_t untried() const noexcept;
    [[nodiscard]] std::size_t least_tried() const noexcept;
    [[nodiscard]] Clock::duration backoff(double random) noexcept;
    [[nodiscard]] static Step stop(GiveUp reason) noexcept;

    AttemptOptions options_;
    std::vector<TargetState> targets_;
    Clock::time_point deadline_;
    RetryBudget* budget_;
    std::size_t current_ = 0;
    std::uint32_t attempts_ = 0;
    std::uint32_t backoffs_ = 0;
    bool forced_ = false;  ///< a forced step was given; it is not given twice
    bool spent_ = false;   ///< the budget has paid for the attempt under way
};

}  // namespace tollgate::failover
