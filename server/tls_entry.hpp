// A client's connection from its first byte until TLS stands; then its protocol takes over.
#pragma once

#include "server/client_connection.hpp"
#include "server/exchange.hpp"
#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"
#include "server/io/tls_server.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tollgate::server {

class Worker;

class TlsEntry final : public ClientConnection {
public:
    /// `context` is kept until the handshake has ended, whatever a reload does meanwhile.
    TlsEntry(Worker& worker, Channel channel, ClientPeer peer,
             std::shared_ptr<const TlsServerContext> context, Clock::duration patience);
    ~TlsEntry();

    [[nodiscard]] Task<void> run();
    void drain() noexcept override { interrupt_.fire(Cause::shutdown); }
    void cut() noexcept override { interrupt_.fire(Cause::shutdown); }

private:
    enum class FirstByte : std::uint8_t { none, tls, http, other };
    [[nodiscard]] Task<FirstByte> first_byte();
    [[nodiscard]] Task<void> shake_hands();
    [[nodiscard]] Task<void> give_up(HandshakeFailure reason, std::string_view detail);
    void hand_over();

    Worker& worker_;
    Channel channel_;
    ClientPeer peer_;
    std::shared_ptr<const TlsServerContext> context_;
    Interrupt interrupt_;
    InterruptDeadline deadline_;
};

}  // namespace tollgate::server
