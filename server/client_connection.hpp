// What a worker asks of the connections of its clients, whatever they speak.
#pragma once

#include "server/exchange.hpp"

#include <string>

namespace tollgate::server {

/// Who is at the other end of a client's connection.
struct ClientPeer {
    std::string address;
    ListenerKind listener = ListenerKind::api;
    std::string certificate_subject = {};  ///< of a client certificate that verified; else empty
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

}  // namespace tollgate::server
