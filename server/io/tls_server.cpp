#include "server/io/tls_server.hpp"

#include "server/io/openssl.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <span>

namespace tollgate::server {
namespace {

// Forward secrecy and AEAD only, so every suite is also one that RFC 9113 section 9.2.2 allows.
// TLS 1.3 has its own list, and OpenSSL's default for it is good.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kHttp11 = "http/1.1";
constexpr std::string_view kHttp10 = "http/1.0";
constexpr std::string_view kHttp2 = "h2";
constexpr int kSoonSeconds = 14 * 24 * 3600;  // a certificate that ends within this is warned about

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

// Nobody is there to type a passphrase.
int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

std::string use_certificate(SSL_CTX* context, std::string_view pem) {
    const BioPtr bio = memory_bio(pem);
    const X509Ptr own(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (!own) {
        return "holds no certificate in PEM form: " + openssl_reason();
    }
    if (SSL_CTX_use_certificate(context, own.get()) != 1) {
        return "holds a certificate that cannot be used: " + openssl_reason();
    }
    for (;;) {
        X509Ptr next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
        if (!next) {
            const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            const std::string words = openssl_reason();
            return at_end ? std::string() : "is damaged within its chain: " + words;
        }
        SSL_CTX_add0_chain_cert(context, next.release());
    }
}

std::string use_key(SSL_CTX* context, std::string_view pem) {
    const BioPtr bio = memory_bio(pem);
    bool encrypted = false;
    const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &encrypted));
    if (encrypted) {
        return "is encrypted, and nobody is there to type its passphrase; decrypt it with "
               "`openssl pkey`";
    }
    if (!key) {
        return "holds no private key in PEM form: " + openssl_reason();
    }
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
        const int reason = ERR_GET_REASON(ERR_peek_error());
        const std::string words = openssl_reason();
        return reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH
                   ? "does not belong to the certificate"
                   : "cannot be used: " + words;
    }
    return {};
}

std::string use_client_ca(SSL_CTX* context, std::string_view pem) {
    const BioPtr bio = memory_bio(pem);
    std::size_t count = 0;
    for (;; ++count) {
        const X509Ptr authority(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
        if (!authority) {
            break;
        }
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1 ||
            SSL_CTX_add_client_CA(context, authority.get()) != 1) {
            return "holds a certificate that cannot be used: " + openssl_reason();
        }
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string words = openssl_reason();
    if (count == 0) {
        return "holds no certificate in PEM form: " + words;
    }
    return at_end ? std::string() : "is damaged: " + words;
}

std::string lifetime_warning(X509* certificate) {
    std::time_t soon = std::time(nullptr) + kSoonSeconds;
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
        return "is not valid yet";
    }
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        return "has expired";
    }
    return X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0 ? "expires within 14 days"
                                                                     : "";
}

// Sessions of clients that proved themselves to other authorities, or to none, are not resumed.
void separate_sessions(SSL_CTX* context, const TlsServerOptions& options) {
    std::string text = std::to_string(static_cast<int>(options.client_auth)) + options.client_ca;
    std::array<unsigned char, 32> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    SSL_CTX_set_session_id_context(context, digest.data(), size);
}

void set_rules(SSL_CTX* context, const TlsServerOptions& options) {
    SSL_CTX_set_min_proto_version(context, options.min_version == config::TlsVersion::tls13
                                               ? TLS1_3_VERSION
                                               : TLS1_2_VERSION);
    // The client's order of ciphers counts: it knows whether it has AES in hardware.
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_cipher_list(context, kCiphers12);
    SSL_CTX_set1_groups_list(context, kGroups);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);  // one read for a record's head and body
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets hold everything
    SSL_CTX_set_timeout(context, TicketKeys::kLifetime.count());
    SSL_CTX_set_num_tickets(context, 1);
    separate_sessions(context, options);
    int verify = SSL_VERIFY_NONE;
    if (options.client_auth != config::ClientAuth::off) {
        verify = SSL_VERIFY_PEER;
    }
    if (options.client_auth == config::ClientAuth::required) {
        verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(context, verify, nullptr);
}

struct OcspFree {
    void operator()(OCSP_RESPONSE* response) const noexcept { OCSP_RESPONSE_free(response); }
    void operator()(OCSP_BASICRESP* basic) const noexcept { OCSP_BASICRESP_free(basic); }
};

// The part of an OCSP response that is about the certificate, by its serial number; or null.
OCSP_SINGLERESP* part_about(OCSP_BASICRESP* basic, const X509* certificate) {
    for (int i = 0; i < OCSP_resp_count(basic); ++i) {
        OCSP_SINGLERESP* const single = OCSP_resp_get0(basic, i);
        ASN1_INTEGER* serial = nullptr;
        OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial,
                          const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
        if (serial != nullptr &&
            ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0) {
            return single;
        }
    }
    return nullptr;
}

