// The throw-away certificate of server.tls.self_signed.
#include "server/io/openssl.hpp"
#include "server/io/tls_server.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <unistd.h>

namespace tollgate::server {
namespace {

constexpr long kDays = 90;

std::string host_name() {
    std::array<char, 256> name{};
    std::string text = ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
    const bool usable =
        !text.empty() && text.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                             std::string::npos;
    return usable ? text : std::string();
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

bool fill(X509* certificate, EVP_PKEY* key) {
    std::uint64_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
    if (const std::string host = host_name(); !host.empty() && host != "localhost") {
        names += ",DNS:" + host;
    }
    X509_NAME* const name = X509_get_subject_name(certificate);
    const auto* const common = reinterpret_cast<const unsigned char*>("Tollgate, self-signed");
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != nullptr &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), kDays * 24 * 3600) != nullptr &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, common, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, NID_subject_alt_name, names) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           X509_sign(certificate, key, EVP_sha256()) != 0;
}

std::string text_of(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
}

}  // namespace

Result<TlsIdentity> make_self_signed() {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const X509Ptr certificate(X509_new());
    const BioPtr chain(BIO_new(BIO_s_mem()));
    const BioPtr secret(BIO_new(BIO_s_secmem()));
    if (!key || !certificate || !chain || !secret || !fill(certificate.get(), key.get()) ||
        PEM_write_bio_X509(chain.get(), certificate.get()) != 1 ||
        PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
            1) {
        return fail(FailureKind::internal, "no self-signed certificate: " + openssl_reason());
    }
    return TlsIdentity{.place = "server.tls",
                       .chain = text_of(chain.get()),
                       .key = config::Secret(text_of(secret.get()))};
}

}  // namespace tollgate::server
