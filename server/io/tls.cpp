#include "server/io/tls.hpp"

#include "server/io/openssl.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <cstdint>
#include <sys/stat.h>
#include <unistd.h>

namespace tollgate::server {

std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* const reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return reason != nullptr ? reason : "unknown TLS error";
}

void SslDeleter::operator()(ssl_st* ssl) const noexcept {
    // Freed without a shutdown, a connection counts as broken, and OpenSSL never resumes its
    // session.
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
}

TlsSessionSlot::~TlsSessionSlot() {
    replace(nullptr);
}

void TlsSessionSlot::replace(ssl_session_st* session) noexcept {
    SSL_SESSION_free(session_);
    session_ = session;
}

namespace {

bool is_ip_address(const std::string& host) {
    in6_addr scratch{};
    return inet_pton(AF_INET, host.c_str(), &scratch) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

// What OpenSSL has said about a file, in words.
std::string file_problem(const std::string& path) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    const std::string words = openssl_reason();
    if (::access(path.c_str(), R_OK) != 0) {
        return "it cannot be opened";
    }
    if (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH) {
        return "does not belong to tls.client_cert";
    }
    return "holds nothing in PEM form that can be used (" + words + ")";
}

// Nobody is there to type a passphrase.
int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

// TLS 1.3 sends tickets after the handshake, so they are caught when they come.
int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* const slot = static_cast<TlsSessionSlot*>(SSL_get_app_data(ssl));
    if (slot == nullptr) {
        return 0;
    }
    slot->replace(session);
    return 1;  // the reference is ours now
}

}  // namespace

Result<std::unique_ptr<TlsClientContext>> TlsClientContext::make(const TlsClientOptions& options) {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    if (context == nullptr) {
        return fail(FailureKind::internal, "no TLS context: " + openssl_reason());
    }
    std::unique_ptr<TlsClientContext> result(new TlsClientContext(context, options.verify));
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    const bool trusted = options.ca_file.empty()
                             ? SSL_CTX_set_default_verify_paths(context) == 1
                             : SSL_CTX_load_verify_file(context, options.ca_file.c_str()) == 1;
    if (!trusted) {
        return fail(FailureKind::connect_failed,
                    "tls.ca_file " + options.ca_file + ": " + file_problem(options.ca_file));
    }
    if (options.client_certificate.empty()) {
        return result;
    }
    if (SSL_CTX_use_certificate_chain_file(context, options.client_certificate.c_str()) != 1) {
        return fail(FailureKind::connect_failed, "tls.client_cert " + options.client_certificate +
                                                     ": " +
                                                     file_problem(options.client_certificate));
    }
    bool encrypted = false;
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, &encrypted);
    const bool has_key =
        SSL_CTX_use_PrivateKey_file(context, options.client_key.c_str(), SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
    if (!has_key) {
        return fail(FailureKind::connect_failed,
                    "tls.client_key " + options.client_key + ": " +
                        (encrypted ? "is encrypted, and nobody is there to type its passphrase"
                                   : file_problem(options.client_key)));
    }
    return result;
}

TlsClientContext::~TlsClientContext() {
    SSL_CTX_free(context_);
}

Result<SslPtr> TlsClientContext::connect(int fd, const std::string& host,
                                         TlsSessionSlot& sessions) const {
    SslPtr ssl(SSL_new(context_));
    if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) {
        return fail(FailureKind::internal, "no TLS object: " + openssl_reason());
    }
    SSL_set_connect_state(ssl.get());
    SSL_set_app_data(ssl.get(), &sessions);
    if (is_ip_address(host)) {  // RFC 6066 section 3: no SNI for literal addresses
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
    } else {
        SSL_set_tlsext_host_name(ssl.get(), host.c_str());
        if (verify_) {
            SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
            SSL_set1_host(ssl.get(), host.c_str());
        }
    }
    if (sessions.get() != nullptr) {
        // A copy, since OpenSSL spoils a TLS 1.3 session by using it, while servers that send no
        // new ticket on resumption take the old one again.
        SSL_SESSION* const copy = SSL_SESSION_dup(sessions.get());
        SSL_set_session(ssl.get(), copy);
        SSL_SESSION_free(copy);
    }
    return ssl;
}

std::string file_state(const std::string& path) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) {
        return "-";
    }
    std::string text;
    for (const std::int64_t part :
         {static_cast<std::int64_t>(status.st_ino), static_cast<std::int64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_mtim.tv_sec),
          static_cast<std::int64_t>(status.st_mtim.tv_nsec)}) {
        text.append(std::to_string(part)).append(".");
    }
    return text;
}

void TlsClientContext::offer_http2(ssl_st* ssl) noexcept {
    static constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(ssl, kProtocols, sizeof kProtocols - 1);
}

}  // namespace tollgate::server
