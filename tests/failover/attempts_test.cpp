#include "failover/attempts.hpp"

#include "tests/failover/manual_clock.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace tollgate::failover;
using namespace std::chrono_literals;

namespace {

Failure failure(FailureKind kind) {
    return {.kind = kind, .detail = "test"};
}
Failure limited(std::chrono::milliseconds retry_after) {
    Failure one = failure(FailureKind::upstream_limited);
    one.retry_after = retry_after;
    return one;
}

/// "attempt 1 +200ms", "attempt 0 forced", "give up: targets".
std::string text(const Step& step) {
    if (!step.is_attempt()) {
        return "give up: " + std::string(to_string(step.give_up));
    }
    std::string out = "attempt " + std::to_string(step.target);
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(step.wait).count();
    if (wait > 0) {
        out += " +" + std::to_string(wait) + "ms";
    }
    return out + (step.forced ? " forced" : "");
}

struct Fixture {
    ManualClock clock;
    AttemptOptions options;
    AttemptPlan plan(std::size_t targets, Clock::duration deadline = 60s,
                     RetryBudget* budget = nullptr) const {
        return {options, targets, clock.now() + deadline, budget};
    }
};

}  // namespace

TEST_CASE("every kind is retried as its policy says") {
    for (std::size_t i = 0; i < kFailureKinds; ++i) {
        const auto kind = static_cast<FailureKind>(i);
        INFO(policy(kind).name);
        Fixture fixture;
        AttemptPlan two = fixture.plan(2);
        CHECK(text(two.first(fixture.clock.now())) == "attempt 0");
        const std::string with_other = text(two.failed(failure(kind), fixture.clock.now(), 0.5));
        AttemptPlan one = fixture.plan(1);
        CHECK(text(one.first(fixture.clock.now())) == "attempt 0");
        const std::string alone = text(one.failed(failure(kind), fixture.clock.now(), 0.5));
        switch (policy(kind).retry) {
            case RetryRule::never:
                CHECK(with_other == "give up: not_retryable");
                CHECK(alone == "give up: not_retryable");
                break;
            case RetryRule::elsewhere:
                CHECK(with_other == "attempt 1");
                CHECK(alone == "give up: targets");
                break;
            case RetryRule::always:
            case RetryRule::in_place:
                CHECK(with_other == "attempt 1");
                CHECK(alone == "attempt 0 +100ms");
                break;
        }
    }
}

TEST_CASE("attempts end at the maximum, the first included") {
    Fixture fixture;
    fixture.options.max_attempts = 3;
    AttemptPlan plan = fixture.plan(5);
    CHECK(text(plan.first(fixture.clock.now())) == "attempt 0");
    const Failure down = failure(FailureKind::upstream_unavailable);
    CHECK(text(plan.failed(down, fixture.clock.now(), 0)) == "attempt 1");
    CHECK(text(plan.failed(down, fixture.clock.now(), 0)) == "attempt 2");
    CHECK(text(plan.failed(down, fixture.clock.now(), 0)) == "give up: attempts");
    CHECK(plan.attempts() == 3);
}

TEST_CASE("backoff doubles up to its maximum, with full jitter") {
    Fixture fixture;
    fixture.options.max_attempts = 20;
    fixture.options.backoff_base = 200ms;
    fixture.options.backoff_max = 1s;
    AttemptPlan most = fixture.plan(1);
    AttemptPlan least = fixture.plan(1);
    (void)most.first(fixture.clock.now());
    (void)least.first(fixture.clock.now());
    const Failure down = failure(FailureKind::upstream_unavailable);
    for (const std::string expected :
         {" +199ms", " +399ms", " +799ms", " +999ms", " +999ms", " +999ms"}) {
        CHECK(text(most.failed(down, fixture.clock.now(), 0.9999)) == "attempt 0" + expected);
        CHECK(text(least.failed(down, fixture.clock.now(), 0.0)) == "attempt 0");
    }
}

TEST_CASE("when all targets have been tried, the one tried least comes next") {
    Fixture fixture;
    fixture.options.max_attempts = 9;
    AttemptPlan plan = fixture.plan(3);
    (void)plan.first(fixture.clock.now());
    const Failure down = failure(FailureKind::connect_failed);
    std::string order;
    for (int i = 0; i < 7; ++i) {
        order += std::to_string(plan.failed(down, fixture.clock.now(), 0.1).target);
    }
    CHECK(order == "1201201");
}

