#include "server/h2/stream.hpp"

#include "server/h2/connection.hpp"
#include "server/io/give_back.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace tollgate::server::h2 {
namespace {

// Where the producer is asked to wait.  A frame holds 16 KiB; two of them keep a fast client busy.
constexpr std::size_t kCongested = 32 * 1024;
// Room that is made for an announced body before all of it is here.
constexpr std::uint64_t kMostPrepared = 256 * 1024;
// Bytes a second, on average, that a body must come with.
constexpr std::uint64_t kLeastRate = 1024;
// After an answer that did not wait for the request's end: what may still come of it, and how long.
constexpr std::uint32_t kMostDropped = 64 * 1024;
constexpr std::chrono::seconds kUploadPatience{2};

std::unexpected<Failure> too_large(std::uint64_t limit) {
    return fail(FailureKind::too_large, "The request body is larger than the limit of " +
                                            std::to_string(limit) + " bytes (server.limits.body).");
}

}  // namespace

Stream::Stream(Connection& connection, std::int32_t id, IncomingHead&& head, bool ended)
    : connection_(connection),
      id_(id),
      incoming_(std::move(head)),
      interrupt_(connection.worker().reactor()),
      deadline_(connection.worker().reactor(), interrupt_),
      ended_(ended) {}

Stream::~Stream() {
    if (!forgotten_) {
        connection_.session().detach(id_);
    }
    connection_.leave(*this);
}

void Stream::refuse(const HeadVerdict& verdict) {
    const FailureKind kind =
        verdict.status == 431 ? FailureKind::headers_too_large : FailureKind::bad_request;
    refusal_ = std::make_unique<const Failure>(
        Failure{.kind = kind, .detail = std::string(verdict.reason), .status = verdict.status});
}

Task<void> Stream::run() {
    const ClientPeer& peer = connection_.peer();
    Exchange exchange{
        incoming_.head,          *this, *this, interrupt_, peer.address, peer.listener,
        peer.certificate_subject};
    if (refusal_) {
        co_await connection_.worker().refuse_unparsed(exchange, *refusal_);
    } else {
        co_await connection_.worker().dispatch(exchange);
    }
    co_await see_off();
}

// ---- the request's body ----

bool Stream::take_at_once(BodyBuffer& out) {
    if (!ended_) {
        return false;
    }
    if (body_.size() > 0) {
        out = std::move(body_);
    }
    give_credit();
    return true;
}

Task<Result<void>> Stream::read_all(BodyBuffer& out, std::uint64_t limit) {
    if (incoming_.content_length && *incoming_.content_length > limit) {
        co_return too_large(limit);
    }
    if (incoming_.expect_continue && body_.size() == 0 && !ended_) {
        connection_.session().submit_continue(id_);
        connection_.want_write();
    }
    body_limit_ = limit;
    reading_ = Reading::now;
    if (incoming_.content_length && body_.size() < *incoming_.content_length) {
        static_cast<void>(body_.prepare(static_cast<std::size_t>(
            std::min<std::uint64_t>(*incoming_.content_length - body_.size(), kMostPrepared))));
    }
    give_credit();
    const Clock::time_point began = Reactor::now();
    while (!ended_ && !closed_ && body_.size() <= limit) {
        // As long as the client is silent, or too slow over the whole; as in h1::Session.
        const Clock::time_point now = Reactor::now();
        const std::chrono::seconds earned(body_.size() / kLeastRate);
        const Clock::duration slack = std::min(now, began + earned) - now;
        const Wake wake =
            co_await wait(Cause::body_timeout, slack + connection_.limits().body_timeout);
        if (wake == Wake::interrupted) {
            if (interrupt_.cause() == Cause::body_timeout) {
                interrupt_.reset();
                connection_.count_attack(metrics::Attack::slow_body);
                co_return fail(FailureKind::request_timeout,
                               "The request body did not arrive in time.");
            }
            break;
        }
    }
    if (body_.size() > limit) {
        co_return too_large(limit);
    }
    if (!ended_) {
        co_return fail(FailureKind::client_gone,
                       "The client reset the stream within its request body.");
    }
    out = std::move(body_);
    co_return Result<void>();
}

void Stream::on_body(std::string_view bytes) {
    uncredited_ += static_cast<std::uint32_t>(bytes.size());
    if (reading_ == Reading::never) {
        dropped_ += static_cast<std::uint32_t>(bytes.size());
        stop_reading();
        connection_.touch(*this);
        return;
    }
    body_.append(bytes);
    if (reading_ == Reading::now) {
        if (body_.size() <= body_limit_) {
            give_credit();
        }
        connection_.touch(*this);
    }
}

void Stream::on_request_end() {
    ended_ = true;
    connection_.touch(*this);
}

void Stream::give_credit() {
    if (uncredited_ > 0) {
        connection_.session().credit(id_, std::exchange(uncredited_, 0));
        connection_.want_write();
    }
}

// Only the connection's other streams get the room back.
void Stream::stop_reading() {
    reading_ = Reading::never;
    body_.release();
    if (uncredited_ > 0) {
        connection_.session().credit(0, std::exchange(uncredited_, 0));
        connection_.want_write();
    }
}

// ---- the answer ----

