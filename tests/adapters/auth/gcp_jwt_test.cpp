#include "adapters/auth/gcp_jwt.hpp"

#include "adapters/codec/base64.hpp"
#include "adapters/codec/json.hpp"
#include "tests/support/catch.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <chrono>
#include <memory>

using namespace tollgate;
using namespace tollgate::auth;
using namespace std::chrono_literals;

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key new_rsa_key() {
    return {EVP_RSA_gen(2048), &EVP_PKEY_free};
}

std::string pem_of(EVP_PKEY* key) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(length)};
}

std::string service_account(const std::string& pem, std::string_view more = {}) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().member("type", "service_account").member("project_id", "my-project");
    writer.member("private_key_id", "kid-1").member("private_key", pem);
    writer.member("client_email", "robot@my-project.iam.gserviceaccount.com");
    writer.end_object();
    out.insert(out.size() - 1, more);
    return out;
}

std::string decoded(std::string_view part) {
    return codec::base64_decode(part, codec::Base64Form::url_unpadded).value_or("");
}

bool verifies(EVP_PKEY* key, std::string_view text, std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                            text.size()) == 1;
}

}  // namespace

TEST_CASE("a service account asks with an assertion that its public key verifies", "[gcp]") {
    const Key key = new_rsa_key();
    const auto credentials = parse_google_credentials(service_account(
        pem_of(key.get()), R"(,"quota_project_id":"payer","universe_domain":"googleapis.com")"));
    REQUIRE(credentials);
    CHECK(credentials->kind == GoogleCredentials::Kind::service_account);
    CHECK(credentials->project_id == "my-project");
    CHECK(credentials->quota_project_id == "payer");
    const auto request = token_request(*credentials, 1'700'000'000);
    REQUIRE(request);
    CHECK(request->method == "POST");
    CHECK(request->url == "https://oauth2.googleapis.com/token");
    REQUIRE(request->headers.size() == 1);
    CHECK(request->headers[0].name == "content-type");
    CHECK(request->headers[0].value == "application/x-www-form-urlencoded");
    const std::string start =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    REQUIRE(request->body.starts_with(start));

    const std::string_view assertion = std::string_view(request->body).substr(start.size());
    const std::size_t first = assertion.find('.');
    const std::size_t second = assertion.rfind('.');
    REQUIRE(first < second);
    CHECK(decoded(assertion.substr(0, first)) == R"({"alg":"RS256","typ":"JWT","kid":"kid-1"})");
    CHECK(
        decoded(assertion.substr(first + 1, second - first - 1)) ==
        R"({"iss":"robot@my-project.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform",)"
        R"("aud":"https://oauth2.googleapis.com/token","iat":1700000000,"exp":1700003600})");
    const std::string signature = decoded(assertion.substr(second + 1));
    CHECK(signature.size() == 256);
    CHECK(verifies(key.get(), assertion.substr(0, second), signature));
    CHECK_FALSE(verifies(new_rsa_key().get(), assertion.substr(0, second), signature));
}

TEST_CASE("a person's credentials ask with the refresh token", "[gcp]") {
    const auto credentials = parse_google_credentials(
        R"({"type":"authorized_user","client_id":"id.apps","client_secret":"s&c","refresh_token":"1//x+y"})");
    REQUIRE(credentials);
    const auto request = token_request(*credentials, 0);
    REQUIRE(request);
    CHECK(request->url == "https://oauth2.googleapis.com/token");
    CHECK(request->body ==
          "grant_type=refresh_token&client_id=id.apps&client_secret=s%26c&refresh_token=1%2F%2Fx%"
          "2By");
}

TEST_CASE("a machine asks the metadata server", "[gcp]") {
    const auto request = token_request(metadata_credentials(""), 0);
    REQUIRE(request);
    CHECK(request->method == "GET");
    CHECK(request->url ==
          "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/"
          "token");
    REQUIRE(request->headers.size() == 1);
    CHECK(request->headers[0].name == "metadata-flavor");
    CHECK(request->headers[0].value == "Google");
    CHECK(request->body.empty());
    CHECK(metadata_project_request("127.0.0.1:8080").url ==
          "http://127.0.0.1:8080/computeMetadata/v1/project/project-id");
}

TEST_CASE("bad credentials are refused without being quoted", "[gcp]") {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> curve(EVP_EC_gen("P-256"),
                                                                    &EVP_PKEY_free);
    struct Row {
        std::string text;
        const char* says;
    };
    const Row rows[] = {
        {"", "not a JSON object"},
        {"AIzaSECRET", "not a JSON object"},
        {"[\"SECRET\"]", "not a JSON object"},
        {"{}", "type \"\""},
        {R"({"type":"external_account","audience":"SECRET"})", "external_account"},
        {R"({"type":"service_account","client_email":"a@b"})", "\"private_key\""},
        {R"({"type":"service_account","private_key":"SECRET"})", "\"client_email\""},
        {service_account("-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"),
         "no RSA key"},
        {service_account(pem_of(curve.get())), "no RSA key"},
        {R"({"type":"authorized_user","client_id":"a","client_secret":"SECRET"})",
         "\"refresh_token\""},
        {R"({"type":"authorized_user","client_id":"a","client_secret":"SECRET","refresh_token":"r","token_uri":"file:///x"})",
         "token_uri"},
    };
    for (const Row& row : rows) {
        INFO(row.says);
        const auto credentials = parse_google_credentials(row.text);
        REQUIRE_FALSE(credentials);
        CHECK(credentials.error().kind == FailureKind::upstream_auth);
        CHECK(credentials.error().detail.find(row.says) != std::string::npos);
        CHECK(credentials.error().detail.find("SECRET") == std::string::npos);
    }
}

TEST_CASE("tells credentials files from plain keys", "[gcp]") {
    CHECK(looks_like_google_credentials("\n {\"type\":\"service_account\"}"));
    CHECK_FALSE(looks_like_google_credentials("AIzaSyD"));
    CHECK_FALSE(looks_like_google_credentials(""));
}

TEST_CASE("reads the answers of token endpoints", "[gcp]") {
    const auto good =
        parse_token(200, R"({"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"})");
    REQUIRE(good);
    CHECK(good->token == "ya29.x");
    CHECK(good->expires_in == 3599s);
    CHECK(parse_token(200, R"({"access_token":"t"})")->expires_in == 300s);
    CHECK(parse_token(200, R"({"access_token":"t","expires_in":-5})")->expires_in == 0s);
    CHECK(parse_token(200, R"({"access_token":"t","expires_in":99999999999})")->expires_in == 24h);

    struct Row {
        unsigned status;
        const char* body;
        FailureKind kind;
        const char* says;
    };
    const Row rows[] = {
        {400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})",
         FailureKind::upstream_auth, "400: invalid_grant: Invalid JWT Signature."},
        {401, R"({"error":"invalid_client"})", FailureKind::upstream_auth, "invalid_client"},
        {404, "Not Found", FailureKind::upstream_auth, "404"},
        {429, "{}", FailureKind::upstream_unavailable, "429"},
        {503, "<html>", FailureKind::upstream_unavailable, "503"},
        {200, R"({"token_type":"Bearer"})", FailureKind::protocol_error, "access_token"},
        {200, "<html>login</html>", FailureKind::protocol_error, "access_token"},
    };
    for (const Row& row : rows) {
        INFO(row.status << " " << row.body);
        const auto token = parse_token(row.status, row.body);
        REQUIRE_FALSE(token);
        CHECK(token.error().kind == row.kind);
        CHECK(token.error().detail.find(row.says) != std::string::npos);
        CHECK(token.error().upstream_status == (row.status == 200 ? 0 : row.status));
    }
}
