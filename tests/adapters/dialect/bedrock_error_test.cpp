#include "adapters/dialect/bedrock.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <string_view>

namespace {

using namespace tollgate;
using namespace tollgate::adapters;
using enum FailureKind;

Failure classify(unsigned status, std::string_view error_type, std::string_view body) {
    ResponseInfo head;
    head.status = status;
    head.error_type = error_type;
    return dialects::bedrock().classify(head, body);
}

struct Row {
    unsigned status;
    std::string_view error_type;
    std::string_view body;
    FailureKind kind;
};

TEST_CASE("errors are told apart by header, body and status") {
    for (const Row& row : {
             Row{400, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/",
                 R"({"message":"m"})", upstream_rejected},
             Row{400, "",
                 R"({"__type":"com.amazon.coral.validate#ValidationException","message":"m"})",
                 upstream_rejected},
             Row{400, "ValidationException",
                 R"({"message":"Input is too long for requested model."})", context_exceeded},
             Row{400, "ValidationException",
                 R"({"message":"The model returned: prompt is too long: 9 tokens > 8 maximum"})",
                 context_exceeded},
             Row{400, "ValidationException",
                 R"({"message":"Output blocked by content filtering policy"})", content_filtered},
             Row{400, "ServiceQuotaExceededException", R"({"message":"m"})", upstream_limited},
             Row{403, "AccessDeniedException", R"({"message":"m"})", upstream_auth},
             Row{403, "UnrecognizedClientException", R"({"message":"m"})", upstream_auth},
             Row{403, "InvalidSignatureException", R"({"message":"m"})", upstream_auth},
             Row{403, "ExpiredTokenException", R"({"message":"m"})", upstream_auth},
             Row{403, "",
                 R"({"Message":"Authentication failed: Please make sure your API Key is valid."})",
                 upstream_auth},
             Row{404, "ResourceNotFoundException", R"({"message":"m"})", upstream_rejected},
             Row{408, "ModelTimeoutException", R"({"message":"m"})", upstream_timeout},
             Row{424, "ModelErrorException", R"({"message":"m"})", upstream_unavailable},
             Row{429, "ThrottlingException", R"({"message":"m"})", upstream_limited},
             Row{429, "ModelNotReadyException", R"({"message":"m"})", upstream_limited},
             Row{500, "InternalServerException", R"({"message":"m"})", upstream_unavailable},
             Row{503, "ServiceUnavailableException", R"({"message":null})", upstream_unavailable},
             Row{503, "", "<html>bad gateway</html>", upstream_unavailable},
             Row{429, "", "", upstream_limited},
         }) {
        CAPTURE(row.status, row.error_type, row.body);
        const Failure failure = classify(row.status, row.error_type, row.body);
        CHECK(failure.kind == row.kind);
        CHECK(failure.upstream_status == row.status);
        CHECK_FALSE(failure.detail.empty());
    }
}

TEST_CASE("the message is kept, the exception named") {
    CHECK(classify(403, "AccessDeniedException", R"({"Message":"no access"})").detail ==
          "Bedrock (AccessDeniedException): no access");
}

TEST_CASE("models without on-demand throughput come with advice") {
    const Failure failure = classify(
        400, "ValidationException",
        R"({"message":"Invocation of model ID x with on-demand throughput isn’t supported. Retry with an inference profile."})");
    CHECK(failure.kind == upstream_rejected);
    CHECK(failure.detail.find("inference profile id, such as") != std::string::npos);
}

TEST_CASE("a retry time is passed on") {
    ResponseInfo head;
    head.status = 429;
    head.error_type = "ThrottlingException";
    head.retry_after = "7";
    CHECK(dialects::bedrock().classify(head, R"({"message":"m"})").retry_after ==
          std::chrono::seconds(7));
}

TEST_CASE("long messages are cut") {
    const std::string body = R"({"message":")" + std::string(100'000, 'x') + "\"}";
    CHECK(classify(400, "ValidationException", body).detail.size() < 2100);
}

}  // namespace
