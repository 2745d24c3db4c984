#include "adapters/dialect.hpp"
#include "tests/support/catch.hpp"

#include <chrono>

using namespace tollgate;
using namespace tollgate::adapters;
using namespace std::chrono_literals;

namespace {
Failure classify(unsigned status, std::string_view body) {
    ResponseInfo head;
    head.status = status;
    return dialects::gemini().classify(head, body);
}
}  // namespace

TEST_CASE("reads Google's errors", "[gemini]") {
    struct Row {
        unsigned status;
        const char* body;
        FailureKind kind;
        std::uint16_t upstream_status;
        const char* says;
    };
    const Row rows[] = {
        {400,
         R"({"error":{"code":400,"message":"Invalid value at 'contents'","status":"INVALID_ARGUMENT"}})",
         FailureKind::upstream_rejected, 400, "Invalid value at 'contents' (INVALID_ARGUMENT)"},
        {400,
         R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}})",
         FailureKind::upstream_auth, 400, "API key not valid"},
        {400,
         R"({"error":{"code":400,"message":"The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}})",
         FailureKind::context_exceeded, 400, "1048576"},
        {401,
         R"({"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}})",
         FailureKind::upstream_auth, 401, "UNAUTHENTICATED"},
        {403,
         R"({"error":{"code":403,"message":"Permission denied on resource project x.","status":"PERMISSION_DENIED"}})",
         FailureKind::upstream_auth, 403, "Permission denied"},
        {403,
         R"({"error":{"code":403,"message":"Billing is off.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BILLING_DISABLED"}]}})",
         FailureKind::upstream_quota, 403, "Billing is off."},
        {404, R"({"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}})",
         FailureKind::upstream_rejected, 404, "models/x is not found"},
        {499, R"({"error":{"code":499,"message":"Cancelled","status":"CANCELLED"}})",
         FailureKind::upstream_unavailable, 499, "CANCELLED"},
        {503, R"([{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}])",
         FailureKind::upstream_unavailable, 503, "overloaded (UNAVAILABLE)"},
        {200, R"({"error":{"status":"RESOURCE_EXHAUSTED"}})", FailureKind::upstream_limited, 429,
         "no message"},
    };
    for (const Row& row : rows) {
        INFO(row.body);
        const Failure failure = classify(row.status, row.body);
        CHECK(failure.kind == row.kind);
        CHECK(failure.upstream_status == row.upstream_status);
        CHECK(failure.detail.find(row.says) != std::string::npos);
    }
    CHECK(classify(404, R"({"error":{"code":404,"message":"m","status":"NOT_FOUND"}})").code ==
          "model_not_found");
}

TEST_CASE("waits as long as Google asks", "[gemini]") {
    const auto limited = [](std::string_view details) {
        return classify(
                   429,
                   R"({"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[)" +
                       std::string(details) + "]}}")
            .retry_after;
    };
    const std::string retry =
        R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")";
    CHECK(limited(retry + "37s\"}") == 37s);
    CHECK(limited(retry + "0.25s\"}") == 250ms);
    CHECK(limited(retry + "37.0001s\"}") == 37001ms);
    CHECK_FALSE(limited(retry + "soon\"}"));
    CHECK_FALSE(limited(retry + "-5s\"}"));
    CHECK_FALSE(limited(retry + "1e300s\"}"));
    CHECK_FALSE(limited(""));
    // A quota per day is not back within its retryDelay.
    CHECK(
        limited(
            R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},)" +
            retry + "37s\"}") == 1h);
    CHECK(
        limited(
            R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProject"}]},)" +
            retry + "37s\"}") == 37s);
}

TEST_CASE("an error in another shape still gets a kind and a quote", "[gemini]") {
    const Failure html = classify(502, "<html>Bad gateway</html>");
    CHECK(html.kind == FailureKind::upstream_unavailable);
    CHECK(html.detail.find("Bad gateway") != std::string::npos);
    CHECK(classify(429, "").kind == FailureKind::upstream_limited);
    CHECK(classify(400, "[1,2").kind == FailureKind::upstream_rejected);
}
