// The phases of a request, in one visible list (docs/life-of-a-request.md).
#pragma once

#include "adapters/request.hpp"
#include "failover/attempts.hpp"
#include "failover/health.hpp"
#include "failover/summary.hpp"
#include "metrics/record.hpp"
#include "router/choose.hpp"
#include "router/snapshot.hpp"
#include "server/exchange.hpp"
#include "server/io/reactor.hpp"
#include "server/relay.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::server {

namespace upstream {
struct Origin;
}
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

private:
    // ---- the phases, in the order in which run() and serve_model() call them ----
    [[nodiscard]] bool answer_preflight();
    [[nodiscard]] Result<void> authenticate();
    [[nodiscard]] Task<Result<void>> read_body();
    [[nodiscard]] Result<void> peek();
    [[nodiscard]] Result<void> route();
    [[nodiscard]] Task<void> run_attempts();

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
    [[nodiscard]] Task<Result<void>> attempt(const router::RoutedTarget& routed);
    [[nodiscard]] Task<Result<void>> relay();  // not a coroutine
    [[nodiscard]] Task<Result<void>> send(adapters::UpstreamRequest& request);
    [[nodiscard]] Task<Failure> read_refusal();
    [[nodiscard]] Result<void> make_call(const router::Provider& provider);
    void begin_attempt(const router::RoutedTarget& routed);
    void end_attempt(const Result<void>& outcome);
    struct Trouble;
    [[nodiscard]] static Trouble& troubled(std::unique_ptr<Trouble>& trouble);
    void conclude(Trouble& trouble);
    [[nodiscard]] failover::AttemptPlan make_plan();
    [[nodiscard]] bool admit(std::size_t index, bool forced, Clock::time_point now);
    [[nodiscard]] failover::Step next_step(failover::AttemptPlan& plan, const Failure& failure,
                                           Clock::time_point now);
    void note_health(const Result<void>& outcome, Clock::time_point now);
    void note_turn(failover::Turn turn, bool of_key);
    void note_refused_key(const Failure& failure, Clock::time_point now);
    void note_answer(Clock::time_point now);
    void mirror_share();
    void add_targets(failover::AttemptPlan& plan, std::span<const std::string> names);
    [[nodiscard]] bool has_pool() const noexcept { return provider_->key_live.size() > 1; }
    [[nodiscard]] config::ProviderTimeouts timeouts_of(const router::RoutedTarget& routed) const;
    [[nodiscard]] router::Ask ask(std::string_view model) const;
    void start_keep_alive();
    void stop_keep_alive() noexcept;
    [[nodiscard]] bool send_comment();
    void keep_spent();
    [[nodiscard]] std::string shown_target() const;
    [[nodiscard]] bool is_final() const noexcept;
    void add_request_headers(const router::Provider& provider,
                             adapters::UpstreamRequest& request) const;
    [[nodiscard]] Result<void> undo_content_coding(std::string_view coding, std::uint64_t limit);
    [[nodiscard]] ResponseHead make_head(const upstream::CallHead& upstream,
                                         std::string_view content_type,
                                         std::optional<std::uint64_t> length) override;
    void settle() override;
    void complete_usage();  // server/estimate_usage.cpp
    void let_request_go();
    [[nodiscard]] std::string usage_cost(const adapters::Usage& usage) override;
    void price_usage();  // server/money.cpp
    [[nodiscard]] metrics::Pricing price_of(const adapters::Usage& usage, metrics::Pico& cost,
                                            metrics::CostByKind* by_kind = nullptr);
    [[nodiscard]] Result<void> refuse_unpriced(router::Route& route) const;
    void add_cost(ResponseHead& head) const;
    void write_ledger();  // server/ledger_entry.cpp
    [[nodiscard]] bool may_not_be_written() const noexcept;
    void add_own_fields(ResponseHead& head) const;
    void answer(std::uint16_t status, std::string_view content_type, std::string_view body);
    void note_failure(const Failure& failure);

    Exchange& x_;
    Worker& worker_;
    router::SnapshotPtr snapshot_;
    metrics::RequestRecord record_;
    InterruptDeadline deadline_;
    BodyBuffer body_;
    adapters::Request request_;
    upstream::CallHead upstream_head_;
    RelayReport report_;
    const router::Provider* provider_ = nullptr;  // of the current attempt
    std::string_view model_;
    const catalog::Model* known_model_ = nullptr;  // what is known about it; null: nothing
    router::Choice choice_;
    std::vector<std::string> fallbacks_;  // as the client named them
    std::string wanted_model_;            // with the provider of x-tollgate-provider
    std::string_view demo_header_;
    const std::vector<std::string>* allowed_models_ = nullptr;  // of the caller's key; null: all
    upstream::Origin* origin_ = nullptr;
    std::unique_ptr<upstream::Call> call_;
    std::optional<Relay> relay_;             // of the current attempt, once it has a good head
    Clock::time_point exchange_deadline_{};  // no attempt goes beyond it
    Clock::time_point total_deadline_{};     // of the current attempt
    Clock::time_point first_token_deadline_ = Clock::time_point::max();  // likewise
    Clock::time_point attempt_began_{};
    config::ProviderTimeouts timeouts_;           // of the current attempt
    const router::TargetRecord* left_ = nullptr;  // of the last attempt that was begun
    router::RoutedTarget target_;                 // likewise
    router::KeyChoice key_;
    failover::Admission admission_ = failover::Admission::normal;
    failover::Admission key_admission_ = failover::Admission::normal;
    class KeepAlive;
    struct KeepAliveDeleter {
        void operator()(KeepAlive* keep_alive) const noexcept;
    };
    std::unique_ptr<KeepAlive, KeepAliveDeleter> keep_alive_;  // of a stream
    std::uint16_t attempts_ = 0;
    bool attempting_ = false;  // between begin_attempt() and end_attempt()
    bool settled_ = false;
    bool sent_ = false;                  // the vendor may have the request, and has not refused it
    bool given_up_ = false;              // while it worked: a time ran out, or the client left
    std::uint64_t prompt_estimate_ = 0;  // tokens; of a request that was let go
    bool is_in_ledger_ = false;          // a known caller asks for a model
    std::uint8_t last_kind_ = 0;         // FailureKind of the last attempt that failed
};

}  // namespace tollgate::server
