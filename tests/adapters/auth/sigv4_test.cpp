#include "adapters/auth/sigv4.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace {

using tollgate::FailureKind;
using tollgate::auth::canonical_request;
using tollgate::auth::Header;
using tollgate::auth::sign;
using tollgate::auth::SigningInput;
using tollgate::auth::SigningKey;

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kLongToken =
    "AQoDYXdzEPT//////////"
    "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeo"
    "IYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5V"
    "SXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
    "scqKmlzm8FDrypNC9Yj"
    "c8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
constexpr std::string_view kHi = R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})";
constexpr std::string_view kBedrockHost = "bedrock-runtime.us-east-1.amazonaws.com";

struct Case {
    std::string_view name;
    std::string_view method = "POST";
    std::string_view host = kBedrockHost;
    std::string_view target = "/";
    std::vector<Header> headers = {{"content-type", "application/json"}};
    std::string_view body = kHi;
    std::string_view token = {};
    std::string_view service = "bedrock";
    std::int64_t time = 1735787045;  // 20250102T030405Z
    bool hash = false;
    std::string_view names = "content-type;host;x-amz-date";
    std::string_view signature = {};
};

// AWS's own suite (awslabs/aws-c-auth), 20150830T123600Z.
Case suite(std::string_view name, std::string_view method, std::string_view target) {
    return {.name = name,
            .method = method,
            .host = "example.amazonaws.com",
            .target = target,
            .headers = {},
            .body = {},
            .service = "service",
            .time = 1440938160,
            .names = "host;x-amz-date"};
}

std::vector<Case> suite_cases() {
    std::vector<Case> cases;
    cases.push_back(suite("post-vanilla", "POST", "/"));
    cases.back().signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    cases.push_back(suite("get-space-normalized", "GET", "/example space/"));
    cases.back().signature = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741";
    cases.push_back(suite("get-vanilla-query-order-encoded", "GET",
                          "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1"));
    cases.back().signature = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac";
    cases.push_back(suite("post-sts-header-before", "POST", "/"));
    cases.back().token = kLongToken;
    cases.back().names = "host;x-amz-date;x-amz-security-token";
    cases.back().signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";
    cases.push_back(suite("post-x-www-form-urlencoded", "POST", "/"));
    cases.back().headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                            {"Content-Length", "13"}};
    cases.back().body = "Param1=value1";
    cases.back().hash = true;
    cases.back().names = "content-length;content-type;host;x-amz-content-sha256;x-amz-date";
    cases.back().signature = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
    return cases;
}

std::vector<Case> vendor_cases() {
    return {
        {.name = "bedrock, colon encoded on the wire",
         .target = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
         .signature = "5549a51822c8242c092f4205cccbfe4dd97c863b17292e8fd7e6559debc1e757"},
        {.name = "bedrock, colon raw on the wire",
         .target = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
         .signature = "30786c18b4182dfc98de3c167a0a73c0db3db956b7a4fd62e1dbdd91c319d2bc"},
        {.name = "bedrock, ARN and session token",
         .target = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2F"
                   "us.amazon.nova-lite-v1%3A0/converse-stream",
         .token = "TOKEN",
         .names = "content-type;host;x-amz-date;x-amz-security-token",
         .signature = "326c86d29bfca6aa0fc2e122af84672598671eb399104fe54f26192fc74874d7"},
        {.name = "sagemaker",
         .host = "runtime.sagemaker.us-east-1.amazonaws.com",
         .target = "/endpoints/my-endpoint/invocations",
         .body = R"({"inputs":"hi"})",
         .service = "sagemaker",
         .signature = "f4375584fb8d4e4c5993adc5abd762324f61e5a8f7329a75fc78cd16bccf6fd9"},
        {.name = "mantle, content hash signed",
         .host = "bedrock-mantle.us-east-1.api.aws",
         .target = "/openai/v1/responses",
         .body = R"({"model":"gpt-4o","input":"hello"})",
         .token = "fixture-session-token",
         .service = "bedrock-mantle",
         .hash = true,
         .names = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
         .signature = "dc20c8fbe516daf0ccae7e5b7a78fc2936870413a9f1af6e1b2d44b970ce411f"},
    };
}

SigningInput input_of(const Case& one, const std::vector<std::string_view>& body) {
    return {.method = one.method,
            .host = one.host,
            .target = one.target,
            .headers = one.headers,
            .body = body,
            .access_key = "AKIDEXAMPLE",
            .secret = kSecret,
            .session_token = one.token,
            .region = "us-east-1",
            .service = one.service,
            .unix_time = one.time,
            .send_content_hash = one.hash};
}

std::string value_of(const std::vector<Header>& headers, std::string_view name) {
    const auto found = std::ranges::find(headers, name, &Header::name);
    return found == headers.end() ? "(absent)" : found->value;
}

