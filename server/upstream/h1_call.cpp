#include "server/upstream/h1_call.hpp"

#include "server/io/give_back.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace tollgate::server::upstream {
namespace {

constexpr std::size_t kMostHead = 256 * 1024;
constexpr unsigned kReadsInARow = 16;

std::string head_bytes(const adapters::UpstreamRequest& request, const OriginSpec& origin) {
    std::string head;
    head.reserve(512);
    head.append(request.method)
        .append(" ")
        .append(request.target)
        .append(" HTTP/1.1\r\nhost: ")
        .append(origin.authority());
    head.append("\r\n");
    for (const adapters::Header& header : request.headers) {
        head.append(header.name).append(": ").append(header.value).append("\r\n");
    }
    if (request.body.size() > 0 || request.method != "GET") {
        head.append("content-length: ").append(std::to_string(request.body.size())).append("\r\n");
    }
    head.append("\r\n");
    return head;
}

std::unexpected<Failure> lost(std::string_view when, int error, const Channel* channel = nullptr) {
    std::string detail = "the connection was lost ";
    detail.append(when);
    if (error == EPROTO && channel != nullptr && channel->is_tls()) {
        // In TLS 1.3 the vendor judges our certificate only after our side of the handshake.
        detail.append(": ").append(channel->handshake_error());
        return fail(FailureKind::upstream_unavailable, std::move(detail));
    }
    detail.append(error != 0 ? std::string(": ") + std::strerror(error)
                             : std::string(": closed by the vendor"));
    return fail(FailureKind::upstream_unavailable, std::move(detail));
}

}  // namespace

H1Call::~H1Call() {
    if (connection_) {
        pool_.discard(std::move(connection_));  // unfinished: closing is how HTTP/1.1 cancels
    }
}

void H1Call::finish() noexcept {
    ended_ = true;
    if (!connection_) {
        return;
    }
    if (clean_ && parser_.keep_alive()) {
        pool_.give_back(std::move(connection_));
    } else {
        pool_.discard(std::move(connection_));
    }
}

bool H1Call::may_retry_fresh() const noexcept {
    return connection_->is_reused() && !any_received_ && !retried_;
}

bool H1Call::connect_at_once() {
    connection_ = pool_.take_idle(origin_);
    return connection_ != nullptr;
}

Task<Result<void>> H1Call::connect(Interrupt& interrupt) {
    Result<std::unique_ptr<Connection>> connection =
        co_await pool_.acquire(origin_, Pool::Wanted::any, interrupt);
    if (!connection) {
        co_return std::unexpected(std::move(connection.error()));
    }
    connection_ = std::move(*connection);
    co_return Result<void>();
}

Task<Result<void>> H1Call::send(const adapters::UpstreamRequest& request, Interrupt& interrupt) {
    request_ = &request;
    const Sent sent = co_await send_on(*connection_, interrupt);
    if (sent == Sent::dead) {
        co_return co_await resend(interrupt);
    }
    if (sent == Sent::interrupted) {
        co_return fail(FailureKind::upstream_timeout, "interrupted while sending the request");
    }
    co_return Result<void>();
}

// A kept connection was closed by the vendor before it saw this request: once more, on a new one.
Task<Result<void>> H1Call::resend(Interrupt& interrupt) {
    retried_ = true;
    pool_.discard(std::move(connection_));
    Result<std::unique_ptr<Connection>> connection =
        co_await pool_.acquire(origin_, Pool::Wanted::fresh, interrupt);
    if (!connection) {
        co_return std::unexpected(std::move(connection.error()));
    }
    connection_ = std::move(*connection);
    const Sent sent = co_await send_on(*connection_, interrupt);
    if (sent != Sent::yes) {
        co_return lost("while sending the request", sent == Sent::dead ? ECONNRESET : ECANCELED);
    }
    co_return Result<void>();
}