TEST_CASE("a target that failed for good is not tried again, another that may recover is") {
    Fixture fixture;
    fixture.options.max_attempts = 9;
    AttemptPlan plan = fixture.plan(2);
    (void)plan.first(fixture.clock.now());
    CHECK(text(plan.failed(failure(FailureKind::upstream_unavailable), fixture.clock.now(), 0.5)) ==
          "attempt 1");
    CHECK(text(plan.failed(failure(FailureKind::upstream_timeout), fixture.clock.now(), 0.5)) ==
          "attempt 0 +100ms");
    CHECK(text(plan.failed(failure(FailureKind::upstream_auth), fixture.clock.now(), 0.5)) ==
          "give up: targets");
}

TEST_CASE("a short Retry-After is waited for where nothing else is left to try") {
    Fixture fixture;
    fixture.options.max_attempts = 9;
    AttemptPlan plan = fixture.plan(2);
    (void)plan.first(fixture.clock.now());
    CHECK(text(plan.failed(limited(2000ms), fixture.clock.now(), 0.5)) == "attempt 1");
    CHECK(text(plan.failed(limited(1500ms), fixture.clock.now(), 0.5)) == "attempt 0 +2000ms");
    fixture.clock.advance(2s);
    CHECK(text(plan.failed(limited(700ms), fixture.clock.now(), 0)) == "attempt 1");
    CHECK(text(plan.failed(limited(700ms), fixture.clock.now(), 0)) == "attempt 0 +700ms");
}

TEST_CASE("trouble of a key is tried again with another key of the same target at once") {
    Fixture fixture;
    fixture.options.max_attempts = 9;
    for (const FailureKind kind :
         {FailureKind::upstream_auth, FailureKind::upstream_quota, FailureKind::upstream_limited}) {
        INFO(policy(kind).name);
        AttemptPlan plan = fixture.plan(2);
        (void)plan.first(fixture.clock.now());
        const AttemptFacts other{.other_key = true};
        CHECK(text(plan.failed(failure(kind), fixture.clock.now(), 0.5, other)) == "attempt 0");
        CHECK(text(plan.failed(failure(kind), fixture.clock.now(), 0.5)) == "attempt 1");
    }
    AttemptPlan down = fixture.plan(2);
    (void)down.first(fixture.clock.now());
    CHECK(text(down.failed(failure(FailureKind::upstream_unavailable), fixture.clock.now(), 0.5,
                           {.other_key = true})) == "attempt 1");
}

