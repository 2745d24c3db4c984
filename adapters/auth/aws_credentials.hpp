// AWS credentials as they lie around: shared files, and the JSON of container and instance metadata
// endpoints. Pure parsers; who reads the file or asks the endpoint is server/'s business. Source:
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html, read 2026-08.
#pragma once

#include "failover/failure.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::auth {

struct AwsCredentials {
    std::string access_key;
    std::string secret;
    std::string session_token;                 ///< empty: long-lived keys
    std::optional<std::int64_t> expires_unix;  ///< seconds; nothing: they do not expire
};

/// The keys of `profile` in the text of ~/.aws/credentials or ~/.aws/config (where a section is
/// called `profile NAME`). Fails with upstream_auth when the section or one of its two keys is
/// missing; the text is never quoted.
[[nodiscard]] Result<AwsCredentials> parse_credentials_file(std::string_view text,
                                                            std::string_view profile);

/// One setting of a profile in such a text, e.g. "region"; nothing when absent.
[[nodiscard]] std::optional<std::string> profile_setting(std::string_view text,
                                                         std::string_view profile,
                                                         std::string_view name);

/// The answer of a container credentials endpoint or of the instance metadata service.
/// Fails with upstream_auth; the answer is never quoted, an error's own `Code` and `Message` are.
[[nodiscard]] Result<AwsCredentials> parse_credentials_json(std::string_view body);

/// "2026-08-01T10:00:00Z" (fractions allowed) as unix seconds.
[[nodiscard]] std::optional<std::int64_t> parse_aws_time(std::string_view text);

}  // namespace tollgate::auth