// An OCSP response's end of validity, or what is wrong with it.
std::expected<std::time_t, std::string> ocsp_end(std::string_view der, const X509* certificate) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<OCSP_RESPONSE, OcspFree> response(
        d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
    if (!response) {
        ERR_clear_error();
        return std::unexpected("is not an OCSP response in DER form");
    }
    const std::unique_ptr<OCSP_BASICRESP, OcspFree> basic(OCSP_response_get1_basic(response.get()));
    OCSP_SINGLERESP* const single = basic ? part_about(basic.get(), certificate) : nullptr;
    if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
        single == nullptr) {
        ERR_clear_error();
        return std::unexpected("says nothing about the certificate");
    }
    ASN1_GENERALIZEDTIME* until = nullptr;
    OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &until);
    std::tm parts{};
    if (until == nullptr || ASN1_TIME_to_tm(until, &parts) != 1) {
        return std::numeric_limits<std::time_t>::max();
    }
    return timegm(&parts);
}

std::vector<std::string> dns_names(X509* certificate) {
    std::vector<std::string> names;
    auto* const all = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_DNS) {
            names.push_back(
                lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
        }
    }
    GENERAL_NAMES_free(all);
    return names;
}

}  // namespace

// A certificate in its own context: OpenSSL changes contexts when it knows the name.
struct TlsServerContext::Served {
    SslContextPtr context;
    std::string ocsp;
    std::time_t ocsp_until = 0;
};

class TlsServerContext::Callbacks {
public:
    static int choose_certificate(SSL* ssl, int*, void* context) {
        const auto& self = *static_cast<const TlsServerContext*>(context);
        const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        if (name == nullptr) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        const Served& served = self.choose(name);
        if (SSL_get_SSL_CTX(ssl) != served.context.get()) {
            SSL_set_SSL_CTX(ssl, served.context.get());
        }
        return SSL_TLSEXT_ERR_OK;
    }

    static int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                               const unsigned char* offered, unsigned size, void* context) {
        const auto& self = *static_cast<const TlsServerContext*>(context);
        const std::array<std::string_view, 3> ours{kHttp2, kHttp11, kHttp10};
        for (std::size_t i = self.http2_ ? 0 : 1; i < ours.size(); ++i) {
            for (unsigned at = 0; at < size; at += 1U + offered[at]) {
                const std::string_view one(reinterpret_cast<const char*>(offered) + at + 1,
                                           std::min<std::size_t>(offered[at], size - at - 1));
                if (one == ours[i]) {
                    *out = offered + at + 1;
                    *out_size = offered[at];
                    return SSL_TLSEXT_ERR_OK;
                }
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 section 3.2: no_application_protocol
    }

    static int staple(SSL* ssl, void* context) {
        const auto& self = *static_cast<const TlsServerContext*>(context);
        const SSL_CTX* const current = SSL_get_SSL_CTX(ssl);
        const auto served = std::ranges::find_if(
            self.served_, [&](const Served& one) { return one.context.get() == current; });
        if (served == self.served_.end() || served->ocsp.empty() ||
            served->ocsp_until < std::time(nullptr)) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        void* const copy = OPENSSL_memdup(served->ocsp.data(), served->ocsp.size());
        SSL_set_tlsext_status_ocsp_resp(ssl, static_cast<unsigned char*>(copy),
                                        static_cast<long>(served->ocsp.size()));
        return SSL_TLSEXT_ERR_OK;
    }

    // OpenSSL's contract: sealing gives 1; opening 0: unknown, 1: open, 2: open and send a new one.
    static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int sealing) {
        auto* const keys = static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
        if (keys == nullptr) {
            return 0;
        }
        const auto now = std::chrono::steady_clock::now();
        if (sealing == 1) {
            const TicketKeys::Key& key = keys->current(now);
            std::ranges::copy(key.name, name);
            constexpr int kBlock = 16;
            return RAND_bytes(iv, kBlock) == 1 && keys->prepare(key, cipher, mac, iv, true) ? 1
                                                                                            : -1;
        }
        const TicketKeys::Key* const key = keys->find(
            std::span<const unsigned char, TicketKeys::kNameSize>(name, TicketKeys::kNameSize),
            now);
        if (key == nullptr) {
            return 0;
        }
        if (!keys->prepare(*key, cipher, mac, iv, false)) {
            return -1;
        }
        // RFC 8446 appendix C.4: clients should use a ticket once, so they need another.
        const bool renew = key != &keys->current(now) || SSL_version(ssl) == TLS1_3_VERSION;
        return renew ? 2 : 1;
    }
};

TlsServerContext::TlsServerContext() = default;
TlsServerContext::~TlsServerContext() = default;

