#include "server/attempt.hpp"

#include "adapters/demo/faults.hpp"
#include "failover/rate_use.hpp"
#include "server/relay.hpp"
#include "server/upstream/authorize.hpp"
#include "server/upstream/demo_call.hpp"
#include "server/upstream/make_call.hpp"
#include "server/upstream/read_all.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <array>

namespace tollgate::server {
namespace {

// A vendor's error body is read this far.
constexpr std::size_t kMostErrorBody = 256 * 1024;

// Of a model's name, which is the client's to choose, in a message.
constexpr std::size_t kMostShown = 200;

// Client headers that mean something to the vendor behind us.
constexpr std::array<std::string_view, 3> kForwarded{"idempotency-key", "anthropic-beta",
                                                     "openai-beta"};

void overlay(const config::TimeoutOverrides& from, config::ProviderTimeouts& to) {
    to.connect = from.connect.value_or(to.connect);
    to.first_byte = from.first_byte.value_or(to.first_byte);
    to.first_token = from.first_token.value_or(to.first_token);
    to.idle = from.idle.value_or(to.idle);
    to.total = from.total.value_or(to.total);
}

demo::DemoPlan demo_defaults(const config::DemoOptions& options) {
    demo::DemoPlan plan;
    constexpr std::array kFaults{
        demo::Fault::none, demo::Fault::rate_limit,   demo::Fault::server_error, demo::Fault::stall,
        demo::Fault::cut,  demo::Fault::stream_error, demo::Fault::reset,        demo::Fault::slow};
    plan.fault = kFaults[static_cast<std::size_t>(options.fault)];
    plan.latency = options.latency;
    plan.slow = options.slow;
    plan.chunk_delay = options.chunk_delay;
    plan.retry_after = options.retry_after;
    plan.chunks = options.chunks;
    return plan;
}

Result<void> make_demo_call(const AttemptWiring& w, Attempt& attempt) {
    const config::DemoOptions& demo = attempt.provider->settings.demo;
    const std::string_view header = w.client.find(demo::kHeader);
    Result<demo::DemoPlan> plan = demo::parse_plan(header, demo_defaults(demo));
    if (!plan) {
        return std::unexpected(std::move(plan.error()));
    }
    if (header.empty() && demo.fault_rate < 1.0) {
        const std::uint64_t call =
            attempt.provider->demo_calls->fetch_add(1, std::memory_order_relaxed);
        if (demo::draw(demo.seed, call) >= demo.fault_rate) {
            plan->fault = demo::Fault::none;
        }
    }
    upstream::DemoCall::Options options;
    options.plan = *plan;
    options.attempt = w.number;
    options.operation = w.request.operation;
    options.model = attempt.model;
    options.created =
        std::chrono::duration_cast<std::chrono::seconds>(w.wall.time_since_epoch()).count();
    attempt.call = std::make_unique<upstream::DemoCall>(w.worker.reactor(), std::move(options));
    return {};
}

Result<void> make_call(const AttemptWiring& w, Attempt& attempt) {
    if (attempt.provider->vendor.kind == adapters::VendorKind::builtin) {
        return make_demo_call(w, attempt);
    }
    Result<upstream::Origin*> origin = w.worker.origin(w.snapshot, *attempt.provider);
    if (!origin) {
        return std::unexpected(std::move(origin.error()));
    }
    attempt.origin = *origin;
    attempt.call = upstream::make_call(w.worker.pool(), *attempt.origin, w.worker.scratch());
    return {};
}

void add_request_headers(const AttemptWiring& w, const router::Provider& provider,
                         adapters::UpstreamRequest& request) {
    request.headers.reserve(request.headers.size() + 8);
    request.headers.push_back({.name = "content-type", .value = "application/json"});
    const bool stream = w.request.stream && w.request.operation != adapters::Operation::embeddings;
    if (provider.vendor.dialect !=
        adapters::DialectName::bedrock) {  // its framing follows from the path
        request.headers.push_back(
            {.name = "accept", .value = stream ? "text/event-stream" : "application/json"});
    }
    request.headers.push_back({.name = "user-agent", .value = "tollgate/" TOLLGATE_VERSION});
    for (const std::string_view name : kForwarded) {
        if (const std::string_view value = w.client.find(name); !value.empty()) {
            request.headers.push_back({.name = std::string(name), .value = std::string(value)});
        }
    }
    for (const adapters::Header& header : provider.endpoint.headers) {
        request.headers.push_back(header);
    }
}

// The key, signature or token; fetched where that is needed.
Task<Result<void>> prove(const AttemptWiring& w, const Attempt& attempt,
                         adapters::UpstreamRequest& request) {
    if (attempt.origin == nullptr) {
        co_return Result<void>();
    }
    Result<std::string> token;
    if (upstream::needs_token(*attempt.provider)) {
        token = co_await w.worker.tokens().google(*attempt.provider, w.interrupt);
    }
    if (!token) {
        co_return std::unexpected(std::move(token.error()));
    }
    const upstream::AuthorizeWiring wiring{.provider = *attempt.provider,
                                           .origin = attempt.origin->spec,
                                           .key_index = attempt.key.index};
    co_return upstream::authorize(wiring, *token, request);
}

Task<Result<void>> send(const AttemptWiring& w, Attempt& attempt,
                        adapters::UpstreamRequest& request) {
    upstream::Call& call = *attempt.call;
    const config::ProviderTimeouts& timeouts = attempt.timeouts;
    const Clock::time_point start = attempt.began;
    attempt.first_token_deadline =
        timeouts.first_token.count() > 0 ? start + timeouts.first_token : Clock::time_point::max();
    attempt.total_deadline = std::min(start + timeouts.total, w.exchange_deadline);
    const auto arm = [&](Cause cause, Clock::time_point when) {
        if (attempt.first_token_deadline < std::min(when, attempt.total_deadline)) {
            w.deadline.arm(Cause::first_token_timeout, attempt.first_token_deadline);
            return;
        }
        w.deadline.arm(when < attempt.total_deadline ? cause : Cause::total_timeout,
                       std::min(when, attempt.total_deadline));
    };
    arm(Cause::connect_timeout, start + timeouts.connect);
    Result<void> step = co_await prove(w, attempt, request);
    Clock::time_point connected = start;
    if (step && !call.connect_at_once()) {
        step = co_await call.connect(w.interrupt);
        connected = Reactor::now();
    }
    if (step) {
        arm(Cause::first_byte_timeout, connected + timeouts.first_byte);
        attempt.is_sent = true;
        step = co_await call.send(request, w.interrupt);
    }
    if (step) {
        step = co_await call.receive_head(attempt.head, w.interrupt);
    }
    attempt.waited = Reactor::now() - start;
    if (!step) {
        co_return std::unexpected(explain_interrupt(w.interrupt, std::move(step.error())));
    }
    co_return step;
}

// The body of a non-2xx answer, bounded in size and time, turned into a Failure by the dialect.
Task<Failure> read_refusal(const AttemptWiring& w, Attempt& attempt) {
    std::string body;
    while (body.size() < kMostErrorBody) {
        w.deadline.arm(Cause::stream_timeout,
                       std::min(attempt.total_deadline, Reactor::now() + attempt.timeouts.idle));
        Result<std::string_view> bytes = co_await attempt.call->receive(w.interrupt);
        if (!bytes || bytes->empty()) {
            break;  // the status alone says enough where the body is cut
        }
        body.append(*bytes);
    }
    upstream::undo_coding(attempt.head, kMostErrorBody, body);
    Failure failure =
        adapters::dialect(attempt.provider->vendor.dialect).classify(attempt.head.info(), body);
    failure.upstream_status = static_cast<std::uint16_t>(attempt.head.status);
    if (failure.kind == FailureKind::upstream_limited && !failure.retry_after) {
        const auto unix_now = std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::system_clock::now().time_since_epoch());
        failure.retry_after =
            failover::parse_rate_limits(attempt.head.relayed, unix_now.count()).used_up_for();
    }
    if (w.interrupt.cause() == Cause::client_gone) {
        failure = explain_interrupt(w.interrupt, std::move(failure));
    }
    co_return failure;
}

}  // namespace

