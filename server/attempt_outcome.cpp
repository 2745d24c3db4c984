// What an attempt tells about its target and key, and what follows from it.
#include "router/choose.hpp"
#include "server/dispatch.hpp"
#include "server/upstream/authorize.hpp"
#include "server/worker.hpp"

#include <algorithm>

namespace tollgate::server {
namespace {

void overlay(const config::TimeoutOverrides& from, config::ProviderTimeouts& to) {
    to.connect = from.connect.value_or(to.connect);
    to.first_byte = from.first_byte.value_or(to.first_byte);
    to.first_token = from.first_token.value_or(to.first_token);
    to.idle = from.idle.value_or(to.idle);
    to.total = from.total.value_or(to.total);
}

// The failure is about the vendor or our account there, so an operator wants to read of it.
bool is_ours(const Failure& failure) noexcept {
    const failover::FailurePolicy& row = failover::policy(failure.kind);
    return row.side == failover::FailureSide::upstream ||
           row.health == failover::HealthEffect::key_quarantine;
}

}  // namespace

config::ProviderTimeouts Dispatch::timeouts_of(const router::RoutedTarget& routed) const {
    config::ProviderTimeouts timeouts = routed.provider->settings.timeouts;
    if (choice_.route.group != nullptr) {
        overlay(choice_.route.group->timeouts, timeouts);
    }
    if (routed.timeouts != nullptr) {
        overlay(*routed.timeouts, timeouts);
    }
    return timeouts;
}

// May the attempt begin?  Targets that are not well stand last and are tried in their turn: there
// is nothing better then.  Only where another worker's probe came in between, the next one comes
// first.
bool Dispatch::admit(std::size_t index, bool forced, Clock::time_point now) {
    const router::RoutedTarget& target = choice_.route.targets[index];
    const failover::BreakerOptions& options = snapshot_->health_options().breaker;
    failover::Breaker& breaker = target.record->live->health.breaker;
    admission_ = breaker.admit(now, options);
    if (admission_ == failover::Admission::refused) {
        const std::size_t next = index + 1;
        if (!forced && next < choice_.route.targets.size() &&
            snapshot_->is_well(choice_.route.targets[next], now)) {
            return false;
        }
        admission_ = breaker.force(now, options);
    }
    key_ = router::choose_key(*snapshot_, *target.provider, worker_.random(), now);
    if (target.provider->key_live.size() > 1) {
        key_admission_ = key_.live->health.breaker.force(now, options);
    }
    attempt_began_ = now;
    target_ = target;
    timeouts_ = timeouts_of(target);
    return true;
}

void Dispatch::begin_attempt(const router::RoutedTarget& routed) {
    keep_spent();
    if (attempts_ > 0 && left_ != routed.record) {
        worker_.shard().add_failover(
            {.from = provider_->label, .to = routed.provider->label, .reason = last_kind_});
    }
    ++attempts_;
    attempting_ = true;
    sent_ = false;
    given_up_ = false;
    left_ = routed.record;
    provider_ = routed.provider;
    origin_ = nullptr;
    record_.provider = provider_->endpoint.provider;
    record_.model = routed.model;
    model_ = record_.model;  // the request, which the route's view may point into, goes when the
                             // answer is committed
    known_model_ = provider_->prices.find(model_);
    upstream_head_ = upstream::CallHead();
    routed.record->live->health.began(attempt_began_);
    if (has_pool()) {
        key_.live->health.began(attempt_began_);
    }
}

void Dispatch::end_attempt(const Result<void>& outcome) {
    given_up_ = sent_ && !outcome && x_.interrupt.cause() != Cause::none;
    deadline_.clear();
    relay_.reset();
    call_.reset();  // unfinished: cancels the vendor's work at once
    if (!std::exchange(attempting_, false)) {
        // Refused before anything was attempted: makes room for another probe.
        target_.record->live->health.breaker.abandoned(admission_);
        if (target_.provider->key_live.size() > 1) {
            key_.live->health.breaker.abandoned(key_admission_);
        }
        return;
    }
    const std::size_t index = outcome ? 0 : 1 + static_cast<std::size_t>(outcome.error().kind);
    worker_.shard().add_attempt(provider_->label, index);
    note_health(outcome, outcome && report_.committed ? report_.first_byte : Reactor::now());
    if (outcome) {
        return;
    }
    const Failure& failure = outcome.error();
    last_kind_ = static_cast<std::uint8_t>(failure.kind);
    if (failure.kind == FailureKind::upstream_auth && upstream::needs_token(*provider_)) {
        worker_.tokens().forget(
            *provider_);  // revoked or rotated: the next attempt fetches another
    }
    if (is_ours(failure)) {
        worker_.logger().log(metrics::Level::warn, "upstream attempt failed",
                             {{"request_id", record_.request_id},
                              {"provider", provider_->endpoint.provider},
                              {"model", model_},
                              {"attempt", attempts_},
                              {"kind", failover::policy(failure.kind).name},
                              {"upstream_status", failure.upstream_status},
                              {"detail", failure.detail}});
    }
}

void Dispatch::note_health(const Result<void>& outcome, Clock::time_point now) {
    using failover::HealthEffect;
    const failover::HealthOptions& options = snapshot_->health_options();
    failover::Health& target = target_.record->live->health;
    failover::Health& key = key_.live->health;
    const bool silent = !outcome && (server::is_final(x_.interrupt.cause()) ||
                                     outcome.error().kind == FailureKind::client_gone);
    if (silent) {
        target.abandoned(admission_);
        if (has_pool()) {
            key.abandoned(key_admission_);
        }
        return;
    }
    if (outcome) {
        note_turn(target.succeeded(admission_, now, options), false);
        if (has_pool()) {
            note_turn(key.succeeded(key_admission_, now, options), true);
        }
        note_answer(now);
        return;
    }
    const Failure& failure = outcome.error();
    const HealthEffect effect = failover::policy(failure.kind).health;
    // A limit is the key's where there are several, else the model's; a refusal is always the
    // key's.
    const bool key_only =
        effect == HealthEffect::key_quarantine || (effect == HealthEffect::cool_down && has_pool());
    note_turn(key_only ? target.succeeded(admission_, now, options)
                       : target.failed(admission_, failure, now, options),
              false);
    if (has_pool()) {
        note_turn(key.failed(key_admission_, failure, now, options), true);
    }
    if (effect == HealthEffect::key_quarantine) {
        note_refused_key(failure, now);
    }
    if (effect == HealthEffect::error) {
        target.first_token.observe(now - attempt_began_, now);  // a slow failure is slow, too
    }
}

// An operator wants to read of each turn once, whichever worker it came from.
void Dispatch::note_turn(failover::Turn turn, bool of_key) {
    if (turn == failover::Turn::none) [[likely]] {
        return;
    }
    const bool opened = turn == failover::Turn::opened;
    const metrics::Level level = opened ? metrics::Level::warn : metrics::Level::info;
    const std::string_view event = opened ? "breaker opened" : "breaker closed";
    const std::string& provider = provider_->endpoint.provider;
    if (of_key) {
        worker_.logger().log(level, event, {{"provider", provider}, {"key", key_.index + 1}});
    } else {
        worker_.logger().log(level, event, {{"provider", provider}, {"model", model_}});
    }
}

void Dispatch::note_refused_key(const Failure& failure, Clock::time_point now) {
    const auto rest = snapshot_->health_options().cool_down.quarantine;
    if (rest.count() == 0) {
        return;
    }
    key_.live->health.rest(failover::Rest::refused, now + rest);
    worker_.logger().log(
        metrics::Level::error, "key in quarantine",
        {{"provider", provider_->endpoint.provider},
         {"key", key_.index + 1},
         {"keys", std::max<std::size_t>(provider_->keys.size(), 1)},
         {"kind", failover::policy(failure.kind).name},
         {"upstream_status", failure.upstream_status},
         {"for_seconds", std::chrono::duration_cast<std::chrono::seconds>(rest).count()}});
}

void Dispatch::note_answer(Clock::time_point now) {
    failover::Health& target = target_.record->live->health;
    target.first_token.observe(now - attempt_began_, now);
    if (has_pool()) {
        key_.live->health.first_token.observe(now - attempt_began_, now);
    }
    if (choice_.conversation != 0) {
        worker_.shared().sticky.remember(choice_.conversation, target_.record->live->id, now);
    }
    if (snapshot_->watches_rates()) {
        const std::uint64_t tokens =
            report_.usage.prompt_total() + report_.usage.completion_total();
        const auto unix_now =
            std::chrono::duration_cast<std::chrono::seconds>(record_.wall.time_since_epoch());
        const failover::RateReport report =
            failover::parse_rate_limits(upstream_head_.relayed, unix_now.count());
        for (failover::Health* const one : {&target, &key_.live->health}) {
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
        .other_key = has_pool() && router::has_well_key(*snapshot_, *provider_, now)};
    return plan.failed(failure, now, worker_.uniform(), facts);
}

void Dispatch::add_targets(failover::AttemptPlan& plan, std::span<const std::string> names) {
    if (names.empty()) {
        return;
    }
    std::vector<router::RoutedTarget>& targets = choice_.route.targets;
    for (const router::RoutedTarget& further :
         router::further_targets(*snapshot_, ask(request_.model), names)) {
        const bool known =
            std::any_of(targets.begin(), targets.end(), [&](const router::RoutedTarget& one) {
                return one.provider == further.provider && one.model == further.model;
            });
        if (!known) {
            targets.push_back(further);
            static_cast<void>(plan.add({.window = further.record->window, .is_named = true}));
        }
    }
}

}  // namespace tollgate::server
