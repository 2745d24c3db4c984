// What an attempt tells about its target and key, and what follows from it.
#include "router/choose.hpp"
#include "server/dispatch.hpp"
#include "server/upstream/authorize.hpp"
#include "server/worker.hpp"

#include <algorithm>

namespace tollgate::server {
namespace {

// The failure is about the vendor or our account there, so an operator wants to read of it.
bool is_ours(const Failure& failure) noexcept {
    const failover::FailurePolicy& row = failover::policy(failure.kind);
    return row.side == failover::FailureSide::upstream ||
           row.health == failover::HealthEffect::key_quarantine;
}

}  // namespace

// May the attempt begin?  Targets that are not well stand last and are tried in their turn: there
// is nothing better then.  Only where another worker's probe came in between, the next one comes
// first.
bool Dispatch::admit(std::size_t index, bool forced, Clock::time_point now) {
    const router::RoutedTarget& target = choice_.route.targets[index];
    const failover::BreakerOptions& options = snapshot_->health_options().breaker;
    failover::Breaker& breaker = target.record->live->health.breaker;
    current_.admission = breaker.admit(now, options);
    if (current_.admission == failover::Admission::refused) {
        const std::size_t next = index + 1;
        if (!forced && next < choice_.route.targets.size() &&
            snapshot_->is_well(choice_.route.targets[next], now)) {
            return false;
        }
        current_.admission = breaker.force(now, options);
    }
    current_.aim(*snapshot_, choice_.route, target, worker_.random(), now);
    return true;
}

void Dispatch::begin_attempt() {
    const router::RoutedTarget& target = current_.target;
    if (attempts_ > 0 && left_ != target.record) {
        worker_.shard().add_failover(
            {.from = current_.provider->label, .to = target.provider->label, .reason = last_kind_});
    }
    ++attempts_;
    current_.begin();
    take_over();
}

// What is told of the exchange is told of the current attempt from now on.
void Dispatch::take_over() {
    attempting_ = true;
    given_up_ = false;
    left_ = current_.target.record;
    record_.provider = current_.provider->endpoint.provider;
    record_.model = current_.model;
    current_.model = record_.model;  // the request, which the route's view may point into, goes
                                     // when the answer is committed
}

void Dispatch::end_attempt(const Result<void>& outcome) {
    const Cause cause = x_.interrupt.cause();
    given_up_ = current_.is_sent && !outcome && cause != Cause::none;
    deadline_.clear();
    relay_.reset();
    current_.call.reset();  // unfinished: cancels the vendor's work at once
    if (!std::exchange(attempting_, false)) {
        current_.withdraw();  // refused before anything was attempted
        return;
    }
    if (!outcome && cause == Cause::loser) {
        note_outpaced(current_);
        // It would have taken longer than this; without the sample slow answers would not be seen.
        note_first_token(current_, Reactor::now() - current_.began);
        return;
    }
    if (outcome) {
        worker_.shard().add_attempt(current_.provider->label, 0);
        note_answer(report_.committed ? report_.first_byte : Reactor::now());
        return;
    }
    last_kind_ = static_cast<std::uint8_t>(outcome.error().kind);
    note_failed(current_, outcome.error(), server::is_final(cause));
}

void Dispatch::note_outpaced(Attempt& attempt) {
    worker_.shard().add_attempt(attempt.provider->label, kOutpaced);
    attempt.abandon();
}

void Dispatch::note_first_token(const Attempt& attempt, Clock::duration took) {
    const config::Hedge& hedge = snapshot_->settings().failover.hedge;
    if (hedge.enabled && hedge.percentile > 0) {
        attempt.target.record->live->health.first_tokens[request_.stream ? 1 : 0].observe(took);
    }
}

// `is_silent`: the exchange was ended, which says nothing about the target.
void Dispatch::note_failed(Attempt& attempt, const Failure& failure, bool is_silent) {
    worker_.shard().add_attempt(attempt.provider->label,
                                1 + static_cast<std::size_t>(failure.kind));
    if (is_silent || failure.kind == FailureKind::client_gone) {
        attempt.abandon();
    } else {
        note_health(attempt, failure, Reactor::now());
    }
    if (failure.kind == FailureKind::upstream_auth && upstream::needs_token(*attempt.provider)) {
        worker_.tokens().forget(
            *attempt.provider);  // revoked or rotated: the next attempt fetches another
    }
    if (is_ours(failure)) {
        worker_.logger().log(metrics::Level::warn, "upstream attempt failed",
                             {{"request_id", record_.request_id},
                              {"provider", attempt.provider->endpoint.provider},
                              {"model", attempt.model},
                              {"attempt", attempts_},
                              {"kind", failover::policy(failure.kind).name},
                              {"upstream_status", failure.upstream_status},
                              {"detail", failure.detail}});
    }
}

void Dispatch::note_health(const Attempt& attempt, const Failure& failure, Clock::time_point now) {
    using failover::HealthEffect;
    const failover::HealthOptions& options = snapshot_->health_options();
    failover::Health& target = attempt.target.record->live->health;
    const HealthEffect effect = failover::policy(failure.kind).health;
    // A limit is the key's where there are several, else the model's; a refusal is always the
    // key's.
    const bool key_only = effect == HealthEffect::key_quarantine ||
                          (effect == HealthEffect::cool_down && attempt.has_pool());
    note_turn(attempt,
              key_only ? target.succeeded(attempt.admission, now, options)
                       : target.failed(attempt.admission, failure, now, options),
              Part::target);
    if (attempt.has_pool()) {
        failover::Health& key = attempt.key.live->health;
        note_turn(attempt, key.failed(attempt.key_admission, failure, now, options), Part::key);
    }
    if (effect == HealthEffect::key_quarantine) {
        note_refused_key(attempt, failure, now);
    }
    if (effect == HealthEffect::error) {
        target.first_token.observe(now - attempt.began, now);  // a slow failure is slow, too
    }
}

// An operator wants to read of each turn once, whichever worker it came from.
void Dispatch::note_turn(const Attempt& attempt, failover::Turn turn, Part part) {
    if (turn == failover::Turn::none) [[likely]] {
        return;
    }
    const bool opened = turn == failover::Turn::opened;
    const metrics::Level level = opened ? metrics::Level::warn : metrics::Level::info;
    const std::string_view event = opened ? "breaker opened" : "breaker closed";
    const std::string& provider = attempt.provider->endpoint.provider;
    if (part == Part::key) {
        worker_.logger().log(level, event,
                             {{"provider", provider}, {"key", attempt.key.index + 1}});
    } else {
        worker_.logger().log(level, event, {{"provider", provider}, {"model", attempt.model}});
    }
}

void Dispatch::note_refused_key(const Attempt& attempt, const Failure& failure,
                                Clock::time_point now) {
    const auto rest = snapshot_->health_options().cool_down.quarantine;
    if (rest.count() == 0) {
        return;
    }
    attempt.key.live->health.rest(failover::Rest::refused, now + rest);
    worker_.logger().log(
        metrics::Level::error, "key in quarantine",
        {{"provider", attempt.provider->endpoint.provider},
         {"key", attempt.key.index + 1},
         {"keys", std::max<std::size_t>(attempt.provider->keys.size(), 1)},
         {"kind", failover::policy(failure.kind).name},
         {"upstream_status", failure.upstream_status},
         {"for_seconds", std::chrono::duration_cast<std::chrono::seconds>(rest).count()}});
}

void Dispatch::note_answer(Clock::time_point now) {
    const failover::HealthOptions& options = snapshot_->health_options();
    const Clock::duration took = now - current_.began;
    failover::Health& target = current_.target.record->live->health;
    note_turn(current_, target.succeeded(current_.admission, now, options), Part::target);
    target.first_token.observe(took, now);
    if (current_.provider->reach->health.is_resting(now)) {
        current_.provider->reach->health.wake();  // whatever a check says, it answers
    }
    note_first_token(current_, took);
    if (current_.has_pool()) {
        failover::Health& key = current_.key.live->health;
        note_turn(current_, key.succeeded(current_.key_admission, now, options), Part::key);
        key.first_token.observe(took, now);
    }
    if (choice_.conversation != 0) {
        worker_.shared().sticky.remember(choice_.conversation, current_.target.record->live->id,
                                         now);
    }
    if (snapshot_->watches_rates()) {
        const std::uint64_t tokens =
            report_.usage->prompt_total() + report_.usage->completion_total();
        const auto unix_now =
            std::chrono::duration_cast<std::chrono::seconds>(record_.wall.time_since_epoch());
        const failover::RateReport report =
            failover::parse_rate_limits(current_.head.relayed, unix_now.count());
        for (failover::Health* const one : {&target, &current_.key.live->health}) {
            one->use.tokens(now, tokens);
            one->use.report(report, now);
        }
    }
}

// What the plan says, after the targets for this kind of trouble have been put behind the others.
failover::Step Dispatch::next_step(failover::AttemptPlan& plan, const Failure& failure,
                                   Clock::time_point now) {
    add_targets(plan, router::fallback_names(*snapshot_, choice_.route, failure.kind));
    const failover::AttemptFacts facts{
        .other_key = current_.has_pool() &&
                     router::has_well_key(*snapshot_, *current_.target.provider, now)};
    return plan.failed(failure, now, worker_.uniform(), facts);
}

void Dispatch::add_targets(failover::AttemptPlan& plan, std::span<const std::string> names) {
    if (names.empty()) {
        return;
    }
    for (const router::RoutedTarget& further :
         router::further_targets(*snapshot_, ask(request_.model), names)) {
        if (router::append_new(further, choice_.route.targets)) {
            static_cast<void>(plan.add({.window = further.record->window, .is_named = true}));
        }
    }
}

}  // namespace tollgate::server
