#include "adapters/dialect.hpp"

#include "adapters/vendor.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace tollgate;
using namespace tollgate::adapters;
using std::chrono::milliseconds;

namespace {

/// The defaults of a dialect that overrides nothing optional.
class Plain final : public Dialect {
public:
    std::string_view name() const noexcept override { return "plain"; }
    Result<void> encode(const Request&, const Target&, UpstreamRequest&) const override {
        return {};
    }
    std::unique_ptr<Decoder> decoder(Delivery, const DecodeContext&) const override {
        return nullptr;
    }
    Failure classify(const ResponseInfo&, std::string_view) const override { return {}; }
};

}  // namespace

TEST_CASE("gives every status of a vendor its kind", "[dialect]") {
    struct Row {
        unsigned status;
        FailureKind kind;
    };
    const Row rows[] = {
        {0, FailureKind::protocol_error},         {200, FailureKind::protocol_error},
        {302, FailureKind::protocol_error},       {400, FailureKind::upstream_rejected},
        {401, FailureKind::upstream_auth},        {402, FailureKind::upstream_quota},
        {403, FailureKind::upstream_auth},        {404, FailureKind::upstream_rejected},
        {405, FailureKind::upstream_rejected},    {408, FailureKind::upstream_timeout},
        {409, FailureKind::upstream_unavailable}, {413, FailureKind::upstream_rejected},
        {422, FailureKind::upstream_rejected},    {424, FailureKind::upstream_rejected},
        {425, FailureKind::upstream_unavailable}, {429, FailureKind::upstream_limited},
        {451, FailureKind::content_filtered},     {498, FailureKind::upstream_limited},
        {499, FailureKind::upstream_unavailable}, {500, FailureKind::upstream_unavailable},
        {502, FailureKind::upstream_unavailable}, {503, FailureKind::upstream_unavailable},
        {504, FailureKind::upstream_timeout},     {524, FailureKind::upstream_timeout},
        {529, FailureKind::upstream_unavailable}, {599, FailureKind::upstream_unavailable},
    };
    for (const Row& row : rows) {
        INFO(row.status);
        CHECK(kind_of_status(row.status) == row.kind);
    }
}

TEST_CASE("reads how long a vendor asks to wait", "[dialect]") {
    constexpr std::int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
    struct Row {
        std::string_view ms;
        std::string_view seconds;
        std::optional<milliseconds> wait;
    };
    const Row rows[] = {
        {"", "", std::nullopt},
        {"", "7", milliseconds(7000)},
        {"", " 7 ", milliseconds(7000)},
        {"", "0.25", milliseconds(250)},
        {"", "0", milliseconds(0)},
        {"1500", "7", milliseconds(1500)},
        {"12.5", "", milliseconds(13)},
        {"soon", "7", milliseconds(7000)},
        {"-5", "7", milliseconds(7000)},
        {"", "-1", std::nullopt},
        {"", "86400", milliseconds(86'400'000)},
        {"", "86401", std::nullopt},
        {"", "1e999", std::nullopt},
        {"", "nan", std::nullopt},
        {"", "inf", std::nullopt},
        {"", "12s", std::nullopt},
        {"", "Sun, 06 Nov 1994 08:50:07 GMT", milliseconds(30'000)},
        {"", "Sun, 06 Nov 1994 08:49:37 GMT", milliseconds(0)},
        {"", "Sun, 06 Nov 1994 08:49:36 GMT", std::nullopt},
        {"", "Mon, 07 Nov 1994 08:49:38 GMT", std::nullopt},
        {"", "Sun, 31 Feb 1994 08:50:07 GMT", std::nullopt},
        {"", "Sun, 06 Nox 1994 08:50:07 GMT", std::nullopt},
        {"", "Sun, 06 ovD 1994 08:50:07 GMT", std::nullopt},
        {"", "Sun, 06 Nov 1994 24:50:07 GMT", std::nullopt},
        {"", "Sun, 06 Nov 1994 08:-1:07 GMT", std::nullopt},
        {"", "Sunday, 06-Nov-94 08:49:37 GMT", std::nullopt},
    };
    for (const Row& row : rows) {
        INFO(row.ms << " | " << row.seconds);
        ResponseInfo head;
        head.retry_after = row.seconds;
        head.retry_after_ms = row.ms;
        CHECK(parse_retry_after(head, kNow) == row.wait);
    }
}

TEST_CASE("percent-encodes one path segment", "[dialect]") {
    CHECK(encode_segment("").empty());
    CHECK(encode_segment("gpt-4o_mini.2~x") == "gpt-4o_mini.2~x");
    CHECK(encode_segment("a/b?c#d e:f@g") == "a%2Fb%3Fc%23d%20e%3Af%40g");
    CHECK(encode_segment("é%") == "%C3%A9%25");
    CHECK(encode_segment(std::string_view("\0\r\n", 3)) == "%00%0D%0A");
    CHECK(encode_segment("..") == "..");
}

TEST_CASE("maps a model to its deployment, or leaves it", "[dialect]") {
    Endpoint endpoint;
    endpoint.deployments = {{"gpt-4o", "my-gpt4o"}, {"x", ""}};
    CHECK(endpoint.upstream_model("gpt-4o") == "my-gpt4o");
    CHECK(endpoint.upstream_model("gpt-4") == "gpt-4");
    CHECK(Endpoint{}.upstream_model("m") == "m");
}

TEST_CASE("a dialect without lists and embeddings says so", "[dialect]") {
    const Plain plain;
    CHECK_FALSE(plain.relays());
    CHECK(plain.models_path(Endpoint{}).empty());
    Vendor vendor{.name = "acme"};
    Endpoint endpoint;
    endpoint.vendor = &vendor;
    Usage usage;
    const auto answer =
        plain.embeddings("{}", Request{}, Target{.endpoint = &endpoint, .model = "m"}, usage);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == FailureKind::bad_request);
    CHECK(answer.error().detail.find("acme has no embeddings") == 0);
}

TEST_CASE("reads lists of models in the shapes that vendors send", "[dialect]") {
    const Plain plain;
    const std::vector<std::string> two{"a", "b/c"};
    for (const std::string_view body : {
             R"({"object":"list","data":[{"id":"a","object":"model"},{"id":"b/c"}]})",
             R"([{"id":"a"},{"id":"b/c"}])",
             R"(["a","b/c"])",
             R"({"models":[{"name":"a"},{"id":"b/c","name":"B"}]})",
             R"({"data":["a",{"id":""},{},7,"b/c"]})",
         }) {
        INFO(body);
        const auto models = plain.models(body);
        REQUIRE(models);
        CHECK(*models == two);
    }
    CHECK(plain.models(R"({"data":[]})")->empty());
    for (const std::string_view body : {"", "<html>", R"({"error":"no"})", R"({"data":{}})", "7"}) {
        INFO(body);
        const auto models = plain.models(body);
        REQUIRE_FALSE(models);
        CHECK(models.error().kind == FailureKind::protocol_error);
    }
}

TEST_CASE("names finish reasons as OpenAI does", "[dialect]") {
    CHECK(to_string(FinishReason::none).empty());
    CHECK(to_string(FinishReason::stop) == "stop");
    CHECK(to_string(FinishReason::length) == "length");
    CHECK(to_string(FinishReason::tool_calls) == "tool_calls");
    CHECK(to_string(FinishReason::content_filter) == "content_filter");
}