std::unique_ptr<TlsServerContext> TlsServerContext::make(const TlsServerOptions& options,
                                                         TlsFindings& findings) {
    std::unique_ptr<TlsServerContext> self(new TlsServerContext);
    self->http2_ = options.http2;
    const std::size_t before = findings.problems.size();
    const auto problem = [&](const std::string& place, std::string text) {
        if (!text.empty()) {
            findings.problems.push_back({place, std::move(text)});
        }
    };
    for (const TlsIdentity& identity : options.identities) {
        SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
        if (context == nullptr) {
            problem(identity.place, "no TLS context: " + openssl_reason());
            break;
        }
        Served& served = self->served_.emplace_back();
        served.context.reset(context);
        set_rules(context, options);
        std::string bad = use_certificate(context, identity.chain);
        const bool has_certificate = bad.empty();
        problem(identity.place + ".cert", std::move(bad));
        if (has_certificate) {
            problem(identity.place + ".key", use_key(context, identity.key.reveal()));
            if (std::string late = lifetime_warning(SSL_CTX_get0_certificate(context));
                !late.empty()) {
                findings.warnings.push_back({identity.place + ".cert", std::move(late)});
            }
            self->add_names(self->served_.size() - 1);
        }
        if (has_certificate && !identity.ocsp.empty()) {
            const auto until = ocsp_end(identity.ocsp, SSL_CTX_get0_certificate(context));
            problem(identity.place + ".ocsp", until ? std::string() : until.error());
            if (until && *until < std::time(nullptr)) {
                findings.warnings.push_back(
                    {identity.place + ".ocsp", "is no longer valid and is not sent"});
            }
            served.ocsp = identity.ocsp;
            served.ocsp_until = until.value_or(0);
        }
        if (options.client_auth != config::ClientAuth::off) {
            const bool first = self->served_.size() == 1;
            std::string wrong = use_client_ca(context, options.client_ca);
            problem("server.tls.client_ca", first ? std::move(wrong) : std::string());
        }
        SSL_CTX_set_tlsext_servername_callback(context, Callbacks::choose_certificate);
        SSL_CTX_set_tlsext_servername_arg(context, self.get());
        SSL_CTX_set_alpn_select_cb(context, Callbacks::choose_protocol, self.get());
        SSL_CTX_set_tlsext_status_cb(context, Callbacks::staple);
        SSL_CTX_set_tlsext_status_arg(context, self.get());
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Callbacks::ticket_key);
    }
    ERR_clear_error();
    return findings.problems.size() == before ? std::move(self) : nullptr;
}

void TlsServerContext::use_tickets(TicketKeys& keys) noexcept {
    for (const Served& served : served_) {
        SSL_CTX_set_app_data(served.context.get(), &keys);
    }
}

void TlsServerContext::add_names(std::size_t index) {
    for (std::string& name : dns_names(SSL_CTX_get0_certificate(served_[index].context.get()))) {
        names_.emplace(std::move(name), index);  // the first certificate with a name has it
    }
}

const TlsServerContext::Served& TlsServerContext::choose(std::string_view asked) const noexcept {
    std::string name = lower(asked);
    if (name.ends_with('.')) {
        name.pop_back();
    }
    if (const auto found = names_.find(name); found != names_.end()) {
        return served_[found->second];
    }
    // RFC 6125 section 6.4.3: a wildcard stands for one label, the leftmost.
    if (const std::size_t dot = name.find('.'); dot != std::string::npos && dot > 0) {
        if (const auto found = names_.find("*" + name.substr(dot)); found != names_.end()) {
            return served_[found->second];
        }
    }
    return served_.front();
}

SslPtr TlsServerContext::accept(int fd) const {
    SslPtr ssl(SSL_new(served_.front().context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    SSL_set_accept_state(ssl.get());
    return ssl;
}

TlsSummary tls_summary(const ssl_st& ssl) noexcept {
    return {.is_tls13 = SSL_version(&ssl) == TLS1_3_VERSION,
            .resumed = SSL_session_reused(&ssl) == 1};
}

std::string client_subject(const ssl_st* ssl) {
    const X509* const certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) {
        return {};
    }
    const BioPtr out(BIO_new(BIO_s_mem()));
    char* text = nullptr;
    if (!out ||
        X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) {
        return {};
    }
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

bool client_certificate_expired(const ssl_st* ssl) noexcept {
    const X509* const certificate = SSL_get0_peer_certificate(ssl);
    return certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
}

std::pair<HandshakeFailure, std::string> handshake_failure() {
    const unsigned long code = ERR_peek_error();
    const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    std::string words = openssl_reason();
    const auto as = [&](HandshakeFailure kind) { return std::pair(kind, std::move(words)); };
    if (reason > SSL_AD_REASON_OFFSET) {
        return as(HandshakeFailure::alert);
    }
    switch (reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_WRONG_SSL_VERSION:
        case SSL_R_NO_PROTOCOLS_AVAILABLE:
        case SSL_R_INAPPROPRIATE_FALLBACK:
            return as(HandshakeFailure::version);
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_SHARED_GROUPS:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SUITABLE_GROUPS:
        case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        case SSL_R_NO_CIPHERS_SPECIFIED:
            return as(HandshakeFailure::cipher);
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return as(HandshakeFailure::alpn);
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return as(HandshakeFailure::certificate_missing);
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return as(HandshakeFailure::certificate_refused);
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return as(HandshakeFailure::cut);
        default:
            return as(HandshakeFailure::protocol);
    }
}

}  // namespace tollgate::server
