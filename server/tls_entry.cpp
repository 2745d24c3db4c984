#include "server/tls_entry.hpp"

#include "server/linger.hpp"
#include "server/worker.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace tollgate::server {
namespace {

constexpr char kHandshakeRecord = 0x16;  // RFC 8446 section 5.1: ContentType handshake

std::string_view name_of(HandshakeFailure reason) noexcept {
    return metrics::kHandshakeFailures[static_cast<std::size_t>(reason)];
}

}  // namespace

TlsEntry::TlsEntry(Worker& worker, Channel channel, ClientPeer peer,
                   std::shared_ptr<const TlsServerContext> context, Clock::duration patience)
    : worker_(worker),
      channel_(std::move(channel)),
      peer_(std::move(peer)),
      context_(std::move(context)),
      interrupt_(worker.reactor()),
      deadline_(worker.reactor(), interrupt_) {
    worker_.enter(*this);
    deadline_.arm(Cause::header_timeout, Reactor::now() + patience);
}

TlsEntry::~TlsEntry() {
    worker_.leave(*this);
}

Task<void> TlsEntry::run() {
    const FirstByte first = co_await first_byte();
    switch (first) {
        case FirstByte::tls:
            co_await shake_hands();
            break;
        case FirstByte::http:
            worker_.note_handshake_failure(HandshakeFailure::plain_http);
            worker_.refuse_plain_http(std::move(channel_), std::move(peer_));
            break;
        case FirstByte::other:
            co_await give_up(HandshakeFailure::not_tls, "the first byte is not of TLS");
            break;
        case FirstByte::none:
            // Whoever only connects, such as a TCP probe, has not failed at TLS.
            if (interrupt_.cause() == Cause::header_timeout) {
                co_await give_up(HandshakeFailure::timeout, "nothing was sent");
            }
            break;
    }
    channel_.close();
}

// Looks without taking: TLS must find it there.
Task<TlsEntry::FirstByte> TlsEntry::first_byte() {
    for (;;) {
        char byte = 0;
        const ssize_t n = ::recv(channel_.socket().fd(), &byte, 1, MSG_PEEK);
        if (n == 1) {
            if (byte == kHandshakeRecord) {
                co_return FirstByte::tls;
            }
            const bool is_text = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                                 byte == '\r' || byte == '\n';
            co_return is_text ? FirstByte::http : FirstByte::other;
        }
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            co_return FirstByte::none;
        }
        if (errno == EINTR) {
            continue;
        }
        const IoResult nothing{.status = IoStatus::want_read};
        channel_.socket().note_read(nothing, 1);
        const Wake wake = co_await channel_.socket().readable(interrupt_);
        if (wake == Wake::interrupted) {
            co_return FirstByte::none;
        }
    }
}

Task<void> TlsEntry::shake_hands() {
    SslPtr ssl = context_->accept(channel_.socket().fd());
    if (!ssl) {
        co_await give_up(HandshakeFailure::protocol, "no TLS object");
        co_return;
    }
    const IoResult outcome = co_await channel_.handshake(std::move(ssl), interrupt_);
    if (outcome.status != IoStatus::ok) {
        if (interrupt_.cause() == Cause::header_timeout) {
            co_await give_up(HandshakeFailure::timeout, "server.timeouts.header");
        } else if (interrupt_.fired()) {
            co_await give_up(HandshakeFailure::shutdown, "the process is stopping");
        } else if (outcome.error == EPROTO) {
            const auto [reason, detail] = handshake_failure();
            co_await give_up(reason, detail);
        } else {
            co_await give_up(HandshakeFailure::cut, "the client closed the connection");
        }
        co_return;
    }
    if (client_certificate_expired(channel_.ssl())) {
        co_await give_up(HandshakeFailure::certificate_refused,
                         "the certificate of the resumed session has expired");
        co_return;
    }
    hand_over();
}

void TlsEntry::hand_over() {
    deadline_.clear();
    worker_.note_handshake(*channel_.ssl());
    peer_.certificate_subject = client_subject(channel_.ssl());
    const bool is_http2 = channel_.alpn() == "h2";
    worker_.serve(std::move(channel_), std::move(peer_),
                  is_http2 ? ClientProtocol::http2 : ClientProtocol::http1);
}

Task<void> TlsEntry::give_up(HandshakeFailure reason, std::string_view detail) {
    worker_.note_handshake_failure(reason);
    worker_.logger().log(
        metrics::Level::debug, "TLS handshake failed",
        {{"client", peer_.address}, {"reason", name_of(reason)}, {"detail", detail}});
    interrupt_.reset();
    if (reason != HandshakeFailure::cut && reason != HandshakeFailure::shutdown) {
        co_await linger(worker_, channel_, interrupt_, deadline_);  // the alert must arrive
    }
}

}  // namespace tollgate::server