// One gather write over the client's own bytes where the kernel takes them at once.
Task<H1Call::Sent> H1Call::send_on(Connection& connection, Interrupt& interrupt) {
    const std::string head = head_bytes(*request_, connection.origin().spec);
    std::array<iovec, 8> few;
    std::vector<iovec> many;
    std::span<iovec> left(few);
    if (1 + request_->body.pieces().size() > few.size()) {
        many.resize(1 + request_->body.pieces().size());
        left = many;
    }
    std::size_t count = 0;
    left[count++] = piece(head);
    for (const std::string_view bytes : request_->body.pieces()) {
        left[count++] = piece(bytes);
    }
    left = left.first(count);
    while (!left.empty()) {
        const IoResult result = connection.channel().write(left);
        if (result.status == IoStatus::ok) {
            std::size_t done = result.bytes;
            while (!left.empty() && done >= left.front().iov_len) {
                done -= left.front().iov_len;
                left = left.subspan(1);
            }
            if (!left.empty()) {
                left.front().iov_base = static_cast<char*>(left.front().iov_base) + done;
                left.front().iov_len -= done;
            }
            continue;
        }
        if (result.status != IoStatus::want_write && result.status != IoStatus::want_read) {
            // A vendor may refuse early and close; its answer may be waiting to be read.
            co_return may_retry_fresh() ? Sent::dead : Sent::yes;
        }
        const Wake wake = co_await connection.channel().wait(result.status, interrupt);
        if (wake == Wake::interrupted) {
            co_return Sent::interrupted;
        }
    }
    co_return Sent::yes;
}

Task<Result<void>> H1Call::receive_head(CallHead& head, Interrupt& interrupt) {
    for (;;) {
        const Wake wake = co_await connection_->channel().socket().readable(interrupt);
        if (wake == Wake::interrupted) {
            co_return fail(FailureKind::upstream_timeout,
                           "interrupted while waiting for the answer");
        }
        const IoResult result = connection_->channel().read(scratch_.data(), scratch_.size());
        if (result.status == IoStatus::want_read || result.status == IoStatus::want_write) {
            continue;
        }
        if (result.status != IoStatus::ok) {
            if (!may_retry_fresh()) {
                co_return lost(any_received_ ? "within the answer's head" : "before the answer",
                               result.error, &connection_->channel());
            }
            Result<void> again = co_await resend(interrupt);
            if (!again) {
                co_return again;
            }
            continue;
        }
        any_received_ = true;
        std::string_view bytes(scratch_.data(), result.bytes);
        if (!received_.empty()) {
            received_.append(bytes);
            bytes = received_;
        }
        const ResponseParser::HeadStep step = parser_.head(bytes, head);
        if (step.state == ResponseParser::HeadState::done) {
            std::string body(bytes.substr(step.consumed));
            ResponseParser::BodyStep taken;
            const bool good = take_body(body.data(), body.size(), taken);
            body.resize(taken.size);
            received_ = std::move(body);
            has_early_ = !received_.empty();
            if (!good) {
                co_return fail(FailureKind::protocol_error,
                               "the answer's body is not framed as its head says");
            }
            co_return Result<void>();
        }
        if (step.state == ResponseParser::HeadState::malformed || bytes.size() > kMostHead) {
            co_return fail(FailureKind::protocol_error, "the answer's head is not HTTP/1.1");
        }
        if (received_.empty()) {
            received_.assign(bytes);
        }
    }
}

// False: the framing is broken.
bool H1Call::take_body(char* data, std::size_t size, ResponseParser::BodyStep& step) {
    step = parser_.body(data, size);
    clean_ = clean_ && !step.excess;
    if (step.ended || parser_.has_ended()) {
        finish();
    }
    return !step.malformed;
}

std::optional<std::string_view> H1Call::whole_at_once() {
    if (!ended_ || !has_early_) {
        return std::nullopt;
    }
    has_early_ = false;
    return received_;
}

Task<Result<std::string_view>> H1Call::receive(Interrupt& interrupt) {
    if (has_early_) {
        has_early_ = false;
        co_return std::string_view(received_);
    }
    give_back(received_);
    if (++unyielded_ == kReadsInARow) {  // a vendor faster than we are must not starve the others
        unyielded_ = 0;
        co_await interrupt.reactor().yield();
    }
    while (!ended_) {
        const Wake wake = co_await connection_->channel().socket().readable(interrupt);
        if (wake == Wake::interrupted) {
            co_return fail(FailureKind::upstream_timeout, "interrupted while reading the answer");
        }
        const IoResult result = connection_->channel().read(scratch_.data(), scratch_.size());
        if (result.status == IoStatus::want_read || result.status == IoStatus::want_write) {
            continue;
        }
        if (result.status != IoStatus::ok) {
            if (result.status == IoStatus::closed && parser_.close_ends_body()) {
                finish();
                break;
            }
            co_return lost("within the answer", result.error, &connection_->channel());
        }
        ResponseParser::BodyStep step;
        if (!take_body(scratch_.data(), result.bytes, step)) {
            co_return fail(FailureKind::protocol_error,
                           "the answer's body is not framed as its head says");
        }
        if (step.size > 0) {
            co_return std::string_view(scratch_.data(), step.size);
        }
    }
    co_return std::string_view();
}

}  // namespace tollgate::server::upstream
