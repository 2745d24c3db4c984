#include "failover/attempts.hpp"

#include <algorithm>

namespace tollgate::failover {
namespace {

constexpr std::size_t kNoTarget = static_cast<std::size_t>(-1);

}  // namespace

std::string_view to_string(GiveUp reason) noexcept {
    switch (reason) {
        case GiveUp::none:
            return "none";
        case GiveUp::not_retryable:
            return "not_retryable";
        case GiveUp::attempts:
            return "attempts";
        case GiveUp::targets:
            return "targets";
        case GiveUp::deadline:
            return "deadline";
        case GiveUp::budget:
            return "budget";
    }
    return {};
}

AttemptPlan::AttemptPlan(const AttemptOptions& options, std::size_t targets,
                         Clock::time_point deadline, RetryBudget* budget)
    : options_(options), targets_(targets), deadline_(deadline), budget_(budget) {}

Step AttemptPlan::first(Clock::time_point now) {
    if (budget_ != nullptr) {
        budget_->request(now);
    }
    if (targets_.empty()) {
        return stop(GiveUp::targets);
    }
    return begin(0, Clock::duration(0), now);
}

bool is_unknown_model(const Failure& failure) noexcept {
    return failure.kind == FailureKind::upstream_rejected &&
           (failure.upstream_status == 404 || failure.code == "model_not_found");
}

std::size_t AttemptPlan::add(const PlannedTarget& facts) {
    targets_.push_back({.window = facts.window, .is_named = facts.is_named});
    return targets_.size() - 1;
}

// The kinds that normally end a request, and yet another target may help.
bool AttemptPlan::moves_on(const Failure& failure) noexcept {
    TargetState& here = targets_[current_];
    if (failure.kind == FailureKind::context_exceeded) {
        bar_smaller(here.window);
        here.barred = true;
        return untried() != kNoTarget;
    }
    if (is_unknown_model(failure)) {
        here.barred = true;
        return untried() != kNoTarget;
    }
    if (failure.kind == FailureKind::content_filtered) {
        for (TargetState& target : targets_) {
            target.barred = target.barred || !(target.is_named || options_.content_moves_on);
        }
        here.barred = true;
        return untried() != kNoTarget;
    }
    return false;
}

// Only a window that is known to be larger can help, or what the configuration names for it.
void AttemptPlan::bar_smaller(std::uint64_t window) noexcept {
    for (TargetState& target : targets_) {
        const bool larger = target.window > window || target.is_named;
        target.barred = target.barred || !larger;
    }
}

Step AttemptPlan::failed(const Failure& failure, Clock::time_point now, double random,
                         const AttemptFacts& facts) {
    if (failure.kind == FailureKind::target_limited) {
        // Our own limit kept it from beginning: another target costs neither attempts nor budget.
        --attempts_;
        --targets_[current_].tries;
        targets_[current_].barred = true;
        return choose(now, random);
    }
    const FailurePolicy& row = policy(failure.kind);
    const RetryRule rule = row.retry;
    if (rule == RetryRule::never && !moves_on(failure)) {
        return stop(GiveUp::not_retryable);
    }
    if (attempts_ >= options_.max_attempts) {
        return stop(GiveUp::attempts);
    }
    TargetState& here = targets_[current_];
    const bool of_the_key =
        row.health == HealthEffect::key_quarantine || row.health == HealthEffect::cool_down;
    if (of_the_key && facts.other_key) {
        return begin(current_, Clock::duration(0), now);
    }
    here.barred = here.barred || rule == RetryRule::elsewhere;
    if (!here.barred && failure.retry_after) {
        const Clock::duration asked = *failure.retry_after;
        // Asking again earlier than the vendor wants would only prolong it.
        here.barred = asked > options_.in_place_limit || asked >= deadline_ - now;
        here.not_before = now + asked;
    }
    return choose(now, random);
}

Step AttemptPlan::skipped(Clock::time_point now, double random) {
    // It was begun on paper only.
    --attempts_;
    --targets_[current_].tries;
    targets_[current_].skipped = true;
    if (attempts_ > 0 || untried() != kNoTarget || forced_) {
        return choose(now, random);
    }
    // Nothing was tried and nothing is well: an attempt has at least a chance.
    forced_ = true;
    Step step = begin(0, Clock::duration(0), now);
    step.forced = true;
    return step;
}

void AttemptPlan::also_failed(std::size_t target, const Failure& failure) noexcept {
    TargetState& there = targets_[target];
    ++there.tries;
    const RetryRule rule = policy(failure.kind).retry;
    there.barred = there.barred || rule == RetryRule::elsewhere || rule == RetryRule::never;
}

Step AttemptPlan::choose(Clock::time_point now, double random) {
    if (const std::size_t next = untried(); next != kNoTarget) {
        return begin(next, Clock::duration(0), now);
    }
    if (const std::size_t again = least_tried(); again != kNoTarget) {
        return begin(again, std::max(backoff(random), targets_[again].not_before - now), now);
    }
    return stop(GiveUp::targets);
}

Step AttemptPlan::begin(std::size_t target, Clock::duration wait, Clock::time_point now) {
    if (wait >= deadline_ - now) {
        return stop(GiveUp::deadline);
    }
    // What was not asked before is not asked more often for it: only repeating amplifies an outage.
    if (targets_[target].tries > 0 && budget_ != nullptr && !budget_->try_retry(now)) {
        return stop(GiveUp::budget);
    }
    current_ = target;
    ++attempts_;
    ++targets_[target].tries;
    return {.target = target, .wait = wait};
}

std::size_t AttemptPlan::untried() const noexcept {
    const auto found = std::ranges::find_if(targets_, [](const TargetState& target) {
        return target.tries == 0 && !target.skipped && !target.barred;
    });
    return found == targets_.end() ? kNoTarget : static_cast<std::size_t>(found - targets_.begin());
}

std::size_t AttemptPlan::least_tried() const noexcept {
    std::size_t best = kNoTarget;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        const TargetState& target = targets_[i];
        if (target.tries > 0 && !target.skipped && !target.barred &&
            (best == kNoTarget || target.tries < targets_[best].tries)) {
            best = i;
        }
    }
    return best;
}

Clock::duration AttemptPlan::backoff(double random) noexcept {
    // Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/):
    // clients that failed together do not come back together.
    const double ceiling =
        std::min(static_cast<double>(options_.backoff_base.count()) *
                     static_cast<double>(std::uint64_t{1} << std::min(backoffs_, 30U)),
                 static_cast<double>(options_.backoff_max.count()));
    ++backoffs_;
    const auto milliseconds = static_cast<std::int64_t>(ceiling * std::clamp(random, 0.0, 1.0));
    return std::chrono::milliseconds(milliseconds);
}

Step AttemptPlan::stop(GiveUp reason) noexcept {
    return {.give_up = reason};
}

}  // namespace tollgate::failover
