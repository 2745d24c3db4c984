#include "adapters/auth/gcp_jwt.hpp"

#include "adapters/codec/base64.hpp"
#include "adapters/codec/json.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace tollgate::auth {
namespace {

using json::Value;

constexpr std::string_view kTokenUri = "https://oauth2.googleapis.com/token";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::int64_t kAssertionSeconds = 3600;  // the most that Google accepts
constexpr std::int64_t kAssumedLifetime =
    300;  // for an answer that does not say: short, so that it is asked again soon
constexpr std::int64_t kLongestLifetime = 24 * 3600;
constexpr std::size_t kQuoteLimit = 300;

struct KeyFree {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct BioFree {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
struct DigestFree {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;

// A key with a passphrase must not make OpenSSL ask for it on the terminal.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

/// Null when the text is no RSA key in PEM.
Key load_key(const std::string& pem) {
    const std::unique_ptr<BIO, BioFree> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
    ERR_clear_error();
    if (key && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
        key.reset();
    }
    return key;
}

Result<std::string> sign_rs256(const std::string& pem, std::string_view text) {
    const Key key = load_key(pem);
    const std::unique_ptr<EVP_MD_CTX, DigestFree> context(EVP_MD_CTX_new());
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t length = 0;
    if (!key || !context ||
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size()) != 1) {
        ERR_clear_error();
        return fail(FailureKind::upstream_auth, "the service account's private key cannot sign");
    }
    std::string signature(length, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                       bytes, text.size()) != 1) {
        ERR_clear_error();
        return fail(FailureKind::upstream_auth, "the service account's private key cannot sign");
    }
    signature.resize(length);
    return signature;
}

std::string base64url(std::string_view bytes) {
    return codec::base64_encode(bytes, codec::Base64Form::url_unpadded);
}

TokenRequest form_request(std::string_view url, std::string body) {
    return TokenRequest{.method = "POST",
                        .url = std::string(url),
                        .headers = {{"content-type", "application/x-www-form-urlencoded"}},
                        .body = std::move(body)};
}

TokenRequest metadata_request(std::string_view host, std::string_view path) {
    std::string url = "http://";
    url += host.empty() ? kMetadataHost : host;
    url += "/computeMetadata/v1/";
    url += path;
    // The header proves that no browser was tricked into asking.
    return TokenRequest{
        .method = "GET", .url = std::move(url), .headers = {{"metadata-flavor", "Google"}}};
}

std::unexpected<Failure> missing(std::string_view field) {
    return fail(FailureKind::upstream_auth,
                "the Google credentials lack \"" + std::string(field) + "\"");
}

Result<GoogleCredentials> read_service_account(Value root) {
    GoogleCredentials credentials{.kind = GoogleCredentials::Kind::service_account};
    credentials.client_email = root["client_email"].string();
    credentials.private_key = root["private_key"].string();
    credentials.private_key_id = root["private_key_id"].string();
    credentials.token_uri = root["token_uri"].string(kTokenUri);
    credentials.project_id = root["project_id"].string();
    credentials.quota_project_id = root["quota_project_id"].string();
    if (credentials.client_email.empty()) {
        return missing("client_email");
    }
    if (credentials.private_key.empty()) {
        return missing("private_key");
    }
    if (!load_key(credentials.private_key)) {
        return fail(FailureKind::upstream_auth,
                    "the private_key of the Google credentials is no RSA key in PEM; check that "
                    "its line ends "
                    "(\\n) survived");
    }
    return credentials;
}

Result<GoogleCredentials> read_authorized_user(Value root) {
    GoogleCredentials credentials{.kind = GoogleCredentials::Kind::authorized_user};
    credentials.client_id = root["client_id"].string();
    credentials.client_secret = root["client_secret"].string();
    credentials.refresh_token = root["refresh_token"].string();
    credentials.token_uri = root["token_uri"].string(kTokenUri);
    credentials.quota_project_id = root["quota_project_id"].string();
    for (const auto& [field, value] : {std::pair("client_id", &credentials.client_id),
                                       std::pair("client_secret", &credentials.client_secret),
                                       std::pair("refresh_token", &credentials.refresh_token)}) {
        if (value->empty()) {
            return missing(field);
        }
    }
    return credentials;
}

}  // namespace

bool looks_like_google_credentials(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

Result<GoogleCredentials> parse_google_credentials(std::string_view text) {
    const Result<json::Document> document = json::Document::parse(text);
    if (!document || !document->root().is_object()) {
        return fail(FailureKind::upstream_auth, "the Google credentials are not a JSON object");
    }
    const Value root = document->root();
    const std::string_view type = root["type"].string();
    Result<GoogleCredentials> credentials =
        type == "service_account" ? read_service_account(root)
        : type == "authorized_user"
            ? read_authorized_user(root)
            : fail(FailureKind::upstream_auth,
                   "the Google credentials are of type \"" + std::string(type.substr(0, 60)) +
                       "\"; service_account and authorized_user are supported");
    if (credentials && !credentials->token_uri.starts_with("https://") &&
        !credentials->token_uri.starts_with("http://")) {
        return fail(FailureKind::upstream_auth,
                    "the token_uri of the Google credentials is no http(s) URL");
    }
    return credentials;
}

GoogleCredentials metadata_credentials(std::string_view host) {
    GoogleCredentials credentials{.kind = GoogleCredentials::Kind::metadata_server};
    credentials.metadata_host = host;
    return credentials;
}

Result<std::string> service_account_assertion(const GoogleCredentials& credentials,
                                              std::int64_t now_unix) {
    std::string header;
    json::Writer head(header);
    head.begin_object().member("alg", "RS256").member("typ", "JWT");
    if (!credentials.private_key_id.empty()) {
        head.member("kid", credentials.private_key_id);
    }
    head.end_object();
    std::string claims;
    json::Writer writer(claims);
    writer.begin_object().member("iss", credentials.client_email).member("scope", kScope);
    writer.member("aud", credentials.token_uri);
    writer.key("iat").integer(now_unix).key("exp").integer(now_unix + kAssertionSeconds);
    writer.end_object();
    std::string assertion = base64url(header) + "." + base64url(claims);
    const Result<std::string> signature = sign_rs256(credentials.private_key, assertion);
    if (!signature) {
        return signature;
    }
    return assertion + "." + base64url(*signature);
}

Result<TokenRequest> token_request(const GoogleCredentials& credentials, std::int64_t now_unix) {
    using adapters::encode_segment;
    switch (credentials.kind) {
        case GoogleCredentials::Kind::service_account: {
            const Result<std::string> assertion = service_account_assertion(credentials, now_unix);
            if (!assertion) {
                return std::unexpected(assertion.error());
            }
            return form_request(
                credentials.token_uri,
                "grant_type=" + encode_segment("urn:ietf:params:oauth:grant-type:jwt-bearer") +
                    "&assertion=" + *assertion);
        }
        case GoogleCredentials::Kind::authorized_user:
            return form_request(
                credentials.token_uri,
                "grant_type=refresh_token&client_id=" + encode_segment(credentials.client_id) +
                    "&client_secret=" + encode_segment(credentials.client_secret) +
                    "&refresh_token=" + encode_segment(credentials.refresh_token));
        case GoogleCredentials::Kind::metadata_server:
            break;
    }
    return metadata_request(credentials.metadata_host, "instance/service-accounts/default/token");
}

TokenRequest metadata_project_request(std::string_view host) {
    return metadata_request(host, "project/project-id");
}

Result<AccessToken> parse_token(unsigned status, std::string_view body) {
    const Result<json::Document> document = json::Document::parse(body);
    const Value root = document ? document->root() : Value{};
    if (status >= 200 && status < 300) {
        const std::string_view token = root["access_token"].string();
        if (token.empty()) {
            return fail(FailureKind::protocol_error,
                        "Google's token endpoint answered without an access_token");
        }
        std::int64_t seconds = root["expires_in"].integer().value_or(kAssumedLifetime);
        seconds = seconds < 0 ? 0 : seconds > kLongestLifetime ? kLongestLifetime : seconds;
        return AccessToken{.token = std::string(token),
                           .expires_in = std::chrono::seconds(seconds)};
    }
    std::string detail = "Google's token endpoint answered " + std::to_string(status);
    if (const std::string_view error = root["error"].string(); !error.empty()) {
        detail += ": ";
        detail += error.substr(0, kQuoteLimit);
        if (const std::string_view text = root["error_description"].string(); !text.empty()) {
            detail += ": ";
            detail += text.substr(0, kQuoteLimit);
        }
    }
    Failure failure{.kind = status == 429 || status >= 500 ? FailureKind::upstream_unavailable
                                                           : FailureKind::upstream_auth,
                    .detail = std::move(detail),
                    .upstream_status = static_cast<std::uint16_t>(status)};
    return std::unexpected(std::move(failure));
}

}  // namespace tollgate::auth
