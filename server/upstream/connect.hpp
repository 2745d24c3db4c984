// From an origin to an open channel: look-up, TCP with happy eyeballs, proxy, TLS.
#pragma once

#include "server/io/channel.hpp"
#include "server/io/task.hpp"
#include "server/io/tls.hpp"
#include "server/upstream/origin.hpp"
#include "server/upstream/resolve.hpp"

namespace tollgate::server::upstream {

/// What connecting needs; everything outlives the call.
struct ConnectWiring {
    Reactor& reactor;
    Resolver& resolver;
    const OriginSpec& origin;
    const TlsClientContext* tls = nullptr;     ///< null for plain origins
    TlsSessionSlot* sessions = nullptr;        ///< of the origin
    TlsSessionSlot* proxy_sessions = nullptr;  ///< of an https:// proxy in front of it
    bool offer_http2 = false;                  ///< to the origin, by ALPN
};

/// Opens a connection.  Failures are connect_failed and say which step failed at which address, and
/// why.  An interrupted connect also fails; the caller looks at the interrupt's cause.
[[nodiscard]] Task<Result<Channel>> connect(ConnectWiring& wiring, Interrupt& interrupt);

}  // namespace tollgate::server::upstream
