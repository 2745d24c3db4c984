// The end of a client's connection that still has bytes to say.
#pragma once

#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"

namespace tollgate::server {

class Worker;

/// Ends our side and reads away what the client still sends, for some seconds at most: closing with
/// unread input makes the kernel send RST, which destroys what the client has not read yet (RFC
/// 9112 section 9.6).
[[nodiscard]] Task<void> linger(Worker& worker, Channel& channel, Interrupt& interrupt,
                                InterruptDeadline& deadline);

}  // namespace tollgate::server
