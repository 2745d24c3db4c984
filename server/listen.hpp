// Listening sockets.
#pragma once

#include "config/settings.hpp"

#include <expected>
#include <string>

namespace tollgate::server {

/// Whether other sockets may listen on the same address: workers do, other processes must not.
enum class PortSharing : unsigned char { exclusive, shared };

/// A non-blocking listening socket.  `shared` sets SO_REUSEPORT, so that each worker has its own
/// queue; try `exclusive` first to notice another process on the port.  The error is a sentence
/// that names the address.  The caller owns the descriptor.
[[nodiscard]] std::expected<int, std::string> open_listener(const config::ListenAddress& address,
                                                            PortSharing sharing);

/// The port that the system chose for an address with port 0.
[[nodiscard]] std::uint16_t bound_port(int fd) noexcept;

}  // namespace tollgate::server
