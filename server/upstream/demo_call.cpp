#include "server/upstream/demo_call.hpp"

#include "adapters/client/chat_writer.hpp"
#include "adapters/demo/model.hpp"

#include <algorithm>

namespace tollgate::server::upstream {
namespace {

constexpr std::size_t kDepth = 64;
// A model that is never waited for must not starve the other exchanges.
constexpr std::size_t kPiecesInARow = 64;

std::unexpected<Failure> reset_by_demo() {
    return fail(FailureKind::upstream_unavailable,
                "the connection was lost: reset by the demo vendor (fault on demand)");
}

}  // namespace

Task<Result<void>> DemoCall::connect(Interrupt&) {
    co_return Result<void>();
}

Task<Result<void>> DemoCall::send(const adapters::UpstreamRequest& request, Interrupt&) {
    compose(request);
    co_return Result<void>();
}

void DemoCall::compose(const adapters::UpstreamRequest& request) {
    fault_ = options_.plan.fault_for(options_.attempt);
    if (fault_ == demo::Fault::slow) {
        options_.plan.latency += options_.plan.slow;
    }
    pieces_ = demo::PackedEvents(pieces(request));
}

std::vector<std::string> DemoCall::pieces(const adapters::UpstreamRequest& request) {
    if (const std::optional<demo::FaultAnswer> faulty = demo::fault_answer(fault_, options_.plan)) {
        status_ = faulty->status;
        retry_after_ = faulty->retry_after.value_or(std::string());
        streams_ = fault_ == demo::Fault::empty || fault_ == demo::Fault::malformed;
        return {faulty->body};
    }
    BodyBuffer body;
    body.append(request.body.joined());
    const Result<adapters::Request> peeked =
        adapters::Request::peek(options_.operation, body.view(), kDepth);
    if (!peeked) {
        status_ = 400;
        return {adapters::error_json(peeked.error(), {})};
    }
    const demo::ModelContext context{
        .model = options_.model, .created = options_.created, .chunks = options_.plan.chunks};
    demo::ModelAnswer answer = demo::answer(*peeked, context);
    status_ = answer.status;
    streams_ = !answer.events.empty();
    std::vector<std::string> all =
        streams_ ? std::move(answer.events) : std::vector<std::string>(1, std::move(answer.body));
    if (fault_ == demo::Fault::cut) {
        if (!streams_) {
            all.front().resize(all.front().size() / 2);
        }
        cut_at_ = streams_ ? std::min(options_.plan.after, all.size() - 1) : 1;
    } else if (fault_ == demo::Fault::stream_error) {
        all.resize(streams_ ? std::min(options_.plan.after, all.size() - 1) : 0);
        all.push_back(streams_ ? demo::stream_error_event() : demo::stream_error_body());
    }
    return all;
}

Task<Result<void>> DemoCall::receive_head(CallHead& head, Interrupt& interrupt) {
    const bool stalls = fault_ == demo::Fault::stall;
    if (stalls || options_.plan.latency.count() > 0) {
        const Clock::time_point until = stalls ? Clock::time_point::max() - std::chrono::hours(1)
                                               : Reactor::now() + options_.plan.latency;
        const Wake wake = co_await reactor_.sleep_until(until, interrupt);
        if (wake == Wake::interrupted) {
            co_return fail(FailureKind::upstream_timeout,
                           "interrupted while waiting for the demo vendor");
        }
    }
    if (fault_ == demo::Fault::reset) {
        co_return reset_by_demo();
    }
    head.status = status_;
    head.content_type = streams_ ? "text/event-stream; charset=utf-8" : "application/json";
    if (!retry_after_.empty()) {
        head.retry_after = retry_after_;
        head.relayed = "retry-after: " + retry_after_ + "\r\n";
    }
    co_return Result<void>();
}

Task<Result<std::string_view>> DemoCall::receive(Interrupt& interrupt) {
    if (next_ >= cut_at_) {
        co_return reset_by_demo();
    }
    if (pieces_.size() == 0) {
        co_return std::string_view();
    }
    if (streams_ && next_ > 0 && options_.plan.chunk_delay.count() > 0) {
        co_await reactor_.sleep_until(Reactor::now() + options_.plan.chunk_delay, interrupt);
    } else if (next_ % kPiecesInARow == kPiecesInARow - 1) {
        co_await reactor_.yield();
    }
    if (interrupt.fired()) {
        co_return fail(FailureKind::upstream_timeout,
                       "interrupted while reading from the demo vendor");
    }
    ++next_;
    co_return pieces_.next();
}

bool DemoCall::is_complete() const noexcept {
    return pieces_.size() == 0 && next_ < cut_at_;
}

}  // namespace tollgate::server::upstream
