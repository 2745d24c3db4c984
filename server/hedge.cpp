// A second attempt beside a first one that is slow.  The first good answer wins: whichever of the
// two is about to be committed cancels the other.
#include "failover/hedge.hpp"

#include "router/side_effects.hpp"
#include "server/discarding_responder.hpp"
#include "server/dispatch.hpp"
#include "server/io/task_group.hpp"
#include "server/upstream/authorize.hpp"
#include "server/upstream/replayed_call.hpp"
#include "server/worker.hpp"

#include <exception>
#include <string>
#include <utility>

namespace tollgate::server {
namespace {

failover::HedgeOptions options_of(const config::Hedge& settings) noexcept {
    return {.percentile = settings.percentile, .delay = settings.delay, .share = settings.budget};
}

}  // namespace

// Runs its attempt up to the point where a relay would commit it, with a relay whose client is
// nobody.  The exchange then reads the kept bytes again.
class Dispatch::Hedge final : public Deadline, private HeadMaker, private DiscardingResponder {
public:
    enum class State : std::uint8_t { waiting, running, good, failed, over };

    Hedge(Dispatch& dispatch, std::size_t first)
        : Deadline(dispatch.worker_.reactor()),
          dispatch_(dispatch),
          interrupt_(dispatch.worker_.reactor()),
          deadline_(dispatch.worker_.reactor(), interrupt_),
          tasks_(dispatch.worker_.reactor(), [this](std::string_view what) { report_bug(what); }),
          first_(first) {}

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] std::size_t first() const noexcept { return first_; }
    [[nodiscard]] bool is_running() const noexcept { return tasks_.size() > 0; }
    /// It works at something that may cost.
    [[nodiscard]] bool competes() const noexcept {
        return state_ == State::running || state_ == State::good;
    }
    /// Whether a time of its own ran out while the vendor worked.
    [[nodiscard]] bool gave_up() const noexcept {
        return attempt.is_sent && interrupt_.cause() != Cause::none;
    }

    /// Its call is cancelled as soon as the task notices.
    void stop() noexcept {
        clear();
        state_ = State::over;
        interrupt_.fire(Cause::loser);
    }
    [[nodiscard]] Task<void> join() {
        Interrupt never(interrupt_.reactor());
        co_await tasks_.wait_empty(never);
    }
    /// Until it is good or has failed, or `interrupt` fires.
    [[nodiscard]] Task<void> wait(Interrupt& interrupt) {
        while (state_ == State::running && !interrupt.fired()) {
            co_await change_.wait(interrupt);
        }
    }

    Attempt attempt;
    adapters::UpstreamRequest request;
    RelayReport report;
    Failure failure;
    std::size_t target = 0;

private:
    void expired() override {
        state_ = dispatch_.begin_hedge(*this) ? State::running : State::over;
        if (state_ == State::running) {
            tasks_.spawn(run());
        }
    }

    Task<void> run() {
        const AttemptWiring wiring = dispatch_.attempt_wiring(interrupt_, deadline_);
        Result<void> outcome = co_await reach_answer(wiring, attempt, request);
        if (outcome) {
            auto call = std::make_unique<upstream::ReplayedCall>(std::move(attempt.call));
            upstream::ReplayedCall& kept = *call;
            attempt.call = std::move(call);
            outcome = co_await rehearse();
            kept.rewind();
        }
        deadline_.clear();
        if (state_ == State::running) {
            settle_as(std::move(outcome));
        } else {
            attempt.call.reset();
        }
    }

    Task<Result<void>> rehearse() {
        const AnswerPath path{
            .responder = *this, .interrupt = interrupt_, .deadline = deadline_, .heads = *this};
        Relay relay(dispatch_.relay_wiring(attempt, path), report);
        Result<void> outcome = co_await relay.run();
        co_return is_good_ ? Result<void>() : std::move(outcome);
    }

    void settle_as(Result<void> outcome) {
        state_ = outcome ? State::good : State::failed;
        if (!outcome) {
            failure = std::move(outcome.error());
            attempt.call.reset();
            dispatch_.fail_hedge(*this);
        }
        if (change_.size() > 0) {
            change_.wake_all();  // the first attempt has failed and this one is waited for
        } else if (outcome) {
            dispatch_.x_.interrupt.fire(Cause::loser);
        }
    }

    void report_bug(std::string_view what) {
        dispatch_.worker_.report_bug(what);
        if (state_ == State::running) {
            settle_as(fail(FailureKind::internal, "a bug in the second attempt"));
        }
    }

    // ---- HeadMaker: this is the point of commit ----
    ResponseHead make_head(const upstream::CallHead&, std::string_view,
                           std::optional<std::uint64_t>) override {
        is_good_ = true;
        interrupt_.fire(Cause::elapsed);  // nothing further is read for now
        return {};
    }
    void settle() override {}
    std::string usage_cost(const adapters::Usage&) override { return {}; }

    Dispatch& dispatch_;
    Interrupt interrupt_;
    InterruptDeadline deadline_;
    WaitList change_;
    TaskGroup tasks_;
    std::size_t first_;  // of the targets: the one that it runs beside
    State state_ = State::waiting;
    bool is_good_ = false;
};

void Dispatch::HedgeDeleter::operator()(Hedge* hedge) const noexcept {
    delete hedge;
}

