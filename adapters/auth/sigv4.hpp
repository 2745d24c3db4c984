// AWS Signature Version 4: a pure function from a request, keys and a time to the headers that
// prove who sends it. Source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read
// 2026-08.
#pragma once

#include "adapters/dialect.hpp"
#include "failover/failure.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::auth {

using adapters::Header;

/// What is signed.  Views are only read during the call.
struct SigningInput {
    std::string_view method = "POST";
    std::string_view host = {};     ///< as sent; with the port when it is not 80 or 443
    std::string_view target = "/";  ///< path and query exactly as on the wire
    std::span<const Header> headers =
        {};  ///< further headers to sign, e.g. content-type; never host
    std::span<const std::string_view> body = {};  ///< pieces, hashed in order without being joined
    std::string_view access_key = {};
    std::string_view secret = {};
    std::string_view session_token = {};  ///< empty: long-lived keys
    std::string_view region = {};
    std::string_view service = {};  ///< "bedrock", "sagemaker", "sts"
    std::int64_t unix_time = 0;
    bool send_content_hash = false;  ///< add and sign x-amz-content-sha256
};

/// The derived key of one day, region, service and pair of keys.  A caller that keeps one per
/// endpoint saves four HMACs a request; sign() derives it anew whenever it does not fit.  Not for
/// sharing between threads.
class SigningKey {
public:
    using Bytes = std::array<unsigned char, 32>;

private:
    friend class Signer;
    std::string made_for_;
    Bytes bytes_{};
};

/// Headers to add to the request: x-amz-date, x-amz-security-token and x-amz-content-sha256 as
/// asked, authorization. Fails with upstream_auth when a key, region or service is missing, and
/// with internal when OpenSSL does.
[[nodiscard]] Result<std::vector<Header>> sign(const SigningInput& input,
                                               SigningKey* kept = nullptr);

/// The canonical request, for tests and for explaining a vendor's SignatureDoesNotMatch.  Contains
/// no secret.
[[nodiscard]] Result<std::string> canonical_request(const SigningInput& input);

}  // namespace tollgate::auth
