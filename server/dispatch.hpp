// The phases of a request, in one visible list (docs/life-of-a-request.md).
#pragma once

#include "adapters/request.hpp"
#include "failover/attempts.hpp"
#include "failover/health.hpp"
#include "failover/summary.hpp"
#include "metrics/record.hpp"
#include "router/choose.hpp"
#include "router/snapshot.hpp"
#include "server/admission.hpp"
#include "server/attempt.hpp"
#include "server/exchange.hpp"
#include "server/io/reactor.hpp"
#include "server/relay.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::server {

class Worker;
struct Endpoint;

/// One exchange on its way through the phases.  Lives in the coroutine that serves it; publishes
/// its record when it dies, so exactly once, also when cancelled.
class Dispatch final : private HeadMaker {
public:
    Dispatch(Exchange& exchange, Worker& worker);
    ~Dispatch();
    Dispatch(const Dispatch&) = delete;
    Dispatch& operator=(const Dispatch&) = delete;

    [[nodiscard]] Task<void> run();
    /// Gives the exchange its id; run() does it first, and so must whoever only refuses.
    void identify();
    /// Answers with the failure, in whatever way the state of the answer still allows.
    void refuse(const Failure& failure);

    /// The outcome of an attempt that another one was faster than, among those that are counted:
    /// behind a good one and the kinds of failure.
    static constexpr std::size_t kOutpaced = failover::kFailureKinds + 1;

private:
    // ---- the phases, in the order in which run() and serve_model() call them ----
    [[nodiscard]] bool answer_preflight();
    [[nodiscard]] Result<void> authenticate();
    [[nodiscard]] Task<Result<void>> read_body();  // server/request_body.cpp
    [[nodiscard]] Result<void> peek();
    [[nodiscard]] Result<void> route();
    [[nodiscard]] Task<Result<void>> take_limits();  // server/admission.cpp
    [[nodiscard]] Task<void> run_attempts();         // not a coroutine

