#include "failover/failure.hpp"

#include "tests/support/catch.hpp"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace tollgate::failover;

namespace {

using enum FailureKind;

std::string_view text(FailureSide side) {
    return side == FailureSide::client    ? "client"
           : side == FailureSide::gateway ? "gateway"
                                          : "upstream";
}
std::string_view text(RetryRule rule) {
    switch (rule) {
        case RetryRule::never:
            return "never";
        case RetryRule::always:
            return "elsewhere or in place; nothing was sent";
        case RetryRule::in_place:
            return "elsewhere, or in place after a wait";
        case RetryRule::elsewhere:
            return "elsewhere only";
    }
    return {};
}
std::string_view text(HealthEffect effect) {
    switch (effect) {
        case HealthEffect::none:
            return "no";
        case HealthEffect::cool_down:
            return "cools down";
        case HealthEffect::key_quarantine:
            return "key in quarantine";
        case HealthEffect::error:
            return "yes";
    }
    return {};
}

std::string document() {
    std::ostringstream out;
    out << "# Errors\n\n"
           "Every error of the gateway has OpenAI's envelope, with the status that the SDKs map to "
           "their error classes:\n\n"
           "```json\n"
           R"({"error":{"message":"what went wrong, where, what to do","type":"server_error","param":null,"code":"upstream_unavailable"}})"
           "\n```\n\n"
           "The table is the one that the program acts on (`failover/failure.cpp`); a test keeps "
           "this page equal to it.\n"
           "*Kind* is the word in logs and metrics. *Retried* holds until the first byte of an "
           "answer has gone to the client.\n"
           "*Hurts health*: what the failure does to the target that it came from.\n\n"
           "| kind | side | status | `type` | `code` | retried | hurts health | meaning |\n"
           "|---|---|---|---|---|---|---|---|\n";
    for (std::size_t i = 0; i < kFailureKinds; ++i) {
        const FailurePolicy& row = policy(static_cast<FailureKind>(i));
        out << "| `" << row.name << "` | " << text(row.side) << " | ";
        if (row.status == 0) {
            out << "the vendor's";
        } else {
            out << row.status;
        }
        out << " | `" << row.type << "` | "
            << (row.code.empty() ? "—" : "`" + std::string(row.code) + "`") << " | "
            << text(row.retry) << " | " << text(row.health) << " | " << row.meaning << " |\n";
    }
    out << "\nA vendor's 503 or 529 is told as 503, so that SDKs back off. Where a vendor sent an "
           "error code of its own, that\n"
           "code stands in place of the one above. After the first byte of a stream an error "
           "cannot change the status any more:\n"
           "it is sent as an `error` event, and the stream ends without `[DONE]`.\n";
    return out.str();
}

}  // namespace