void Stream::start(ResponseHead head) {
    started_ = true;
    std::array<char, 24> number;
    const auto digits = [&](std::uint64_t n) {
        return std::string_view(number.data(),
                                std::to_chars(number.data(), number.data() + number.size(), n).ptr);
    };
    head_ = std::move(head.fields);
    head_.insert(0, digits(head.status));
    content_length_ = head.content_length;
    if (head.content_length && head.status != 204 && head.status != 304) {
        head_.append("content-length: ").append(digits(*head.content_length)).append("\r\n");
    }
}

void Stream::send_head(bool has_body) {
    head_submitted_ = true;
    last_written_ = last_written_ || !has_body;
    connection_.session().submit_head(id_, head_, has_body);
    give_back(head_);
}

bool Stream::write(std::span<const std::string_view> pieces, bool last) {
    if (closed_) {
        return false;
    }
    if (last_written_) {  // HEAD: the head was all
        return true;
    }
    std::size_t size = 0;
    for (const std::string_view piece : pieces) {
        size += piece.size();
    }
    if (!head_submitted_) {
        send_head(!incoming_.head_only && !(last && size == 0));
        if (last_written_) {
            connection_.want_write();
            return true;
        }
    }
    if (queue_.empty() && size > 0) {
        queue_ = connection_.take_buffer();
    }
    queue_.reserve(queue_.size() + size);
    for (const std::string_view piece : pieces) {
        queue_.append(piece);
    }
    last_written_ = last;
    if (is_idle_ && (size > 0 || last)) {
        is_idle_ = false;
        connection_.session().resume(id_);
    }
    connection_.want_write();
    return true;
}

bool Stream::congested() const noexcept {
    return queue_.size() - taken_ > kCongested;
}

// Progress starts the clock anew, so a slow reader is fine as long as it reads.
Task<bool> Stream::drain() {
    while (!closed_ && queue_.size() > taken_) {
        const Wake wake = co_await wait(Cause::write_timeout, connection_.limits().write_timeout);
        if (wake == Wake::interrupted) {
            co_return false;
        }
    }
    co_return !closed_ || answer_sent_;
}

void Stream::abort() noexcept {
    if (closed_ || answer_sent_) {
        return;
    }
    broken_ = true;
    if (!head_submitted_) {
        connection_.session().reset(id_, ErrorCode::internal_error);
    } else if (is_idle_) {
        is_idle_ = false;
        connection_.session().resume(id_);
    }
    connection_.want_write();
}

StreamPort::Outgoing Stream::outgoing() noexcept {
    is_idle_ = queue_.empty() && !last_written_ && !broken_;
    return {.bytes = queue_.size() - taken_, .last = last_written_, .broken = broken_};
}

void Stream::take(char* to, std::size_t size) noexcept {
    std::memcpy(to, queue_.data() + taken_, size);
    taken_ += size;
    if (taken_ == queue_.size()) {
        taken_ = 0;
        connection_.keep_buffer(std::exchange(queue_, std::string()));
    }
    connection_.touch(*this);
}

void Stream::on_answer_sent() noexcept {
    answer_sent_ = true;
    connection_.touch(*this);
}

void Stream::on_close(ErrorCode) noexcept {
    forgotten_ = true;
    lose();
}

void Stream::lose() noexcept {
    if (!closed_) {
        closed_ = true;
        if (!answer_sent_) {
            interrupt_.fire(Cause::client_gone);
        }
        connection_.touch(*this);
    }
}

// ---- the end ----

// Suspends until something is recorded for this stream, or `time` has passed.
Task<Wake> Stream::wait(Cause timeout, Clock::duration time) {
    deadline_.arm(timeout, Reactor::now() + time);
    const Wake wake = co_await waiting_.wait(interrupt_);
    deadline_.clear();
    co_return wake;
}

// Stays until the client has everything, and the stream with it.
Task<void> Stream::see_off() {
    if (!started_ || !(last_written_ || broken_)) {
        abort();  // nothing else would end the stream
    }
    stop_reading();
    while (!closed_ && !answer_sent_) {
        interrupt_.reset();  // of the exchange; the process's end is the connection's business
        const Wake wake = co_await wait(Cause::write_timeout, connection_.limits().write_timeout);
        if (wake == Wake::interrupted && interrupt_.cause() == Cause::write_timeout) {
            connection_.count_attack(metrics::Attack::slow_reader);
            connection_.session().reset(id_, ErrorCode::cancel);
            connection_.want_write();
            break;
        }
    }
    if (!closed_ && answer_sent_) {
        co_await let_upload_end();
    }
    while (!closed_) {
        interrupt_.reset();
        co_await waiting_.wait(interrupt_);
    }
}

// The client has its answer and may still be sending (RFC 9113 section 8.1): it is asked to stop,
// but not before what was on its way has come.
Task<void> Stream::let_upload_end() {
    const Clock::time_point until = Reactor::now() + kUploadPatience;
    while (!closed_ && dropped_ <= kMostDropped) {
        interrupt_.reset();
        const Wake wake = co_await wait(Cause::elapsed, until - Reactor::now());
        if (wake == Wake::interrupted) {
            break;
        }
    }
    if (!closed_) {
        connection_.session().reset(id_, ErrorCode::no_error);
        connection_.want_write();
    }
}

}  // namespace tollgate::server::h2
