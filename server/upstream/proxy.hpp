// Getting through a proxy: HTTP CONNECT (RFC 9110 section 9.3.6) and SOCKS5 (RFC 1928, RFC 1929).
#pragma once

#include "server/io/channel.hpp"
#include "server/upstream/origin.hpp"

namespace tollgate::server::upstream {

/// Asks the proxy at the other end of `channel` for a tunnel to `origin`.  Afterwards the channel's
/// bytes are the origin's. Failures are connect_failed and quote the proxy's answer, never its
/// credentials.
[[nodiscard]] Task<Result<void>> open_tunnel(Channel& channel, const OriginSpec& origin,
                                             Interrupt& interrupt);

}  // namespace tollgate::server::upstream
