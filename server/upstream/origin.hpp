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

struct OriginSpec {
    bool tls = false;
    std::string host;  ///< name or literal address, without brackets
    std::uint16_t port = 0;
    std::string server_name;  ///< SNI and name to verify
    TlsClientOptions tls_options;
    std::optional<Proxy> proxy;
    std::size_t max_connections = 256;  ///< per worker
    std::chrono::milliseconds idle = std::chrono::seconds(90);

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
