// The attempts of one request: encode, connect, send, classify, relay — until one is committed or
// none is left.
#include "failover/attempts.hpp"

#include "adapters/codec/content_coding.hpp"
#include "server/dispatch.hpp"
#include "server/upstream/authorize.hpp"
#include "server/upstream/demo_call.hpp"
#include "server/upstream/make_call.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tollgate::server {
namespace {

// A vendor's error body is read this far.
constexpr std::size_t kMostErrorBody = 256 * 1024;

// Of a model's name, which is the client's to choose, in a message.
constexpr std::size_t kMostShown = 200;

// Where the client sets no bound of its own.
constexpr std::chrono::hours kLongestExchange{24};

// Client headers that mean something to the vendor behind us.
constexpr std::array<std::string_view, 3> kForwarded{"idempotency-key", "anthropic-beta",
                                                     "openai-beta"};

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

demo::DemoPlan demo_defaults(const config::DemoOptions& options) {
    demo::DemoPlan plan;
    constexpr std::array kFaults{
        demo::Fault::none, demo::Fault::rate_limit,   demo::Fault::server_error, demo::Fault::stall,
        demo::Fault::cut,  demo::Fault::stream_error, demo::Fault::reset};
    plan.fault = kFaults[static_cast<std::size_t>(options.fault)];
    plan.latency = options.latency;
    plan.chunk_delay = options.chunk_delay;
    plan.retry_after = options.retry_after;
    plan.chunks = options.chunks;
    return plan;
}

}  // namespace

/// What has gone wrong so far.
struct Dispatch::Trouble {
    failover::AttemptSummary summary;
    Failure last;
};

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

Task<void> Dispatch::run_attempts() {
    failover::AttemptPlan plan = make_plan();
    std::unique_ptr<Trouble> trouble;  // apart: most requests have none, and streams last long
    start_keep_alive();
    Clock::time_point now = Reactor::now();
    for (failover::Step step = plan.first(now); step.is_attempt();) {
        if (step.wait > Clock::duration::zero()) {
            const Wake wake = co_await worker_.reactor().sleep_until(now + step.wait, x_.interrupt);
            report_.waited += step.wait;  // the vendor's time, not ours
            if (wake == Wake::interrupted) {
                Failure& last = troubled(trouble).last;
                last = explain_interrupt(x_.interrupt, std::move(last));
                break;
            }
            now = Reactor::now();
        }
        if (!admit(step.target, step.forced, now)) {
            step = plan.skipped(now, worker_.uniform());
            continue;
        }
        Result<void> outcome = co_await attempt(choice_.route.targets[step.target]);
        if (outcome) {
            outcome = co_await relay();
        }
        if (!outcome && provider_ != nullptr) {
            upstream::hide_secrets(*provider_, outcome.error().detail);
        }
        const bool attempted = attempting_;
        end_attempt(outcome);
        if (outcome) {
            co_return;
        }
        troubled(trouble).last = outcome.error();
        now = Reactor::now();
        if (attempted) {
            trouble->summary.add(shown_target(), trouble->last, now - attempt_began_);
        }
        if (is_final()) {
            break;
        }
        x_.interrupt.reset();  // a timeout of the attempt that failed
        step = next_step(plan, trouble->last, now);
    }
    conclude(troubled(trouble));
}

// No attempt is left: the last failure is told, or all of them.
void Dispatch::conclude(Trouble& trouble) {
    if (trouble.summary.size() > 1 && trouble.last.kind != FailureKind::client_gone &&
        !report_.committed && !server::is_final(x_.interrupt.cause())) {
        trouble.last = std::move(trouble.summary).conclude();
    } else if (attempts_ > 0) {
        trouble.last.detail = shown_target() + ": " + trouble.last.detail;
    }
    refuse(trouble.last);
}

std::string Dispatch::shown_target() const {
    return provider_->endpoint.provider + "/" + std::string(model_.substr(0, kMostShown));
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
    const adapters::Usage used = std::exchange(report_.usage, adapters::Usage());
    if (used.prompt_total() + used.completion_total() == 0) {
        return;
    }
    metrics::SpentAttempt spent{
        .provider = record_.provider, .model = record_.model, .usage = used};
    spent.pricing = price_of(used, spent.cost, &spent.cost_by_kind);
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
    begin_attempt(routed);
    outcome = make_call(provider);
    if (!outcome) {
        co_return outcome;
    }
    add_request_headers(provider, request);
    outcome = co_await send(request);
    if (outcome && (upstream_head_.status < 200 || upstream_head_.status >= 300)) {
        sent_ = false;  // a refusal costs nothing
        Failure failure = co_await read_refusal();
        co_return std::unexpected(std::move(failure));
    }
    co_return outcome;
}

// From a 2xx head to the end of the answer.
Task<Result<void>> Dispatch::relay() {
    relay_.emplace(
        RelayWiring{
            .call = *call_,
            .head = upstream_head_,
            .dialect = adapters::dialect(provider_->vendor.dialect),
            .vendor = provider_->vendor,
            .request = request_,
            .target = {.endpoint = &provider_->endpoint, .model = model_},
            .exchange = x_,
            .heads = *this,
            .deadline = deadline_,
            .idle_timeout = timeouts_.idle,
            .total_deadline = total_deadline_,
            .first_token_deadline = first_token_deadline_,
            .answer_id =
                (request_.operation == adapters::Operation::completions ? "cmpl-" : "chatcmpl-") +
                record_.request_id,
            .created =
                std::chrono::duration_cast<std::chrono::seconds>(record_.wall.time_since_epoch())
                    .count(),
        },
        report_);
    return relay_->run();
}