TEST_CASE("the policy table: status, retry and health of every kind") {
    struct Row {
        FailureKind kind;
        std::uint16_t status;
        RetryRule retry;
        HealthEffect health;
    };
    using Retry = RetryRule;
    using Health = HealthEffect;
    const Row rows[] = {
        {bad_request, 400, Retry::never, Health::none},
        {not_found, 404, Retry::never, Health::none},
        {method_not_allowed, 405, Retry::never, Health::none},
        {request_timeout, 408, Retry::never, Health::none},
        {too_large, 413, Retry::never, Health::none},
        {headers_too_large, 431, Retry::never, Health::none},
        {unsupported_media, 415, Retry::never, Health::none},
        {unknown_model, 404, Retry::never, Health::none},
        {unauthenticated, 401, Retry::never, Health::none},
        {forbidden, 403, Retry::never, Health::none},
        {limited, 429, Retry::never, Health::none},
        {target_limited, 429, Retry::elsewhere, Health::none},
        {budget_exhausted, 429, Retry::never, Health::none},
        {overloaded, 503, Retry::never, Health::none},
        {client_gone, 499, Retry::never, Health::none},
        {connect_failed, 502, Retry::always, Health::error},
        {upstream_timeout, 504, Retry::elsewhere, Health::error},
        {upstream_unavailable, 502, Retry::in_place, Health::error},
        {upstream_limited, 429, Retry::in_place, Health::cool_down},
        {upstream_auth, 502, Retry::elsewhere, Health::key_quarantine},
        {upstream_quota, 502, Retry::elsewhere, Health::key_quarantine},
        {upstream_rejected, 400, Retry::never, Health::none},
        {context_exceeded, 400, Retry::never, Health::none},
        {content_filtered, 400, Retry::never, Health::none},
        {protocol_error, 502, Retry::elsewhere, Health::error},
        {stream_broken, 502, Retry::never, Health::error},
        {internal, 500, Retry::never, Health::none},
    };
    CHECK(std::size(rows) == kFailureKinds);
    std::set<FailureKind> seen;
    for (const Row& row : rows) {
        INFO(policy(row.kind).name);
        CHECK(seen.insert(row.kind).second);
        CHECK(policy(row.kind).kind == row.kind);
        CHECK(Failure{.kind = row.kind, .detail = "test"}.client_status() == row.status);
        CHECK(policy(row.kind).retry == row.retry);
        CHECK(policy(row.kind).health == row.health);
    }
}

TEST_CASE("names are unique tokens, meanings are sentences") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < kFailureKinds; ++i) {
        const FailurePolicy& row = policy(static_cast<FailureKind>(i));
        INFO(row.name);
        CHECK(names.insert(row.name).second);
        for (const char c : row.name) {
            CHECK(((c >= 'a' && c <= 'z') || c == '_'));
        }
        CHECK_FALSE(row.type.empty());
        REQUIRE_FALSE(row.meaning.empty());
        CHECK(row.meaning.back() == '.');
        CHECK(std::isupper(static_cast<unsigned char>(row.meaning.front())) != 0);
    }
}

TEST_CASE("a vendor's refusal keeps its status, a vendor's outage becomes ours") {
    struct Row {
        FailureKind kind;
        std::uint16_t upstream;
        std::uint16_t client;
    };
    for (const Row& row : {Row{upstream_rejected, 404, 404}, Row{upstream_rejected, 422, 422},
                           Row{upstream_rejected, 500, 400}, Row{upstream_rejected, 0, 400},
                           Row{upstream_unavailable, 500, 502}, Row{upstream_unavailable, 503, 503},
                           Row{upstream_unavailable, 529, 503}, Row{upstream_unavailable, 0, 502},
                           Row{upstream_auth, 401, 502}, Row{upstream_limited, 429, 429},
                           Row{content_filtered, 403, 400}}) {
        INFO(policy(row.kind).name << " " << row.upstream);
        Failure failure{.kind = row.kind, .detail = "test"};
        failure.upstream_status = row.upstream;
        CHECK(failure.client_status() == row.client);
    }
}

TEST_CASE("fail() and fail_param() say what they are given") {
    const tollgate::Result<int> plain = tollgate::fail(too_large, "big");
    REQUIRE_FALSE(plain.has_value());
    CHECK(plain.error().kind == too_large);
    CHECK(plain.error().detail == "big");
    const tollgate::Result<int> named = tollgate::fail_param("a.b", "wrong", "code");
    CHECK(named.error().kind == bad_request);
    CHECK(named.error().param == "a.b");
    CHECK(named.error().code == "code");
}

TEST_CASE("docs/errors.md is what the table says (TOLLGATE_UPDATE_DOCS=1 writes it)") {
    const std::string path = TOLLGATE_SOURCE_DIR "/docs/errors.md";
    if (std::getenv("TOLLGATE_UPDATE_DOCS") != nullptr) {
        std::ofstream(path) << document();
    }
    std::ifstream file(path);
    std::ostringstream written;
    written << file.rdbuf();
    CHECK(written.str() == document());
}
