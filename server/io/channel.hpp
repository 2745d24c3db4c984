// A byte stream to a peer: a socket, with TLS on it or not.  Same calls either way.
#pragma once

#include "server/io/socket.hpp"
#include "server/io/task.hpp"
#include "server/io/tls.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server {

class Channel {
public:
    Channel() = default;
    explicit Channel(Socket socket) noexcept : socket_(std::move(socket)) {}

    [[nodiscard]] Socket& socket() noexcept { return socket_; }
    [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
    [[nodiscard]] bool is_tls() const noexcept { return ssl_ != nullptr; }
    void close() noexcept;
    /// Closes without saying that all has been sent: in TLS the peer sees a truncated stream.
    void cut() noexcept;
    /// Ends our side: no byte follows, and the peer is told so (in TLS by close_notify as well).
    void end_sending() noexcept;
    /// Closes with RST instead of FIN where the protocol cannot say "broken" otherwise.
    void reset() noexcept;

    [[nodiscard]] IoResult read(char* data, std::size_t size) noexcept;
    [[nodiscard]] IoResult write(std::span<const iovec> pieces) noexcept;

    /// Suspends until the operation that gave `status` is worth trying again.
    [[nodiscard]] Socket::Awaiter wait(IoStatus status, Interrupt& interrupt) noexcept {
        return status == IoStatus::want_write ? socket_.writable(interrupt)
                                              : socket_.readable(interrupt);
    }

    /// Puts TLS on the open socket.  The result is ok, or failed / interrupted; tls_error() tells
    /// why.
    [[nodiscard]] Task<IoResult> handshake(SslPtr ssl, Interrupt& interrupt);
    [[nodiscard]] std::string handshake_error() const {
        return ssl_ ? tls_error(ssl_.get()) : std::string();
    }
    [[nodiscard]] bool session_resumed() const noexcept;
    /// What ALPN chose; empty without TLS, or when the peer chose nothing.
    [[nodiscard]] std::string_view alpn() const noexcept;
    [[nodiscard]] const ssl_st* ssl() const noexcept { return ssl_.get(); }  ///< null: no TLS

private:
    [[nodiscard]] IoResult tls_result(int result) noexcept;
    Socket socket_;
    SslPtr ssl_;
};

/// Bytes on their way out that the peer has not taken yet.  The fast path never copies: write()
/// hands the pieces to the kernel and keeps only what did not fit.
class WriteQueue {
public:
    /// Writes as much as goes at once, behind what is already queued.  False on a dead peer
    /// (error() says why).
    [[nodiscard]] bool write(Channel& channel, std::span<const iovec> pieces);
    /// Tries to send what is queued.
    [[nodiscard]] bool flush(Channel& channel);
    /// Suspends until the peer takes bytes again and sends what goes; false on error or
    /// interruption.
    [[nodiscard]] Task<bool> drain_some(Channel& channel, Interrupt& interrupt);

    [[nodiscard]] std::size_t queued() const noexcept { return pending_.size() - sent_; }
    [[nodiscard]] int error() const noexcept { return error_; }

private:
    std::string pending_;
    std::size_t sent_ = 0;
    IoStatus blocked_ = IoStatus::want_write;
    int error_ = 0;
};

}  // namespace tollgate::server
