// The body half of Session: framing by length or by chunks, 100-continue, limits.
#include "server/h1/session.hpp"
#include "server/worker.hpp"

#include <algorithm>

namespace tollgate::server::h1 {
namespace {

constexpr std::size_t kChunkedRead = 32 * 1024;
// Bytes a second, on average: a client that sends one now and then would stay for ever.
constexpr std::uint64_t kLeastRate = 1024;

std::unexpected<Failure> too_large(std::uint64_t limit) {
    return fail(FailureKind::too_large, "The request body is larger than the limit of " +
                                            std::to_string(limit) + " bytes (server.limits.body).");
}

}  // namespace

bool Session::take_at_once(BodyBuffer& out) {
    if (body_done_ && early_body_.size() > 0) {
        out = std::move(early_body_);
    }
    return body_done_;
}

Task<Result<void>> Session::read_all(BodyBuffer& out, std::uint64_t limit) {
    if (body_done_) {
        co_return Result<void>();
    }
    if (framing_ == Framing::length && early_body_.size() + body_left_ > limit) {
        co_return too_large(limit);
    }
    if (expect_continue_ && input_.empty() && early_body_.size() == 0 &&
        !responder_.interim("HTTP/1.1 100 Continue\r\n\r\n")) {
        co_return fail(FailureKind::client_gone, "The client closed the connection.");
    }
    Result<void> outcome;
    if (framing_ == Framing::length) {
        outcome = co_await read_sized(out);
    } else {
        outcome = co_await read_chunked(out, limit);
    }
    if (outcome) {
        channel_.socket().watch(
            this);  // reading took the wait for the client's end; set it up again
    }
    co_return outcome;
}

Task<Result<void>> Session::read_sized(BodyBuffer& out) {
    out = std::move(early_body_);
    while (body_left_ > 0) {
        const std::size_t want = static_cast<std::size_t>(body_left_);
        Result<std::size_t> got = co_await read_body(out.prepare(want), want);
        if (!got) {
            co_return std::unexpected(std::move(got.error()));
        }
        out.commit(*got);
        body_left_ -= *got;
    }
    body_done_ = true;
    deadline_.clear();
    co_return Result<void>();
}

Task<Result<void>> Session::read_chunked(BodyBuffer& out, std::uint64_t limit) {
    for (;;) {
        std::size_t used = 0;
        while (used < input_.size() && !chunks_.finished() && !chunks_.failed()) {
            const ChunkedDecoder::Step step = chunks_.feed(std::string_view(input_).substr(used));
            used += step.consumed;
            if (out.size() + step.body.size() > limit) {
                co_return too_large(limit);
            }
            out.append(step.body);
        }
        input_.erase(0, used);
        if (chunks_.failed()) {
            co_return fail(FailureKind::bad_request, "The chunked request body is malformed.");
        }
        if (chunks_.finished()) {
            body_done_ = true;
            deadline_.clear();
            co_return Result<void>();
        }
        input_.resize(kChunkedRead);
        Result<std::size_t> got = co_await read_body(input_.data(), input_.size());
        input_.resize(got ? *got : 0);
        if (!got) {
            co_return std::unexpected(std::move(got.error()));
        }
    }
}

// When the client has been silent for too long, or too slow over the whole.
Clock::time_point Session::body_deadline(Clock::time_point now) noexcept {
    if (body_began_ == Clock::time_point{}) {
        body_began_ = now;
    }
    const std::chrono::seconds earned(body_received_ / kLeastRate);
    return std::min(now, body_began_ + earned) + limits_.body_timeout;
}

// At least one byte of body into `data`, or why not.
Task<Result<std::size_t>> Session::read_body(char* data, std::size_t size) {
    for (;;) {
        const IoResult result = channel_.read(data, size);
        if (result.status == IoStatus::ok) {
            body_received_ += result.bytes;
            co_return result.bytes;
        }
        if (result.status == IoStatus::closed || result.status == IoStatus::failed) {
            co_return fail(FailureKind::client_gone,
                           "The client closed the connection within its request body.");
        }
        deadline_.arm(Cause::body_timeout, body_deadline(Reactor::now()));
        const Wake wake = co_await channel_.wait(result.status, interrupt_);
        if (wake == Wake::interrupted) {
            if (interrupt_.cause() == Cause::body_timeout) {
                interrupt_.reset();
                worker_.shard().add_attack(metrics::Attack::slow_body);
                co_return fail(FailureKind::request_timeout,
                               "The request body did not arrive in time.");
            }
            co_return fail(FailureKind::client_gone,
                           "The exchange was cut while its request body was read.");
        }
    }
}

}  // namespace tollgate::server::h1
