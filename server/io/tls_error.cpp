// Why TLS towards a vendor failed, in words that say what to do.
#include "server/io/openssl.hpp"
#include "server/io/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <array>

namespace tollgate::server {
namespace {

constexpr std::size_t kMostNames = 8;

template <class Write>
std::string written(Write write) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    if (!out || write(out.get()) <= 0) {
        return "?";
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string name_text(const X509_NAME* name) {
    return written([&](BIO* out) { return X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253); });
}

std::string time_text(const ASN1_TIME* time) {
    return written([&](BIO* out) { return ASN1_TIME_print_ex(out, time, ASN1_DTFLGS_ISO8601); });
}

std::string_view bytes_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_text(std::string_view bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
    const bool known = bytes.size() == 4 || bytes.size() == 16;
    return known && inet_ntop(family, bytes.data(), text.data(), text.size()) != nullptr
               ? text.data()
               : "?";
}

// The names and addresses that a certificate is for.
std::string names_in(const X509* certificate) {
    auto* const all = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    std::string text;
    std::size_t count = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD) {
            continue;
        }
        if (count++ == kMostNames) {
            text += " and others";
            break;
        }
        text += count == 1 ? "" : ", ";
        // The certificate is a stranger's: nothing in it may end a line of the log.
        for (const char c : name->type == GEN_DNS ? std::string(bytes_of(name->d.dNSName))
                                                  : address_text(bytes_of(name->d.iPAddress))) {
            text.push_back(c > 0x20 && c < 0x7f ? c : '?');
        }
    }
    GENERAL_NAMES_free(all);
    return count == 0 ? "no name at all" : text;
}

// What a person needs to know beyond OpenSSL's own words.
std::string verdict_details(long verdict, const X509* certificate) {
    switch (verdict) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "it is for " + names_in(certificate);
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "it was valid until " + time_text(X509_get0_notAfter(certificate));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "it is valid from " + time_text(X509_get0_notBefore(certificate));
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its issuer " + name_text(X509_get_issuer_name(certificate)) +
                   " is not trusted; tls.ca_file names those that are";
        default:
            return {};
    }
}

std::string verification_error(const SSL* ssl, long verdict) {
    std::string text = "certificate verification failed: ";
    text += X509_verify_cert_error_string(verdict);
    const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
    if (sk_X509_num(chain) > 0) {
        const std::string details = verdict_details(verdict, sk_X509_value(chain, 0));
        text += details.empty() ? "" : " (" + details + ")";
    }
    return text;
}

// The vendor has ended it by an alert (RFC 8446 section 6.2).
std::string alert_meaning(int alert, bool has_certificate) {
    switch (alert) {
        case SSL_AD_PROTOCOL_VERSION:
            return "no TLS version in common: 1.2 and 1.3 were offered, and the vendor takes "
                   "neither";
        case SSL_AD_HANDSHAKE_FAILURE:
            return has_certificate
                       ? "the vendor found nothing in common, or refused the client certificate"
                       : "the vendor found nothing in common, or wants a client certificate "
                         "(tls.client_cert)";
        case SSL_AD_CERTIFICATE_REQUIRED:
            return "the vendor wants a client certificate (tls.client_cert)";
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_EXPIRED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
            return has_certificate ? "the vendor refused the client certificate (tls.client_cert)"
                                   : "the vendor wants a client certificate (tls.client_cert)";
        case SSL_AD_UNRECOGNIZED_NAME:
            return "the vendor does not know the server name (tls.server_name)";
        default:
            return {};
    }
}

std::string meaning(const SSL* ssl, int reason) {
    if (reason > SSL_AD_REASON_OFFSET) {
        return alert_meaning(reason - SSL_AD_REASON_OFFSET, SSL_get_certificate(ssl) != nullptr);
    }
    switch (reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_WRONG_SSL_VERSION:
            return "no TLS version in common: 1.2 and 1.3 were offered, and the vendor chose an "
                   "older one";
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return "the peer closed the connection without ending TLS";
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_HTTP_REQUEST:
            return "what answers does not speak TLS";
        default:
            return {};
    }
}

}  // namespace

std::string tls_error(const ssl_st* ssl) {
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK && (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0) {
        ERR_clear_error();
        return verification_error(ssl, verdict);
    }
    const unsigned long code = ERR_peek_error();
    const std::string known =
        ERR_GET_LIB(code) == ERR_LIB_SSL ? meaning(ssl, ERR_GET_REASON(code)) : std::string();
    const std::string words = openssl_reason();
    return known.empty() ? words : known + " (" + words + ")";
}

}  // namespace tollgate::server
