// The attempts of one request: encode, connect, send, classify, relay — until one is committed or
// none is left.
#include "failover/attempts.hpp"

#include "server/dispatch.hpp"
#include "server/upstream/authorize.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <charconv>

namespace tollgate::server {
namespace {

// Where the client sets no bound of its own.
constexpr std::chrono::hours kLongestExchange{24};

// The client's own bound for the whole exchange: x-tollgate-timeout: 30s, 500ms or 2m.
std::optional<Clock::duration> client_timeout(std::string_view text) {
    unsigned number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (ec != std::errc() || number == 0 || number > 86'400'000) {
        return std::nullopt;
    }
    if (unit == "ms") {
        return std::chrono::milliseconds(number);
    }
    if (unit == "m") {
        return std::chrono::minutes(number);
    }
    return unit == "s" || unit.empty()
               ? std::optional<Clock::duration>(std::chrono::seconds(number))
               : std::nullopt;
}

failover::AttemptOptions attempt_options(const config::FailoverSettings& settings) {
    failover::AttemptOptions options;
    options.max_attempts = settings.retries + 1;
    options.backoff_base = settings.backoff.base;
    options.backoff_max = settings.backoff.max;
    options.content_moves_on = settings.content_filtered == config::OnContent::next;
    return options;
}

// Where the gateway's own bound ended the attempts, and not the vendors.
std::string_view why_no_more(failover::GiveUp end) noexcept {
    switch (end) {
        case failover::GiveUp::budget:
            return ". There was no further attempt: failover.retry_budget is used up for now";
        case failover::GiveUp::deadline:
            return ". There was no further attempt: x-tollgate-timeout leaves no time for one";
        default:
            return {};
    }
}

}  // namespace

Dispatch::Trouble& Dispatch::troubled(std::unique_ptr<Trouble>& trouble) {
    if (!trouble) {
        trouble = std::make_unique<Trouble>();
    }
    return *trouble;
}

failover::AttemptPlan Dispatch::make_plan() {
    const std::optional<Clock::duration> asked = client_timeout(x_.head.find("x-tollgate-timeout"));
    exchange_deadline_ = record_.started + std::min<Clock::duration>(
                                               asked.value_or(kLongestExchange), kLongestExchange);
    const std::vector<router::RoutedTarget>& targets = choice_.route.targets;
    failover::AttemptPlan plan(attempt_options(snapshot_->settings().failover), targets.size(),
                               exchange_deadline_, &worker_.retry_budget());
    for (std::size_t i = 0; targets.size() > 1 && i < targets.size(); ++i) {
        plan.describe(i, {.window = targets[i].record->window});
    }
    return plan;
}

void Dispatch::note_interrupted(Failure& last) const {
    last = explain_interrupt(x_.interrupt, std::move(last));
}

Task<void> Dispatch::run_attempts() {
    return snapshot_->settings().failover.hedge.enabled ? try_hedged() : try_targets();
}

Task<void> Dispatch::try_targets() {
    failover::AttemptPlan plan = make_plan();
    std::unique_ptr<Trouble> trouble;  // apart: most requests have none, and streams last long
    start_keep_alive();
    Clock::time_point now = Reactor::now();
    for (failover::Step step = plan.first(now); step.is_attempt();) {
        if (step.wait > Clock::duration::zero()) {
            const Wake wake = co_await worker_.reactor().sleep_until(now + step.wait, x_.interrupt);
            report_.waited += step.wait;  // the vendor's time, not ours
            if (wake == Wake::interrupted) {
                note_interrupted(troubled(trouble).last);
                break;
            }
            now = Reactor::now();
        }
        if (!admit(step.target, step.forced, now)) {
            step = plan.skipped(now, worker_.uniform());
            continue;
        }
        start_hedge(step.target);
        Result<void> outcome = co_await attempt(choice_.route.targets[step.target]);
        if (outcome) {
            outcome = co_await relay();
        }
        close_attempt(outcome, trouble);
        if (!outcome && hedge_ && !is_final()) {
            outcome = co_await follow_hedge(plan, trouble);
        }
        if (outcome) {
            co_return;
        }
        now = Reactor::now();
        if (is_final()) {
            break;
        }
        x_.interrupt.reset();  // a timeout of the attempt that failed
        step = next_step(plan, trouble->last, now);
        trouble->end = step.give_up;
    }
    conclude(troubled(trouble));
}

void Dispatch::close_attempt(Result<void>& outcome, std::unique_ptr<Trouble>& trouble) {
    if (!outcome && current_.provider != nullptr) {
        upstream::hide_secrets(*current_.provider, outcome.error().detail);
    }
    const bool counts = attempting_ && x_.interrupt.cause() != Cause::loser;
    end_attempt(outcome);
    if (outcome) {
        return;
    }
    troubled(trouble).last = outcome.error();
    if (counts) {
        trouble->summary.add(current_.name(), trouble->last, Reactor::now() - current_.began);
    } else if (outcome.error().kind == FailureKind::target_limited) {
        const std::string& provider = current_.target.provider->endpoint.provider;
        trouble->summary.add(provider + "/" + std::string(current_.target.model), trouble->last,
                             Clock::duration::zero());
    }
}

// No attempt is left: the last failure is told, or all of them.
void Dispatch::conclude(Trouble& trouble) {
    if (trouble.summary.size() > 1 && trouble.last.kind != FailureKind::client_gone &&
        !report_.committed && !server::is_final(x_.interrupt.cause())) {
        trouble.last = std::move(trouble.summary).conclude();
    } else if (attempts_ > 0) {
        trouble.last.detail = current_.name() + ": " + trouble.last.detail;
    }
    trouble.last.detail.append(why_no_more(trouble.end));
    refuse(trouble.last);
}

// No further attempt can help: the client has seen the answer begin, or nobody waits for one.
bool Dispatch::is_final() const noexcept {
    return report_.committed || server::is_final(x_.interrupt.cause());
}

// The attempt before this one may have told what it used before it failed.
void Dispatch::keep_spent() {
    complete_usage();
    report_.heard.forget();
    report_.answer_tokens = 0;
    given_up_ = false;
    note_spent(current_, *report_.usage);
    report_.usage.reset();
}

void Dispatch::note_spent(Attempt& attempt, const adapters::Usage& used) {
    if (used.prompt_total() + used.completion_total() == 0) {
        settle_attempt(attempt, used, 0);
        return;
    }
    metrics::SpentAttempt spent{.provider = attempt.provider->endpoint.provider,
                                .model = std::string(attempt.model),
                                .usage = used};
    spent.pricing = price_of(attempt, used, spent.cost, &spent.cost_by_kind);
    settle_attempt(attempt, used, spent.cost);
    record_.spent.push_back(std::move(spent));
}

// Up to a 2xx head.  What it needs on the way is gone when it returns: a stream may be held open
// for minutes.
Task<Result<void>> Dispatch::attempt(const router::RoutedTarget& routed) {
    const router::Provider& provider = *routed.provider;
    const adapters::Target target{.endpoint = &provider.endpoint, .model = routed.model};
    adapters::UpstreamRequest request;
    Result<void> outcome =
        adapters::dialect(provider.vendor.dialect).encode(request_, target, request);
    if (!outcome) {
        co_return outcome;  // what this vendor cannot express is the client's to know; nothing was
                            // attempted
    }
    keep_spent();  // of the attempt before
    outcome = take_attempt_limits();
    if (!outcome) {
        co_return outcome;
    }
    begin_attempt();
    const AttemptWiring wiring = attempt_wiring(x_.interrupt, deadline_);
    outcome = co_await reach_answer(wiring, current_, request);
    report_.waited += current_.waited;
    co_return outcome;
}

AttemptWiring Dispatch::attempt_wiring(Interrupt& interrupt, InterruptDeadline& deadline) const {
    return {.worker = worker_,
            .snapshot = snapshot_,
            .request = request_,
            .client = x_.head,
            .wall = record_.wall,
            .exchange_deadline = exchange_deadline_,
            .number = attempts_ - 1U,
            .interrupt = interrupt,
            .deadline = deadline};
}

// From a 2xx head to the end of the answer.
Task<Result<void>> Dispatch::relay() {
    const AnswerPath path{.responder = x_.responder,
                          .interrupt = x_.interrupt,
                          .deadline = deadline_,
                          .heads = *this};
    relay_.emplace(relay_wiring(current_, path), report_);
    return relay_->run();
}

RelayWiring Dispatch::relay_wiring(const Attempt& attempt, const AnswerPath& path) const {
    const auto created =
        std::chrono::duration_cast<std::chrono::seconds>(record_.wall.time_since_epoch());
    return {.call = *attempt.call,
            .head = attempt.head,
            .dialect = adapters::dialect(attempt.provider->vendor.dialect),
            .vendor = attempt.provider->vendor,
            .request = request_,
            .target = {.endpoint = &attempt.provider->endpoint, .model = attempt.model},
            .responder = path.responder,
            .interrupt = path.interrupt,
            .deadline = path.deadline,
            .heads = path.heads,
            .idle_timeout = attempt.timeouts.idle,
            .total_deadline = attempt.total_deadline,
            .first_token_deadline = attempt.first_token_deadline,
            .request_id = record_.request_id,
            .created = created.count()};
}

}  // namespace tollgate::server
