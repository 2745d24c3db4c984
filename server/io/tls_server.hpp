// TLS towards clients: certificates by name, session tickets, ALPN, client certificates.
#pragma once

#include "config/secret.hpp"
#include "config/settings.hpp"
#include "failover/failure.hpp"
#include "metrics/shard.hpp"
#include "server/io/tls.hpp"
#include "server/io/tls_tickets.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tollgate::server {

using metrics::HandshakeFailure;

/// One certificate with its key, as their files hold them.
struct TlsIdentity {
    std::string place;      ///< the setting that named the files, such as "server.tls"
    std::string chain;      ///< PEM, our own certificate first
    config::Secret key;     ///< PEM
    std::string ocsp = {};  ///< DER; empty: nothing is stapled
};

struct TlsServerOptions {
    std::vector<TlsIdentity> identities;  ///< not empty; the first is for clients that name none
    config::TlsVersion min_version = config::TlsVersion::tls12;
    std::string client_ca = {};  ///< PEM
    config::ClientAuth client_auth = config::ClientAuth::off;
    bool http2 = false;        ///< offer h2 by ALPN
    bool self_signed = false;  ///< the identity is a throw-away one
};

/// What is wrong, or doubtful, with the options; `place` is a setting.
struct TlsRemark {
    std::string place;
    std::string text;
};
struct TlsFindings {
    std::vector<TlsRemark> problems;
    std::vector<TlsRemark> warnings;
};

/// A throw-away identity for localhost, this machine's name and the loopback addresses.
[[nodiscard]] Result<TlsIdentity> make_self_signed();

/// The contexts of one worker under one configuration.  Must live until the handshakes begun with
/// it have ended; connections outlive it.
class TlsServerContext {
public:
    /// Fails with all problems.  What is doubtful goes to `findings` in either case.
    [[nodiscard]] static std::unique_ptr<TlsServerContext> make(const TlsServerOptions& options,
                                                                TlsFindings& findings);
    ~TlsServerContext();
    TlsServerContext(const TlsServerContext&) = delete;
    TlsServerContext& operator=(const TlsServerContext&) = delete;

    /// Sessions are resumed by tickets of these keys, which outlive every connection.
    void use_tickets(TicketKeys& keys) noexcept;
    /// A connection object on an accepted descriptor, ready for Channel::handshake().
    [[nodiscard]] SslPtr accept(int fd) const;

private:
    class Callbacks;
    struct Served;
    TlsServerContext();
    void add_names(std::size_t index);
    [[nodiscard]] const Served& choose(std::string_view name) const noexcept;

    std::vector<Served> served_;  // the first is the default
    std::unordered_map<std::string, std::size_t> names_;
    bool http2_ = false;
};

/// What the metric tells about a handshake.
struct TlsSummary {
    bool is_tls13 = false;
    bool resumed = false;
};
[[nodiscard]] TlsSummary tls_summary(const ssl_st& ssl) noexcept;
/// The subject of the client's certificate in the form of RFC 4514, such as "CN=billing,O=Example";
/// empty when it has shown none that verifies.
[[nodiscard]] std::string client_subject(const ssl_st* ssl);
/// The certificate of a resumed session has proved itself when the session began; this tells when
/// it has expired since.
[[nodiscard]] bool client_certificate_expired(const ssl_st* ssl) noexcept;
/// Reads this thread's error queue after a failed SSL_do_handshake() and empties it.
[[nodiscard]] std::pair<HandshakeFailure, std::string> handshake_failure();

}  // namespace tollgate::server