TEST_CASE("a prompt that does not fit goes to a window known to be larger, and nowhere else") {
    Fixture fixture;
    fixture.options.max_attempts = 9;
    AttemptPlan plan = fixture.plan(4);
    const std::uint64_t windows[] = {8'000, 0, 8'000, 128'000};
    for (std::size_t i = 0; i < 4; ++i) {
        plan.describe(i, {.window = windows[i]});
    }
    (void)plan.first(fixture.clock.now());
    const Failure full = failure(FailureKind::context_exceeded);
    CHECK(text(plan.failed(full, fixture.clock.now(), 0.5)) == "attempt 3");
    CHECK(text(plan.failed(full, fixture.clock.now(), 0.5)) == "give up: not_retryable");

    AttemptPlan named = fixture.plan(2);
    (void)named.first(fixture.clock.now());
    CHECK(named.add({.is_named = true}) == 2);
    CHECK(text(named.failed(full, fixture.clock.now(), 0.5)) == "attempt 2");
}

TEST_CASE("an unknown model moves on to the next target, other refusals end the request") {
    Fixture fixture;
    Failure missing = failure(FailureKind::upstream_rejected);
    missing.upstream_status = 404;
    AttemptPlan plan = fixture.plan(2);
    (void)plan.first(fixture.clock.now());
    CHECK(text(plan.failed(missing, fixture.clock.now(), 0.5)) == "attempt 1");
    CHECK(text(plan.failed(missing, fixture.clock.now(), 0.5)) == "give up: not_retryable");
    missing.upstream_status = 400;
    missing.code = "model_not_found";
    AttemptPlan coded = fixture.plan(2);
    (void)coded.first(fixture.clock.now());
    CHECK(text(coded.failed(missing, fixture.clock.now(), 0.5)) == "attempt 1");
    missing.code = {};
    AttemptPlan other = fixture.plan(2);
    (void)other.first(fixture.clock.now());
    CHECK(text(other.failed(missing, fixture.clock.now(), 0.5)) == "give up: not_retryable");
}

TEST_CASE("a content policy's refusal moves on only where that is wanted") {
    Fixture fixture;
    const Failure refused = failure(FailureKind::content_filtered);
    for (const bool wanted : {false, true}) {
        fixture.options.content_moves_on = wanted;
        AttemptPlan plan = fixture.plan(2);
        (void)plan.first(fixture.clock.now());
        CHECK(text(plan.failed(refused, fixture.clock.now(), 0.5)) ==
              (wanted ? "attempt 1" : "give up: not_retryable"));
        AttemptPlan named = fixture.plan(2);
        (void)named.first(fixture.clock.now());
        (void)named.add({.is_named = true});
        CHECK(text(named.failed(refused, fixture.clock.now(), 0.5)) ==
              (wanted ? "attempt 1" : "attempt 2"));
    }
}

TEST_CASE("a long Retry-After means elsewhere, and never back before its time") {
    Fixture fixture;
    fixture.options.max_attempts = 9;
    AttemptPlan plan = fixture.plan(2);
    (void)plan.first(fixture.clock.now());
    CHECK(text(plan.failed(limited(2001ms), fixture.clock.now(), 0.5)) == "attempt 1");
    CHECK(text(plan.failed(limited(30s), fixture.clock.now(), 0.5)) == "give up: targets");
}

TEST_CASE("the deadline wins over every wait") {
    Fixture fixture;
    AttemptPlan backing_off = fixture.plan(1, 100ms);
    (void)backing_off.first(fixture.clock.now());
    const Failure down = failure(FailureKind::upstream_unavailable);
    CHECK(text(backing_off.failed(down, fixture.clock.now(), 0.5)) == "give up: deadline");

    AttemptPlan told_to_wait = fixture.plan(2, 1s);
    (void)told_to_wait.first(fixture.clock.now());
    CHECK(text(told_to_wait.failed(limited(1s), fixture.clock.now(), 0.5)) == "attempt 1");

    AttemptPlan late = fixture.plan(2, 1s);
    (void)late.first(fixture.clock.now());
    fixture.clock.advance(1s);
    CHECK(text(late.failed(down, fixture.clock.now(), 0.5)) == "give up: deadline");
    CHECK(text(fixture.plan(1, 0s).first(fixture.clock.now())) == "give up: deadline");
}

TEST_CASE("skipped targets are no attempts") {
    Fixture fixture;
    fixture.options.max_attempts = 2;
    AttemptPlan plan = fixture.plan(4);
    CHECK(text(plan.first(fixture.clock.now())) == "attempt 0");
    CHECK(text(plan.skipped(fixture.clock.now(), 0)) == "attempt 1");
    CHECK(plan.attempts() == 1);
    CHECK(text(plan.failed(failure(FailureKind::upstream_unavailable), fixture.clock.now(), 0)) ==
          "attempt 2");
    CHECK(text(plan.skipped(fixture.clock.now(), 0)) == "attempt 3");
    CHECK(text(plan.failed(failure(FailureKind::upstream_unavailable), fixture.clock.now(), 0)) ==
          "give up: attempts");
}

TEST_CASE("after a skip of the last target the one that may recover is tried again") {
    Fixture fixture;
    AttemptPlan plan = fixture.plan(2);
    (void)plan.first(fixture.clock.now());
    CHECK(text(plan.failed(failure(FailureKind::upstream_unavailable), fixture.clock.now(), 0.5)) ==
          "attempt 1");
    CHECK(text(plan.skipped(fixture.clock.now(), 0.5)) == "attempt 0 +100ms");
    CHECK(text(plan.skipped(fixture.clock.now(), 0.5)) == "give up: targets");
}

TEST_CASE("when every target is skipped the first is tried all the same, once") {
    Fixture fixture;
    AttemptPlan plan = fixture.plan(2);
    (void)plan.first(fixture.clock.now());
    CHECK(text(plan.skipped(fixture.clock.now(), 0)) == "attempt 1");
    CHECK(text(plan.skipped(fixture.clock.now(), 0)) == "attempt 0 forced");
    CHECK(text(plan.failed(failure(FailureKind::upstream_unavailable), fixture.clock.now(), 0)) ==
          "give up: targets");

    AttemptPlan stubborn = fixture.plan(1);
    (void)stubborn.first(fixture.clock.now());
    CHECK(text(stubborn.skipped(fixture.clock.now(), 0)) == "attempt 0 forced");
    CHECK(text(stubborn.skipped(fixture.clock.now(), 0)) == "give up: targets");
}

TEST_CASE("a route without targets gives up at once") {
    Fixture fixture;
    CHECK(text(fixture.plan(0).first(fixture.clock.now())) == "give up: targets");
}

TEST_CASE("only repeating is taken out of the retry budget") {
    Fixture fixture;
    fixture.options.max_attempts = 10;
    BudgetOptions budget_options;
    budget_options.floor = 1;
    budget_options.share = 0;
    RetryBudget budget(budget_options);
    const Failure down = failure(FailureKind::upstream_unavailable);
    AttemptPlan plan = fixture.plan(3, 60s, &budget);
    CHECK(text(plan.first(fixture.clock.now())) == "attempt 0");
    CHECK(text(plan.skipped(fixture.clock.now(), 0)) == "attempt 1");
    CHECK(text(plan.failed(down, fixture.clock.now(), 0)) == "attempt 2");
    CHECK(budget.counts(fixture.clock.now()).requests == 1);
    CHECK(budget.counts(fixture.clock.now()).retries == 0);
    CHECK(text(plan.failed(down, fixture.clock.now(), 0)) == "attempt 1");
    CHECK(budget.counts(fixture.clock.now()).retries == 1);
    CHECK(text(plan.failed(down, fixture.clock.now(), 0)) == "give up: budget");
    AttemptPlan next = fixture.plan(2, 60s, &budget);
    CHECK(text(next.first(fixture.clock.now())) == "attempt 0");
    CHECK(text(next.failed(down, fixture.clock.now(), 0)) == "attempt 1");  // costs nobody more
    CHECK(text(next.failed(down, fixture.clock.now(), 0)) == "give up: budget");
}

TEST_CASE("a target that a limit of ours keeps out costs neither an attempt nor budget") {
    Fixture fixture;
    fixture.options.max_attempts = 1;
    BudgetOptions nothing;
    nothing.share = 0;
    nothing.floor = 0;
    RetryBudget empty(nothing);
    AttemptPlan plan = fixture.plan(3, 60s, &empty);
    const Failure full = failure(FailureKind::target_limited);
    CHECK(text(plan.first(fixture.clock.now())) == "attempt 0");
    CHECK(text(plan.failed(full, fixture.clock.now(), 0.5)) == "attempt 1");
    CHECK(text(plan.failed(full, fixture.clock.now(), 0.5)) == "attempt 2");
    CHECK(plan.attempts() == 1);
    CHECK(text(plan.failed(full, fixture.clock.now(), 0.5)) == "give up: targets");
}

TEST_CASE("whatever happens, a plan ends") {
    std::uint64_t state = 12345;
    const auto next = [&state] {
        return state = state * 6364136223846793005U + 1442695040888963407U;
    };
    for (int run = 0; run < 2000; ++run) {
        Fixture fixture;
        fixture.options.max_attempts = 1 + static_cast<std::uint32_t>(next() >> 60U);
        AttemptPlan plan = fixture.plan((next() >> 33U) % 5);
        const Clock::time_point deadline = fixture.clock.now() + 60s;
        Step step = plan.first(fixture.clock.now());
        int steps = 0;
        while (step.is_attempt()) {
            REQUIRE(++steps < 60);
            CHECK(fixture.clock.now() + step.wait < deadline);
            CHECK(plan.attempts() <= fixture.options.max_attempts);
            fixture.clock.advance(step.wait + std::chrono::milliseconds((next() >> 40U) % 3000));
            const double random = static_cast<double>(next() >> 11U) * 0x1.0p-53;
            if ((next() >> 40U) % 4 == 0) {
                step = plan.skipped(fixture.clock.now(), random);
                continue;
            }
            Failure one = failure(static_cast<FailureKind>((next() >> 33U) % kFailureKinds));
            if ((next() >> 40U) % 2 == 0) {
                one.retry_after = std::chrono::milliseconds((next() >> 40U) % 5000);
            }
            step = plan.failed(one, fixture.clock.now(), random);
        }
    }
}

TEST_CASE("a second attempt that failed beside the first is neither repeated nor counted") {
    Fixture fixture;
    fixture.options.max_attempts = 2;
    AttemptPlan plan = fixture.plan(3);
    CHECK(text(plan.first(fixture.clock.now())) == "attempt 0");
    plan.also_failed(1, failure(FailureKind::upstream_timeout));
    CHECK(text(plan.failed(failure(FailureKind::upstream_timeout), fixture.clock.now(), 0.5)) ==
          "attempt 2");
    CHECK(plan.attempts() == 2);

    AttemptPlan pair = fixture.plan(2);
    CHECK(text(pair.first(fixture.clock.now())) == "attempt 0");
    pair.also_failed(1, failure(FailureKind::upstream_unavailable));
    CHECK(text(pair.failed(failure(FailureKind::upstream_timeout), fixture.clock.now(), 0.5)) ==
          "attempt 1 +100ms");
}
