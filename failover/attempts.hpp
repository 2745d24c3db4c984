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
    bool content_moves_on = false;  ///< a refusal by a content policy asks the next target
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

/// What the plan knows of one target.
struct PlannedTarget {
    std::uint64_t window = 0;  ///< tokens of context; 0: not known
    bool is_named = false;     ///< the configuration names it for this kind of failure
};

/// What of a failed attempt only its maker knows.
struct AttemptFacts {
    bool other_key = false;  ///< the same target has another key that may be used now
};

/// One per request; lives until the commit point.  Call first() once; then, for each attempt that
/// failed, failed(); for a target that may not be used now (another worker's probe is under way),
/// skipped() — a skip is no attempt.
///
/// A target that a limit of ours keeps out (target_limited) is barred, and was no attempt either.
/// Rules, by policy(kind).retry:
/// - `never` gives up, with three exceptions: a prompt that does not fit moves on to a target with
/// a
///   known, larger window; an unknown model moves on; a content refusal does if configured.
/// - `elsewhere` bars the target for this request, unless the trouble was the key's and there is
///   another key.
/// Then, as after `always` and `in_place`, comes the next untried target at once; when there is
/// none, the one tried least that is not barred, after exponential backoff with full jitter.  A
/// Retry-After up to in_place_limit is waited for where nothing else is left to try; a longer one
/// bars the target.  Nothing is attempted at or after the deadline.
class AttemptPlan {
public:
    /// `budget` may be null; else each attempt that repeats an earlier one is taken out of it.
    AttemptPlan(const AttemptOptions& options, std::size_t targets, Clock::time_point deadline,
                RetryBudget* budget = nullptr);

    /// For the rule about context windows.
    void describe(std::size_t target, const PlannedTarget& facts) {
        targets_[target].window = facts.window;
        targets_[target].is_named = facts.is_named;
    }
    /// Adds a target behind the others and returns its index: a fallback for one kind of failure.
    std::size_t add(const PlannedTarget& facts = {});

    [[nodiscard]] Step first(Clock::time_point now);
    /// `random`: uniform in [0, 1), for the jitter.
    [[nodiscard]] Step failed(const Failure& failure, Clock::time_point now, double random,
                              const AttemptFacts& facts = {});
    [[nodiscard]] Step skipped(Clock::time_point now, double random);

    /// A second attempt, which ran at `target` beside the one that failed() is told of, has failed
    /// before.  It is paid for out of another budget.
    void also_failed(std::size_t target, const Failure& failure) noexcept;

    /// Attempts begun so far.
    [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

private:
    struct TargetState {
        std::uint64_t window = 0;
        bool is_named = false;
        std::uint32_t tries = 0;
        bool skipped = false;
        bool barred = false;
        Clock::time_point not_before{};  ///< what its vendor asked for
    };
    [[nodiscard]] Step begin(std::size_t target, Clock::duration wait, Clock::time_point now);
    [[nodiscard]] Step choose(Clock::time_point now, double random);
    [[nodiscard]] bool moves_on(const Failure& failure) noexcept;
    void bar_smaller(std::uint64_t window) noexcept;
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
};

/// An upstream's way to say that it has no such model, whatever its status.
[[nodiscard]] bool is_unknown_model(const Failure& failure) noexcept;

}  // namespace tollgate::failover