TEST_CASE("signs AWS's suite and the vendors' requests to the known signature") {
    std::vector<Case> cases = suite_cases();
    std::ranges::copy(vendor_cases(), std::back_inserter(cases));
    SigningKey kept;
    for (const Case& one : cases) {
        CAPTURE(one.name);
        const std::vector<std::string_view> whole{one.body};
        const std::vector<std::string_view> pieces{one.body.substr(0, one.body.size() / 3), "",
                                                   one.body.substr(one.body.size() / 3)};
        for (const auto& body : {whole, pieces}) {
            const SigningInput input = input_of(one, body);
            for (SigningKey* key : {static_cast<SigningKey*>(nullptr), &kept, &kept}) {
                const auto headers = sign(input, key);
                REQUIRE(headers);
                const std::string_view day = one.time == 1440938160 ? "20150830" : "20250102";
                const std::string expected =
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + std::string(day) + "/us-east-1/" +
                    std::string(one.service) +
                    "/aws4_request, SignedHeaders=" + std::string(one.names) +
                    ", Signature=" + std::string(one.signature);
                CHECK(value_of(*headers, "authorization") == expected);
            }
        }
    }
}

TEST_CASE("adds the date, the session token and the content hash as asked") {
    const Case plain = vendor_cases()[0];
    const auto few = sign(input_of(plain, {plain.body}));
    REQUIRE(few);
    CHECK(few->size() == 2);
    CHECK(value_of(*few, "x-amz-date") == "20250102T030405Z");
    const Case mantle = vendor_cases()[4];
    const auto all = sign(input_of(mantle, {mantle.body}));
    REQUIRE(all);
    CHECK(all->size() == 4);
    CHECK(value_of(*all, "x-amz-security-token") == "fixture-session-token");
    CHECK(value_of(*all, "x-amz-content-sha256") ==
          "50329e51ad520f21b77bad0b01999930ff556cd1bf18434701251ba6c9f877bc");
}

std::string first_lines(std::string_view target, const std::vector<Header>& headers = {}) {
    const SigningInput input{.method = "GET", .host = "h", .target = target, .headers = headers};
    const auto text = canonical_request(input);
    REQUIRE(text);
    return text->substr(0, text->rfind("\n\n"));
}

TEST_CASE("the canonical path is normalized and encoded once more") {
    CHECK(first_lines("/a%3Ab/c") == "GET\n/a%253Ab/c\n\nhost:h\nx-amz-date:19700101T000000Z");
    CHECK(first_lines("").starts_with("GET\n/\n\n"));
    CHECK(first_lines("//a//b/./c/../d/").starts_with("GET\n/a/b/d/\n\n"));
    CHECK(first_lines("/a/..").starts_with("GET\n/\n\n"));
    CHECK(first_lines("/../../a").starts_with("GET\n/a\n\n"));
}

TEST_CASE("the canonical query is decoded, encoded, sorted") {
    CHECK(first_lines("/?b=2&a=1&a=0&&flag&x=a%20b&y=c+d&z=%zz")
              .starts_with("GET\n/\na=0&a=1&b=2&flag=&x=a%20b&y=c%2Bd&z=%25zz\n"));
}

TEST_CASE("headers are folded, sorted and joined; hop-by-hop ones stay unsigned") {
    const auto text = first_lines("/", {{"X-B", "  two   words "},
                                        {"User-Agent", "ua"},
                                        {"x-a", "1"},
                                        {"X-A", "2"},
                                        {"Connection", "close"},
                                        {"Authorization", "Bearer x"}});
    CHECK(text == "GET\n/\n\nhost:h\nx-a:1,2\nx-amz-date:19700101T000000Z\nx-b:two words");
}

TEST_CASE("missing keys or region are the gateway's credentials problem") {
    const Case good = vendor_cases()[0];
    for (std::string_view SigningInput::*field : {&SigningInput::access_key, &SigningInput::secret,
                                                  &SigningInput::region, &SigningInput::service}) {
        const std::vector<std::string_view> body{good.body};
        SigningInput input = input_of(good, body);
        input.*field = {};
        const auto headers = sign(input);
        REQUIRE_FALSE(headers);
        CHECK(headers.error().kind == FailureKind::upstream_auth);
    }
}

TEST_CASE("a kept key is not used for another secret, day or region") {
    const Case good = vendor_cases()[0];
    const std::vector<std::string_view> body{good.body};
    const SigningInput input = input_of(good, body);
    std::vector<SigningInput> others(4, input);
    others[0].secret = "another";
    others[1].unix_time += 86400;
    others[2].region = "eu-west-1";
    others[3].service = "sts";
    for (const SigningInput& other : others) {
        SigningKey kept;
        REQUIRE(sign(input, &kept));
        const auto with_kept = sign(other, &kept);
        const auto fresh = sign(other);
        REQUIRE(with_kept);
        REQUIRE(fresh);
        CHECK(value_of(*with_kept, "authorization") == value_of(*fresh, "authorization"));
    }
}

}  // namespace
