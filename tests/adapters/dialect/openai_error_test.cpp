#include "adapters/dialect/openai_error.hpp"

#include "adapters/dialect.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace tollgate;
using namespace tollgate::adapters;
using enum FailureKind;

namespace {

Failure classify(unsigned status, std::string_view body) {
    ResponseInfo head;
    head.status = status;
    return classify_common(head, body);
}

struct Row {
    unsigned status;
    std::string_view body;
    FailureKind kind;
    std::string_view detail;
    std::string_view code = {};
    std::string_view param = {};
};

void check(const Row& row, const Failure& failure) {
    INFO(row.status << " " << row.body);
    CHECK(failover::policy(failure.kind).name == failover::policy(row.kind).name);
    CHECK(failure.detail == row.detail);
    CHECK(failure.code == row.code);
    CHECK(failure.param == row.param);
}

}  // namespace

TEST_CASE("reads every error shape of the field", "[openai_error]") {
    const Row rows[] = {
        // OpenAI's own
        {400,
         R"({"error":{"message":"Unsupported value","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}})",
         upstream_rejected, "Unsupported value", "unsupported_value", "temperature"},
        {404,
         R"({"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}})",
         upstream_rejected, "The model `x` does not exist", "model_not_found"},
        {500,
         R"({"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}})",
         upstream_unavailable, "The server had an error"},
        // OpenRouter: the status again as code, the provider's own words in metadata
        {502,
         R"({"error":{"code":502,"message":"Provider returned error","metadata":{"provider_name":"X","raw":"boom"}}})",
         upstream_unavailable, "Provider returned error: boom"},
        {403,
         R"({"error":{"code":403,"message":"Flagged","metadata":{"reasons":["violence"],"flagged_input":"…"}}})",
         content_filtered, "Flagged"},
        // error as a string: Together, Hugging Face, TGI, Ollama, Triton, xAI
        {404, R"({"error":"model 'x' not found"})", upstream_rejected, "model 'x' not found"},
        {422, R"({"error":"Input validation error","error_type":"validation"})", upstream_rejected,
         "Input validation error"},
        {400,
         R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***z9"})",
         upstream_auth, "Incorrect API key provided: xa***z9"},
        {401, R"({"error":"invalid_grant","error_description":"Bad token"})", upstream_auth,
         "invalid_grant: Bad token"},
        // flat: SiliconFlow, DashScope, Spark, vLLM
        {403,
         R"({"code":30001,"message":"Sorry, your account balance is insufficient balance","data":null})",
         upstream_quota, "Sorry, your account balance is insufficient balance"},
        {400, R"({"code":"InvalidParameter","message":"top_p out of range","request_id":"r"})",
         upstream_rejected, "top_p out of range", "InvalidParameter"},
        {400,
         R"({"code":"DataInspectionFailed","message":"Input data may contain inappropriate content","request_id":"r"})",
         content_filtered, "Input data may contain inappropriate content"},
        {429, R"({"code":"Throttling.RateQuota","message":"slow","request_id":"r"})",
         upstream_limited, "slow"},
        {400,
         R"({"object":"error","message":"max_tokens is too large","type":"BadRequestError","param":"max_tokens","code":400})",
         upstream_rejected, "max_tokens is too large", "", "max_tokens"},
        // Zhipu's numbers
        {400, R"({"error":{"code":"1261","message":"Prompt too long"}})", context_exceeded,
         "Prompt too long"},
        {429, R"({"error":{"code":"1113","message":"in arrears"}})", upstream_quota, "in arrears"},
        {429, R"({"error":{"code":"1302","message":"concurrency"}})", upstream_limited,
         "concurrency"},
        {400, R"({"error":{"code":"1301","message":"unsafe"}})", content_filtered, "unsafe"},
        // Qianfan, StepFun, Moonshot
        {400,
         R"({"error":{"code":"tokens_too_long","message":"too long","type":"invalid_request_error"},"id":"as-1"})",
         context_exceeded, "too long"},
        {451, R"({"error":{"message":"blocked","type":"content_policy"}})", content_filtered,
         "blocked"},
        {429, R"({"error":{"type":"engine_overloaded_error","message":"busy"}})", upstream_limited,
         "busy"},
        {429, R"({"error":{"type":"exceeded_current_quota_error","message":"pay"}})",
         upstream_quota, "pay"},
        // Wenxin, MiniMax, Tencent
        {400, R"({"error_code":17,"error_msg":"Open api daily request limit reached"})",
         upstream_rejected, "Open api daily request limit reached"},
        {400, R"({"base_resp":{"status_code":1008,"status_msg":"insufficient"}})", upstream_quota,
         "insufficient"},
        {400,
         R"({"Response":{"Error":{"Code":"InvalidParameter","Message":"bad"},"RequestId":"r"}})",
         upstream_rejected, "bad", "InvalidParameter"},
        // FastAPI
        {404, R"({"detail":"Not Found"})", upstream_rejected, "Not Found"},
        {422,
         R"({"detail":[{"loc":["body","messages",0,"role"],"msg":"field required","type":"value_error.missing"}]})",
         upstream_rejected, "messages.0.role: field required", "", "messages.0.role"},
        {400, R"({"detail":{"message":"nope"}})", upstream_rejected, "nope"},
        // Fireworks' edge, Cloudflare, watsonx, OpenLLM
        {500, R"({"fault":{"faultstring":"gateway trouble","detail":{"errorcode":"x"}}})",
         upstream_unavailable, "gateway trouble"},
        {400, R"({"success":false,"errors":[{"code":5006,"message":"bad input"}],"messages":[]})",
         upstream_rejected, "bad input"},
        {404,
         R"({"errors":[{"code":"model_not_supported","message":"no such model"}],"trace":"t","status_code":404})",
         upstream_rejected, "no such model", "model_not_supported"},
        {500, R"({"msg":"broken"})", upstream_unavailable, "broken"},
        // Azure
        {400,
         R"({"error":{"code":"content_filter","message":"filtered","param":"prompt","type":null,"status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
         content_filtered, "filtered"},
        {404, R"({"error":{"code":"DeploymentNotFound","message":"no such deployment"}})",
         upstream_rejected, "no such deployment", "model_not_found"},
        {401, R"({"statusCode":401,"message":"Access denied"})", upstream_auth, "Access denied"},
        {429, R"({"error":{"code":"429","message":"slow down"}})", upstream_limited, "slow down"},
        // an array around it (Gemini's compatibility mode)
        {400,
         R"([{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}])",
         upstream_auth, "API key not valid. Please pass a valid API key."},
    };
    for (const Row& row : rows) {
        const Failure failure = classify(row.status, row.body);
        check(row, failure);
        CHECK(failure.upstream_status == row.status);
    }
}

