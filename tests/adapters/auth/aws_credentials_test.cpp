#include "adapters/auth/aws_credentials.hpp"

#include "tests/support/catch.hpp"

namespace {

using namespace tollgate::auth;
using tollgate::FailureKind;

constexpr std::string_view kFile = R"([default]
aws_access_key_id = AKIDEFAULT
aws_secret_access_key=secret/with#hash+and=equals
# comment
; another
[work]
  nested_before = ignored
aws_access_key_id = AKIWORK  # inline
aws_secret_access_key = s
aws_session_token = t==
s3 =
  region = nested
region = eu-central-1

[profile config-style]
region = us-west-2
[broken]
aws_access_key_id = AKIONLY
)";

TEST_CASE("reads keys per profile out of a credentials file") {
    const auto first = parse_credentials_file(kFile, "default");
    REQUIRE(first);
    CHECK(first->access_key == "AKIDEFAULT");
    CHECK(first->secret == "secret/with#hash+and=equals");
    CHECK(first->session_token.empty());
    CHECK_FALSE(first->expires_unix);
    const auto second = parse_credentials_file(kFile, "work");
    REQUIRE(second);
    CHECK(second->access_key == "AKIWORK");
    CHECK(second->session_token == "t==");
}

TEST_CASE("line ends of any system are fine") {
    const auto keys = parse_credentials_file(
        "[default]\r\naws_access_key_id=a\r\naws_secret_access_key=b\r\n", "default");
    REQUIRE(keys);
    CHECK(keys->secret == "b");
}

TEST_CASE("names what a credentials file lacks, and no secret") {
    const auto absent = parse_credentials_file(kFile, "nobody");
    REQUIRE_FALSE(absent);
    CHECK(absent.error().kind == FailureKind::upstream_auth);
    CHECK(absent.error().detail == "the AWS credentials file has no profile 'nobody'");
    const auto half = parse_credentials_file(kFile, "broken");
    REQUIRE_FALSE(half);
    CHECK(half.error().detail.find("AKIONLY") == std::string::npos);
}

TEST_CASE("reads other settings of a profile, not those of nested blocks") {
    CHECK(profile_setting(kFile, "work", "region") == "eu-central-1");
    CHECK(profile_setting(kFile, "config-style", "region") == "us-west-2");
    CHECK_FALSE(profile_setting(kFile, "default", "region"));
    CHECK_FALSE(profile_setting(kFile, "work", "nested_before"));
}

TEST_CASE("reads the JSON of container and instance endpoints") {
    const auto keys = parse_credentials_json(
        R"({"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","Expiration":"2026-08-01T10:00:00Z"})");
    REQUIRE(keys);
    CHECK(keys->access_key == "ASIA1");
    CHECK(keys->secret == "s");
    CHECK(keys->session_token == "t");
    CHECK(keys->expires_unix == 1785578400);
}

TEST_CASE("an endpoint without keys is an upstream_auth failure") {
    const auto refused = parse_credentials_json(R"({"Code":"AccessDenied","Message":"no role"})");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FailureKind::upstream_auth);
    CHECK(refused.error().detail ==
          "the AWS credentials endpoint gave no keys: AccessDenied no role");
    for (const std::string_view body : {"", "<html>", "[]", R"({"AccessKeyId":"SECRETISH"})"}) {
        const auto keys = parse_credentials_json(body);
        REQUIRE_FALSE(keys);
        CHECK(keys.error().detail.find("SECRETISH") == std::string::npos);
    }
}

TEST_CASE("reads AWS times strictly") {
    CHECK(parse_aws_time("1970-01-02T00:00:01Z") == 86401);
    CHECK(parse_aws_time("2024-02-29T23:59:59.123Z") == 1709251199);
    for (const std::string_view bad :
         {"", "2023-02-29T00:00:00Z", "2026-08-01 10:00:00Z", "2026-08-01T10:00:00",
          "2026-08-01T24:00:00Z", "2026-13-01T00:00:00Z"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_aws_time(bad));
    }
}

}  // namespace