    // ---- their parts ----
    [[nodiscard]] Task<void> serve_model(adapters::Operation operation);
    [[nodiscard]] bool let_in();
    [[nodiscard]] bool refuse_unwritten();
    [[nodiscard]] Task<bool> receive();
    void serve_models(std::string_view id);
    void serve_live();
    void serve_ready();
    void serve_metrics();
    [[nodiscard]] Task<void> serve_admin();  // server/admin/serve.cpp
    [[nodiscard]] Result<void> authenticate_admin();
    [[nodiscard]] bool is_served_here(const Endpoint& endpoint) const noexcept;
    // The attempts: server/attempts.cpp, and what they tell: server/attempt_outcome.cpp.
    /// Where the bytes of an answer go.
    struct AnswerPath {
        Responder& responder;
        Interrupt& interrupt;
        InterruptDeadline& deadline;
        HeadMaker& heads;
    };
    /// What has gone wrong so far.
    struct Trouble {
        failover::AttemptSummary summary;
        Failure last;
        failover::GiveUp end = failover::GiveUp::none;
    };
    [[nodiscard]] static Trouble& troubled(std::unique_ptr<Trouble>& trouble);
    void conclude(Trouble& trouble);
    void note_interrupted(Failure& last) const;
    enum class Part : std::uint8_t { target, key };
    [[nodiscard]] failover::AttemptPlan make_plan();
    [[nodiscard]] Task<void> try_targets();
    [[nodiscard]] bool admit(std::size_t index, bool forced, Clock::time_point now);
    [[nodiscard]] Task<Result<void>> attempt(const router::RoutedTarget& routed);
    [[nodiscard]] AttemptWiring attempt_wiring(Interrupt& interrupt,
                                               InterruptDeadline& deadline) const;
    [[nodiscard]] Task<Result<void>> relay();  // not a coroutine
    [[nodiscard]] RelayWiring relay_wiring(const Attempt& attempt, const AnswerPath& path) const;
    void begin_attempt();
    void take_over();
    void close_attempt(Result<void>& outcome, std::unique_ptr<Trouble>& trouble);
    void end_attempt(const Result<void>& outcome);
    [[nodiscard]] failover::Step next_step(failover::AttemptPlan& plan, const Failure& failure,
                                           Clock::time_point now);
    void note_outpaced(Attempt& attempt);
    void note_first_token(const Attempt& attempt, Clock::duration took);
    void note_failed(Attempt& attempt, const Failure& failure, bool is_silent);
    void note_health(const Attempt& attempt, const Failure& failure, Clock::time_point now);
    void note_turn(const Attempt& attempt, failover::Turn turn, Part part);
    void note_refused_key(const Attempt& attempt, const Failure& failure, Clock::time_point now);
    void note_answer(Clock::time_point now);
    void mirror_share();
    void note_spent(Attempt& attempt, const adapters::Usage& used);
    void add_targets(failover::AttemptPlan& plan, std::span<const std::string> names);
    // A second attempt beside a slow first one: server/hedge.cpp.
    class Hedge;
    void start_hedge(std::size_t target);
    [[nodiscard]] std::size_t hedge_target(std::size_t first, Clock::time_point now) const;
    [[nodiscard]] bool begin_hedge(Hedge& hedge);
    void fail_hedge(Hedge& hedge);
    void outpace_hedge();
    [[nodiscard]] Task<void> try_hedged();
    [[nodiscard]] Task<Result<void>> follow_hedge(failover::AttemptPlan& plan,
                                                  std::unique_ptr<Trouble>& trouble);
    void adopt_hedge();
    [[nodiscard]] router::Ask ask(std::string_view model) const;
    void start_keep_alive();
    void stop_keep_alive() noexcept;
    [[nodiscard]] bool send_comment();
    void keep_spent();
    [[nodiscard]] bool is_final() const noexcept;
    [[nodiscard]] Result<void> undo_content_coding(std::string_view coding, std::uint64_t limit);
    [[nodiscard]] ResponseHead make_head(const upstream::CallHead& upstream,
                                         std::string_view content_type,
                                         std::optional<std::uint64_t> length) override;
    void settle() override;
    void complete_usage();  // server/estimate_usage.cpp
    [[nodiscard]] std::uint64_t prompt_estimate();
    [[nodiscard]] adapters::Usage estimated_usage(const Attempt& attempt,
                                                  const RelayReport& report) const;
    void let_request_go();
    [[nodiscard]] std::string usage_cost(const adapters::Usage& usage) override;
    void price_usage();  // server/money.cpp
    [[nodiscard]] metrics::Pricing price_of(const Attempt& attempt, const adapters::Usage& usage,
                                            metrics::Pico& cost,
                                            metrics::CostByKind* by_kind = nullptr);
    void add_cost(ResponseHead& head) const;
    void write_ledger();  // server/ledger_entry.cpp
    // server/admission.cpp
    [[nodiscard]] Task<Result<void>> wait_for_turn(const router::Amounts& amounts,
                                                   router::Refusal refusal);
    [[nodiscard]] Result<void> take_attempt_limits();
    [[nodiscard]] std::optional<router::Refusal> reserve(Attempt& attempt, router::Scopes& scopes);
    [[nodiscard]] router::Amounts amounts_for(const router::RoutedTarget& target);
    [[nodiscard]] Failure explain_refusal(const router::Refusal& refusal, router::Pico worst);
    void settle_attempt(Attempt& attempt, const adapters::Usage& usage, metrics::Pico cost);
    void settle_limits();
    void add_limit_fields(ResponseHead& head, Clock::time_point now) const;
    void relay_fields(ResponseHead& head, std::string_view fields) const;
    [[nodiscard]] bool may_not_be_written() const noexcept;
    void add_own_fields(ResponseHead& head) const;
    void answer(std::uint16_t status, std::string_view content_type, std::string_view body);
    void note_failure(const Failure& failure);

    Exchange& x_;
    Worker& worker_;
    router::SnapshotPtr snapshot_;
    metrics::RequestRecord record_;
    InterruptDeadline deadline_;
    Taken taken_;  // before the attempts, whose leases refer to its table
    BodyBuffer body_;
    adapters::Request request_;
    RelayReport report_;
    Attempt current_;
    router::Choice choice_;
    std::vector<std::string> fallbacks_;  // as the client named them
    std::string wanted_model_;            // with the provider of x-tollgate-provider
    const std::vector<std::string>* allowed_models_ = nullptr;  // of the caller's key; null: all
    std::optional<Relay> relay_;                  // of the current attempt, once it has a good head
    Clock::time_point exchange_deadline_{};       // no attempt goes beyond it
    const router::TargetRecord* left_ = nullptr;  // of the last attempt that was begun
    class KeepAlive;
    struct KeepAliveDeleter {
        void operator()(KeepAlive* keep_alive) const noexcept;
    };
    std::unique_ptr<KeepAlive, KeepAliveDeleter> keep_alive_;  // of a stream
    struct HedgeDeleter {
        void operator()(Hedge* hedge) const noexcept;
    };
    std::unique_ptr<Hedge, HedgeDeleter> hedge_;
    std::uint16_t attempts_ = 0;
    bool attempting_ = false;  // between begin_attempt() and end_attempt()
    bool settled_ = false;
    bool given_up_ = false;  // while it worked: a time ran out, or the client left
    std::optional<std::uint64_t> prompt_estimate_;  // tokens; once somebody has asked
    bool is_in_ledger_ = false;                     // a known caller asks for a model
    std::uint8_t last_kind_ = 0;                    // FailureKind of the last attempt that failed
};

}  // namespace tollgate::server