TEST_CASE("tells money, keys, windows and policies from the status that hides them",
          "[openai_error]") {
    const Row rows[] = {
        {429,
         R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}})",
         upstream_quota, "You exceeded your current quota"},
        {402,
         R"({"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}})",
         upstream_quota, "Insufficient Balance"},
        {400,
         R"({"error":{"message":"too long","code":"context_length_exceeded","param":"messages"}})",
         context_exceeded, "too long"},
        {400,
         R"({"error":{"message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error"}})",
         context_exceeded, "This model's maximum context length is 8192 tokens"},
        {400,
         R"({"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}})",
         context_exceeded, "the request exceeds the available context size"},
        {500,
         R"({"error":{"message":"maximum context length cache failure","type":"server_error"}})",
         upstream_unavailable, "maximum context length cache failure"},
        {429,
         R"({"error":{"message":"Rate limit reached for context length tier","type":"tokens","code":"rate_limit_exceeded"}})",
         upstream_limited, "Rate limit reached for context length tier"},
        {400, R"({"error":{"message":"rejected by our policy","code":"content_policy_violation"}})",
         content_filtered, "rejected by our policy"},
        {401,
         R"({"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}})",
         upstream_auth, "bad key"},
        {403, R"({"error":{"message":"no permission","type":"permission_error"}})", upstream_auth,
         "no permission"},
        {503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})",
         upstream_unavailable, "Loading model"},
        {408, R"({"error":{"message":"slow"}})", upstream_timeout, "slow"},
        {413, R"({"error":{"message":"too large"}})", upstream_rejected, "too large"},
    };
    for (const Row& row : rows) {
        check(row, classify(row.status, row.body));
    }
}

TEST_CASE("quotes a body that is no known shape, bounded and on one line", "[openai_error]") {
    CHECK(classify(502, "").detail == "the vendor answered 502 without a body");
    CHECK(classify(502, "<html>\r\n  <b>Bad\x01 gateway</b>\n</html>").detail ==
          "the vendor answered 502 with: <html> <b>Bad gateway</b> </html>");
    CHECK(classify(500, "\xFF\xFE !").detail == "the vendor answered 500 with: ?? !");
    CHECK(classify(500, "{}").detail == "the vendor answered 500 with: {}");
    CHECK(classify(500, "[]").kind == upstream_unavailable);
    CHECK(classify(302, "moved").kind == protocol_error);
    CHECK(classify(302, "moved").detail == "the vendor answered 302 with: moved");
    const std::string huge(1'000'000, 'x');
    CHECK(classify(500, huge).detail.size() < 400);
    const std::string long_message =
        R"({"error":{"message":")" + std::string(100'000, 'y') + R"("}})";
    CHECK(classify(400, long_message).detail.size() < 2100);
    CHECK(classify(400, R"({"error":{"code":"odd","message":""}})").detail ==
          "the vendor answered 400 with code 'odd'");
    CHECK(classify(400, R"({"error":{"code":"not a token, a sentence","message":"m"}})")
              .code.empty());
}