Result<void> Dispatch::make_call(const router::Provider& provider) {
    if (provider.vendor.kind == adapters::VendorKind::builtin) {
        Result<demo::DemoPlan> plan =
            demo::parse_plan(demo_header_, demo_defaults(provider.settings.demo));
        if (!plan) {
            return std::unexpected(std::move(plan.error()));
        }
        const double rate = provider.settings.demo.fault_rate;
        if (demo_header_.empty() && rate < 1.0 && worker_.uniform() >= rate) {
            plan->fault = demo::Fault::none;
        }
        upstream::DemoCall::Options options;
        options.plan = *plan;
        options.attempt = attempts_ - 1U;
        options.operation = request_.operation;
        options.model = model_;
        options.created =
            std::chrono::duration_cast<std::chrono::seconds>(record_.wall.time_since_epoch())
                .count();
        call_ = std::make_unique<upstream::DemoCall>(worker_.reactor(), std::move(options));
        return {};
    }
    Result<upstream::Origin*> origin = worker_.origin(snapshot_, provider);
    if (!origin) {
        return std::unexpected(std::move(origin.error()));
    }
    origin_ = *origin;
    call_ = upstream::make_call(worker_.pool(), *origin_, worker_.scratch());
    return {};
}

void Dispatch::add_request_headers(const router::Provider& provider,
                                   adapters::UpstreamRequest& request) const {
    request.headers.reserve(request.headers.size() + 8);
    request.headers.push_back({.name = "content-type", .value = "application/json"});
    const bool stream = request_.stream && request_.operation != adapters::Operation::embeddings;
    if (provider.vendor.dialect !=
        adapters::DialectName::bedrock) {  // its framing follows from the path
        request.headers.push_back(
            {.name = "accept", .value = stream ? "text/event-stream" : "application/json"});
    }
    request.headers.push_back({.name = "user-agent", .value = "tollgate/" TOLLGATE_VERSION});
    for (const std::string_view name : kForwarded) {
        if (const std::string_view value = x_.head.find(name); !value.empty()) {
            request.headers.push_back({.name = std::string(name), .value = std::string(value)});
        }
    }
    for (const adapters::Header& header : provider.endpoint.headers) {
        request.headers.push_back(header);
    }
}

// Connect, send and wait for the head, each under its own deadline.
Task<Result<void>> Dispatch::send(adapters::UpstreamRequest& request) {
    upstream::Call& call = *call_;
    const config::ProviderTimeouts& timeouts = timeouts_;
    const Clock::time_point start = attempt_began_;
    first_token_deadline_ =
        timeouts.first_token.count() > 0 ? start + timeouts.first_token : Clock::time_point::max();
    total_deadline_ = std::min(start + timeouts.total, exchange_deadline_);
    const auto arm = [&](Cause cause, Clock::time_point when) {
        if (first_token_deadline_ < std::min(when, total_deadline_)) {
            deadline_.arm(Cause::first_token_timeout, first_token_deadline_);
            return;
        }
        deadline_.arm(when < total_deadline_ ? cause : Cause::total_timeout,
                      std::min(when, total_deadline_));
    };
    arm(Cause::connect_timeout, start + timeouts.connect);
    Result<void> step;
    if (origin_ != nullptr) {
        Result<std::string> token;
        if (upstream::needs_token(*provider_)) {
            token = co_await worker_.tokens().google(*provider_, x_.interrupt);
        }
        if (token) {
            const upstream::AuthorizeWiring wiring{
                .provider = *provider_, .origin = origin_->spec, .key_index = key_.index};
            step = upstream::authorize(wiring, *token, request);
        } else {
            step = std::unexpected(std::move(token.error()));
        }
    }
    Clock::time_point connected = start;
    if (step && !call.connect_at_once()) {
        step = co_await call.connect(x_.interrupt);
        connected = Reactor::now();
    }
    if (step) {
        arm(Cause::first_byte_timeout, connected + timeouts.first_byte);
        sent_ = true;
        step = co_await call.send(request, x_.interrupt);
    }
    if (step) {
        step = co_await call.receive_head(upstream_head_, x_.interrupt);
    }
    report_.waited += Reactor::now() - start;
    if (!step) {
        co_return std::unexpected(explain_interrupt(x_.interrupt, std::move(step.error())));
    }
    co_return step;
}

// The body of a non-2xx answer, bounded in size and time, turned into a Failure by the dialect.
Task<Failure> Dispatch::read_refusal() {
    std::string body;
    std::string decoded;
    while (body.size() < kMostErrorBody) {
        deadline_.arm(Cause::stream_timeout,
                      std::min(total_deadline_, Reactor::now() + timeouts_.idle));
        Result<std::string_view> bytes = co_await call_->receive(x_.interrupt);
        if (!bytes || bytes->empty()) {
            break;  // the status alone says enough where the body is cut
        }
        body.append(*bytes);
    }
    if (!upstream_head_.content_encoding.empty()) {
        const std::unique_ptr<codec::ContentDecoder> decoder =
            codec::ContentDecoder::make(upstream_head_.content_encoding);
        if (decoder && decoder->feed(body, decoded, kMostErrorBody)) {
            body = std::move(decoded);
        }
    }
    Failure failure =
        adapters::dialect(provider_->vendor.dialect).classify(upstream_head_.info(), body);
    failure.upstream_status = static_cast<std::uint16_t>(upstream_head_.status);
    if (failure.kind == FailureKind::upstream_limited && !failure.retry_after) {
        const auto unix_now = std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::system_clock::now().time_since_epoch());
        failure.retry_after =
            failover::parse_rate_limits(upstream_head_.relayed, unix_now.count()).used_up_for();
    }
    if (x_.interrupt.cause() == Cause::client_gone) {
        failure = explain_interrupt(x_.interrupt, std::move(failure));
    }
    co_return failure;
}

}  // namespace tollgate::server