void Attempt::aim(const router::Snapshot& snapshot, const router::Route& route,
                  const router::RoutedTarget& routed, std::uint64_t random, Clock::time_point now) {
    target = routed;
    key = router::choose_key(snapshot, *routed.provider, random, now);
    if (has_pool()) {
        key_admission = key.live->health.breaker.force(now, snapshot.health_options().breaker);
    }
    timeouts = routed.provider->settings.timeouts;
    if (route.group != nullptr) {
        overlay(route.group->timeouts, timeouts);
    }
    if (routed.timeouts != nullptr) {
        overlay(*routed.timeouts, timeouts);
    }
    began = now;
}

std::string Attempt::name() const {
    return provider->endpoint.provider + "/" + std::string(model.substr(0, kMostShown));
}

void Attempt::begin() {
    provider = target.provider;
    model = target.model;
    known = target.known();
    origin = nullptr;
    head = upstream::CallHead();
    is_sent = false;
    waited = {};
    target.record->live->health.began(began);
    if (has_pool()) {
        key.live->health.began(began);
    }
}

void Attempt::withdraw() noexcept {
    target.record->live->health.breaker.abandoned(admission);
    if (has_pool()) {
        key.live->health.breaker.abandoned(key_admission);
    }
}

void Attempt::abandon() noexcept {
    target.record->live->health.abandoned(admission);
    if (has_pool()) {
        key.live->health.abandoned(key_admission);
    }
}

Task<Result<void>> reach_answer(const AttemptWiring& wiring, Attempt& attempt,
                                adapters::UpstreamRequest& request) {
    Result<void> outcome = make_call(wiring, attempt);
    if (!outcome) {
        co_return outcome;
    }
    add_request_headers(wiring, *attempt.provider, request);
    outcome = co_await send(wiring, attempt, request);
    if (outcome && (attempt.head.status < 200 || attempt.head.status >= 300)) {
        attempt.is_sent = false;  // a refusal costs nothing
        Failure failure = co_await read_refusal(wiring, attempt);
        co_return std::unexpected(std::move(failure));
    }
    co_return outcome;
}

}  // namespace tollgate::server