// Only beside the first attempt of a request.
void Dispatch::start_hedge(std::size_t target) {
    const config::Hedge& settings = snapshot_->settings().failover.hedge;
    if (!settings.enabled || attempts_ > 0 || hedge_ || !x_.shadow_model.empty()) [[likely]] {
        return;
    }
    const failover::HedgeOptions options = options_of(settings);
    worker_.hedge_budget().request(options);
    const failover::Health& health = choice_.route.targets[target].record->live->health;
    const std::optional<Clock::duration> delay =
        failover::hedge_delay(options, health.first_tokens[request_.stream ? 1 : 0]);
    if (delay) {
        hedge_.reset(new Hedge(*this, target));
        hedge_->set(current_.began + *delay);
    }
}

// Where a group shares its load, another target is asked; else the same once more.
std::size_t Dispatch::hedge_target(std::size_t first, Clock::time_point now) const {
    const router::Route& route = choice_.route;
    if (route.group == nullptr || route.group->is_chain) {
        return first;
    }
    for (std::size_t i = 0; i < route.targets.size(); ++i) {
        if (i != first && snapshot_->is_well(route.targets[i], now)) {
            return i;
        }
    }
    return first;
}

// The first attempt has taken long enough.  Never where asking twice would leave more behind than
// asking once.
bool Dispatch::begin_hedge(Hedge& hedge) {
    if (report_.committed || !attempting_ || !x_.head.find("idempotency-key").empty() ||
        router::has_side_effects(request_)) {
        return false;
    }
    const Clock::time_point now = Reactor::now();
    hedge.target = hedge_target(hedge.first(), now);
    const router::RoutedTarget& target = choice_.route.targets[hedge.target];
    if (!snapshot_->is_well(target, now)) {
        return false;
    }
    Attempt& attempt = hedge.attempt;
    attempt.admission =
        target.record->live->health.breaker.admit(now, snapshot_->health_options().breaker);
    if (attempt.admission == failover::Admission::refused) {
        return false;
    }
    attempt.aim(*snapshot_, choice_.route, target, worker_.random(), now);
    const adapters::Target there{.endpoint = &target.provider->endpoint, .model = target.model};
    if (!adapters::dialect(target.provider->vendor.dialect)
             .encode(request_, there, hedge.request)) {
        attempt.withdraw();
        return false;
    }
    router::Scopes scopes;
    if (reserve(attempt, scopes)) {  // limits and budgets are for the attempt that is needed
        attempt.withdraw();
        return false;
    }
    if (!worker_.hedge_budget().try_hedge()) {
        attempt.lease.give_back();
        attempt.withdraw();
        worker_.shard().add_hedge(metrics::Hedge::no_budget);
        return false;
    }
    ++attempts_;
    attempt.begin();
    return true;
}

void Dispatch::fail_hedge(Hedge& hedge) {
    upstream::hide_secrets(*hedge.attempt.provider, hedge.failure.detail);
    note_failed(hedge.attempt, hedge.failure, false);
    worker_.shard().add_hedge(metrics::Hedge::failed);
    note_spent(hedge.attempt, hedge.gave_up() && !hedge.report.usage->reported
                                  ? estimated_usage(hedge.attempt, hedge.report)
                                  : *hedge.report.usage);
}

// The first attempt is about to be committed, or nobody waits for either of them.
void Dispatch::outpace_hedge() {
    if (!hedge_) [[likely]] {
        return;
    }
    if (x_.interrupt.cause() == Cause::loser) {
        x_.interrupt.reset();  // the second one was good in the same moment
    }
    if (hedge_->competes()) {
        Attempt& attempt = hedge_->attempt;
        note_outpaced(attempt);
        worker_.shard().add_hedge(metrics::Hedge::lost);
        if (hedge_->report.usage->reported) {
            note_spent(attempt, *hedge_->report.usage);
        } else if (attempt.is_sent) {
            note_spent(attempt, estimated_usage(attempt, hedge_->report));
        }
    }
    hedge_->stop();
    if (!hedge_->is_running()) {
        hedge_.reset();
    }
}

// The first attempt has failed, or has been outpaced: the second one is waited for, and taken over
// where it has a good answer.
Task<Result<void>> Dispatch::follow_hedge(failover::AttemptPlan& plan,
                                          std::unique_ptr<Trouble>& trouble) {
    Hedge& hedge = *hedge_;
    if (hedge.state() == Hedge::State::waiting) {
        hedge.stop();
    }
    x_.interrupt.reset();
    const Clock::time_point begun = Reactor::now();
    co_await hedge.wait(x_.interrupt);
    report_.waited += Reactor::now() - begun;
    if (hedge.state() == Hedge::State::failed) {
        trouble->summary.add(hedge.attempt.name(), hedge.failure,
                             Reactor::now() - hedge.attempt.began);
        plan.also_failed(hedge.target, hedge.failure);
        hedge.stop();
    }
    if (is_final()) {
        trouble->last = explain_interrupt(x_.interrupt, std::move(trouble->last));
    }
    if (is_final() || hedge.state() != Hedge::State::good) {
        co_return std::unexpected(trouble->last);
    }
    adopt_hedge();
    Result<void> outcome = co_await relay();
    close_attempt(outcome, trouble);
    co_return outcome;
}

void Dispatch::adopt_hedge() {
    keep_spent();
    hedge_->stop();
    worker_.shard().add_hedge(metrics::Hedge::won);
    current_ = std::move(hedge_->attempt);
    take_over();
    choice_.why.append(",hedge");
}

// The second attempt's task looks at the request, which must not go before.
Task<void> Dispatch::try_hedged() {
    std::exception_ptr bug;
    try {
        co_await try_targets();
    } catch (...) {
        bug = std::current_exception();  // no co_await in a handler
    }
    outpace_hedge();
    if (hedge_) {
        co_await hedge_->join();
        hedge_.reset();
    }
    if (bug) {
        std::rethrow_exception(bug);
    }
}

}  // namespace tollgate::server
