// TLS towards vendors: contexts, sessions, handshakes.  OpenSSL works on the non-blocking
// descriptor itself.
#pragma once

#include "failover/failure.hpp"

#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace tollgate::server {

struct SslDeleter {
    void operator()(ssl_st* ssl) const noexcept;
};
using SslPtr = std::unique_ptr<ssl_st, SslDeleter>;

/// What a provider's configuration says about TLS.
struct TlsClientOptions {
    std::string ca_file;             ///< PEM bundle; empty: the system's trust store
    std::string client_certificate;  ///< PEM file, with its key in client_key
    std::string client_key;
    bool verify = true;      ///< certificate chain and host name
    std::string state = {};  ///< file_state() of the files above: changed files are other options

    bool operator==(const TlsClientOptions&) const = default;
};

/// The last TLS session of one origin, for resumption.  Single-threaded, one per worker and origin.
class TlsSessionSlot {
public:
    TlsSessionSlot() = default;
    TlsSessionSlot(const TlsSessionSlot&) = delete;
    TlsSessionSlot& operator=(const TlsSessionSlot&) = delete;
    ~TlsSessionSlot();
    /// Takes over one reference; nullptr forgets.
    void replace(ssl_session_st* session) noexcept;
    [[nodiscard]] ssl_session_st* get() const noexcept { return session_; }

private:
    ssl_session_st* session_ = nullptr;
};

/// A client-side SSL_CTX.  One per worker and option set.
class TlsClientContext {
public:
    [[nodiscard]] static Result<std::unique_ptr<TlsClientContext>> make(
        const TlsClientOptions& options);
    ~TlsClientContext();
    TlsClientContext(const TlsClientContext&) = delete;
    TlsClientContext& operator=(const TlsClientContext&) = delete;

    /// A connection object on `fd` with SNI, host verification and, where `sessions` has one, a
    /// session to resume. `sessions` must outlive the returned object; new tickets are put there.
    [[nodiscard]] Result<SslPtr> connect(int fd, const std::string& host,
                                         TlsSessionSlot& sessions) const;
    /// Before the handshake: offers "h2" and "http/1.1" by ALPN (RFC 7301).
    static void offer_http2(ssl_st* ssl) noexcept;

private:
    explicit TlsClientContext(ssl_ctx_st* context, bool verify) noexcept
        : context_(context), verify_(verify) {}
    ssl_ctx_st* context_;
    bool verify_;
};

/// Changes whenever a file of that name is written or replaced.
[[nodiscard]] std::string file_state(const std::string& path);

/// Why OpenSSL refused, in a sentence: the verification error by name, else the reason string of
/// its error queue, and what that means towards a vendor.
[[nodiscard]] std::string tls_error(const ssl_st* ssl);

}  // namespace tollgate::server
