// The connections of clients: what a worker asks of them whatever they speak, and how it comes to
// be known what they speak.
#pragma once

#include "server/exchange.hpp"
#include "server/io/channel.hpp"
#include "server/io/task.hpp"
#include "server/peer_counts.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tollgate::server {

class Worker;

/// Who is at the other end of a client's connection.
struct ClientPeer {
    std::string address;
    ListenerKind listener = ListenerKind::api;
    std::string certificate_subject = {};  ///< of a client certificate that verified; else empty
    std::shared_ptr<PeerCounts::Slot> slot =
        {};  ///< its place under server.limits.connections_per_peer
};

/// Known to its worker from Worker::enter() to Worker::leave().
class ClientConnection {
public:
    /// The process is stopping: an idle connection closes now, a busy one after its answers.
    virtual void drain() noexcept = 0;
    /// The grace time is over.
    virtual void cut() noexcept = 0;

protected:
    ~ClientConnection() = default;
};

enum class ClientProtocol : std::uint8_t {
    by_first_bytes,  ///< plain text: HTTP/1.1, or HTTP/2 by its preface or by Upgrade
    http1,           ///< HTTP/1.1 and nothing else
    http2,
};

/// Speaks with a client over an open channel, behind its TLS handshake if it has one, until either
/// side has had enough.
[[nodiscard]] Task<void> serve_client(Worker& worker, Channel channel, ClientPeer peer,
                                      ClientProtocol protocol);
/// Answers with the failure, and ends the connection.
[[nodiscard]] Task<void> refuse_client(Worker& worker, Channel channel, ClientPeer peer,
                                       Failure failure);

}  // namespace tollgate::server
