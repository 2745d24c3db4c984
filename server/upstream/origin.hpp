// Where upstream connections go: everything that two exchanges must agree on to share one.
#pragma once

#include "failover/failure.hpp"
#include "server/io/tls.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::server::upstream {

/// A proxy on the way.  `authorization` holds credentials: never log it.
struct Proxy {
    enum class Kind : std::uint8_t { http, https, socks5 };
    Kind kind = Kind::http;
    std::string host;
    std::uint16_t port = 0;
    std::string user;
    std::string password;
};

/// Whether HTTP/2 is spoken to an origin: never, where TLS negotiates it, or without asking.
enum class Http2Use : std::uint8_t { never, negotiated, always };

struct OriginSpec {
    bool tls = false;
    std::string host;  ///< name or literal address, without brackets
    std::uint16_t port = 0;
    std::string server_name;  ///< SNI and name to verify
    TlsClientOptions tls_options;
    std::optional<Proxy> proxy;
    std::size_t max_connections = 256;  ///< per worker
    std::chrono::milliseconds idle = std::chrono::seconds(90);
    Http2Use http2 = Http2Use::never;
    std::chrono::milliseconds ping = std::chrono::seconds(10);

    /// Equal keys may share connections.
    [[nodiscard]] std::string key() const;
    /// The Host field's value: the port only where it is not the scheme's own.
    [[nodiscard]] std::string authority() const;
};

/// The pieces of an http(s) URL.
struct Url {
    bool tls = false;
    std::string host;  ///< without brackets
    std::uint16_t port = 0;
    std::string path;  ///< path prefix without trailing slash; empty for the root
};
[[nodiscard]] Result<Url> parse_url(std::string_view text);
/// http://, https://, socks5:// or socks5h://, with optional user:password@.
[[nodiscard]] Result<Proxy> parse_proxy(std::string_view text);

}  // namespace tollgate::server::upstream