TEST_CASE("never repeats a key that a vendor quotes", "[openai_error]") {
    for (
        const std::string_view body : {
            R"({"error":{"message":"Incorrect API key provided: sk-proj-abcDEF0123456789xyz. Get one at https://platform.openai.com/account.","code":"invalid_api_key"}})",
            R"({"error":{"message":"bad key 0123456789abcdef.0123456789abcdef","type":"authentication_error"}})",
            "key gsk_0123456789abcdefghij refused",
        }) {
        const Failure failure = classify(401, body);
        CHECK(failure.kind == upstream_auth);
        CHECK(failure.detail.find("[key]") != std::string::npos);
        CHECK(failure.detail.find("0123456789") == std::string::npos);
    }
}

TEST_CASE("keeps how long the vendor asks to wait", "[openai_error]") {
    ResponseInfo head;
    head.status = 429;
    head.retry_after = "3";
    CHECK(classify_common(head, R"({"error":{"message":"m"}})").retry_after ==
          std::chrono::milliseconds(3000));
    head.retry_after_ms = "40";
    CHECK(classify_common(head, "").retry_after == std::chrono::milliseconds(40));
}

TEST_CASE("finds errors inside 2xx answers and gives them the status they stand for",
          "[openai_error]") {
    const Row rows[] = {
        {429, R"({"error":{"code":429,"message":"slow"}})", upstream_limited, "slow"},
        {429, R"({"error":{"code":"429","message":"slow"}})", upstream_limited, "slow"},
        {402, R"({"error":{"message":"pay","type":"insufficient_quota"}})", upstream_quota, "pay"},
        {400, R"({"error":{"message":"no","type":"invalid_request_error","code":null}})",
         upstream_rejected, "no"},
        {500, R"({"error":{"message":"The server had an error","type":"server_error"}})",
         upstream_unavailable, "The server had an error"},
        {500, R"({"error":{"message":"who knows"}})", upstream_unavailable, "who knows"},
        {500, R"({"error":"text"})", upstream_unavailable, "text"},
        {503, R"({"error":{"type":"overloaded_error","message":"Overloaded"},"choices":[]})",
         upstream_unavailable, "Overloaded"},
        {429,
         R"({"x_groq":{"id":"r","error":{"message":"groq is full","code":"rate_limit_exceeded"}},"choices":[]})",
         upstream_limited, "groq is full"},
        {500, R"({"x_groq":{"error":"over"}})", upstream_unavailable, "over"},
        {429, R"({"base_resp":{"status_code":1002,"status_msg":"rpm"},"choices":null})",
         upstream_limited, "rpm"},
        {400, R"({"code":10013,"message":"moderation","sid":"s"})", content_filtered, "moderation"},
        {500, R"({"error_code":336000,"error_msg":"Internal error"})", upstream_unavailable,
         "Internal error"},
        {401, R"({"Response":{"Error":{"Code":"AccessDenied","Message":"who"},"RequestId":"r"}})",
         upstream_auth, "who"},
        {400, R"({"object":"error","message":"bad","type":"BadRequestError","code":null})",
         upstream_rejected, "bad"},
        {500, R"([{"error":{"message":"m"}}])", upstream_unavailable, "m"},
    };
    for (const Row& row : rows) {
        const auto failure = in_band_failure(row.body);
        INFO(row.body);
        REQUIRE(failure);
        check(row, *failure);
        CHECK((row.status == 401 || failure->upstream_status == row.status));
    }
}

TEST_CASE("takes no answer for an error", "[openai_error]") {
    for (const std::string_view body : {
             R"({"choices":[],"usage":null})",
             R"({"choices":[{"delta":{"content":"\"error\""}}],"error":null})",
             R"({"choices":[],"error":{}})",
             R"({"choices":[],"error":false})",
             R"({"choices":[],"error":""})",
             R"({"code":0,"message":"Success","sid":"s","choices":[]})",
             R"({"base_resp":{"status_code":0,"status_msg":"success"},"choices":[]})",
             R"({"data":[],"object":"list","code":7})",
             R"({"usage":{"prompt_tokens":1}})",
             "{}",
             "[]",
             "7",
             "\"error\"",
             "",
             "<html>",
         }) {
        INFO(body);
        CHECK_FALSE(in_band_failure(body));
    }
}
