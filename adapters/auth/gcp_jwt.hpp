// Google OAuth 2: from a credentials file (or the metadata server) to the request that fetches an
// access token, and from its answer to the token.  Pure; who sends the request and keeps the token
// is server/'s business. Sources:
// https://developers.google.com/identity/protocols/oauth2/service-account,
// https://cloud.google.com/docs/authentication/application-default-credentials, read 2026-08.
#pragma once

#include "adapters/dialect.hpp"
#include "failover/failure.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::auth {

using adapters::Header;

/// Who asks for a token.  Holds secrets: never log one.
struct GoogleCredentials {
    enum class Kind : std::uint8_t {
        service_account,  ///< signs an assertion with its private key
        authorized_user,  ///< a person's refresh token (gcloud auth application-default login)
        metadata_server,  ///< on Google Cloud: the machine's own service account
    };
    Kind kind = Kind::service_account;
    std::string client_email = {};
    std::string private_key = {};  ///< PEM
    std::string private_key_id = {};
    std::string token_uri = {};
    std::string project_id = {};  ///< of the service account; the default for Endpoint::project
    std::string quota_project_id = {};  ///< when set, API requests carry it as x-goog-user-project
    std::string client_id = {};
    std::string client_secret = {};
    std::string refresh_token = {};
    std::string metadata_host = {};
};

/// One HTTP exchange that yields a token, or another small fact.
struct TokenRequest {
    std::string method = "POST";
    std::string url = {};
    std::vector<Header> headers = {};
    std::string body = {};
};

struct AccessToken {
    std::string token = {};
    std::chrono::seconds expires_in{};
};

/// A token with less life left than this is to be replaced (google-auth's own threshold).
inline constexpr std::chrono::seconds kTokenRefreshMargin{225};
inline constexpr std::string_view kMetadataHost = "metadata.google.internal";

/// Text that starts like a Google credentials file; anything else configured as a key is a plain
/// API key.
[[nodiscard]] bool looks_like_google_credentials(std::string_view text) noexcept;

/// Reads a service-account or authorized_user JSON file and checks that the private key can be
/// loaded. Fails with upstream_auth; the text is never quoted.
[[nodiscard]] Result<GoogleCredentials> parse_google_credentials(std::string_view json);

/// The credentials of the machine; `host` is $GCE_METADATA_HOST, or empty for Google's name.
[[nodiscard]] GoogleCredentials metadata_credentials(std::string_view host);

/// The signed RS256 assertion that a service account exchanges for a token: one hour, scope
/// cloud-platform.
[[nodiscard]] Result<std::string> service_account_assertion(const GoogleCredentials& credentials,
                                                            std::int64_t now_unix);

/// The request that fetches a token.  A service account's holds a signature over `now_unix` and is
/// to be sent at once.
[[nodiscard]] Result<TokenRequest> token_request(const GoogleCredentials& credentials,
                                                 std::int64_t now_unix);

/// Asks the metadata server for the project's id (the whole body of the answer).
[[nodiscard]] TokenRequest metadata_project_request(std::string_view host);

/// Reads the answer to a token request: upstream_auth when Google refuses (its `error` and
/// `error_description` are quoted), upstream_unavailable for 5xx and 429, protocol_error for a 2xx
/// answer without a token.
[[nodiscard]] Result<AccessToken> parse_token(unsigned status, std::string_view body);

}  // namespace tollgate::auth
