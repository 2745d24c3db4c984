#include "adapters/demo/faults.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/demo/model.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate::demo;
using namespace std::chrono_literals;
using tollgate::FailureKind;
using tollgate::json::Document;

TEST_CASE("an empty x-tollgate-demo header gives the configured defaults") {
    DemoPlan defaults;
    defaults.fault = Fault::rate_limit;
    defaults.latency = 30ms;
    for (const std::string_view header : {"", "  ", ";", " ; ;"}) {
        const auto plan = parse_plan(header, defaults);
        REQUIRE(plan.has_value());
        CHECK(plan->fault == Fault::rate_limit);
        CHECK(plan->latency == 30ms);
    }
}

TEST_CASE("x-tollgate-demo sets every part over the defaults") {
    DemoPlan defaults;
    defaults.chunk_delay = 5ms;
    const auto plan = parse_plan(
        "fault=server_error; status = 503;retry_after=2s; latency=200ms; cut_after=7; chunks=50; "
        "fail=2",
        defaults);
    REQUIRE(plan.has_value());
    CHECK(plan->fault == Fault::server_error);
    CHECK(plan->status == 503);
    CHECK(plan->retry_after == 2s);
    CHECK(plan->latency == 200ms);
    CHECK(plan->chunk_delay == 5ms);
    CHECK(plan->after == 7);
    CHECK(plan->chunks == 50);
    CHECK(plan->fail == 2);
    CHECK(parse_plan("latency=1m", {})->latency == 60s);
    CHECK(parse_plan("fault=none", *plan)->fault == Fault::none);
}

TEST_CASE("x-tollgate-demo that cannot be read is refused, naming the part") {
    for (const std::string_view part :
         {"fault=nonsense", "fault", "latency=200", "latency=ms", "latency=-1ms", "latency=11m",
          "latency=99999999999999999999s", "chunks=x", "chunks=20001", "cut_after=100001", "fail=",
          "status=429", "status=600", "speed=1", "=", "retry_after=1.5s", "chunk_delay=2 s"}) {
        INFO(part);
        const auto plan = parse_plan("latency=1ms; " + std::string(part), {});
        REQUIRE_FALSE(plan.has_value());
        CHECK(plan.error().kind == FailureKind::bad_request);
        CHECK(plan.error().detail.find("'" + std::string(part) + "'") != std::string::npos);
        CHECK(plan.error().param == "x-tollgate-demo");
    }
}

TEST_CASE("every fault has a name that is read back") {
    for (int i = 0; i <= static_cast<int>(Fault::slow); ++i) {
        const auto fault = static_cast<Fault>(i);
        CHECK(fault_named(to_string(fault)) == fault);
    }
    CHECK_FALSE(fault_named("").has_value());
}

TEST_CASE("fail=N gives the fault to the first N attempts only") {
    const auto plan = parse_plan("fault=reset; fail=2", {});
    REQUIRE(plan.has_value());
    CHECK(plan->fault_for(0) == Fault::reset);
    CHECK(plan->fault_for(1) == Fault::reset);
    CHECK(plan->fault_for(2) == Fault::none);
    CHECK(parse_plan("fault=reset", {})->fault_for(1000) == Fault::reset);
}

TEST_CASE("fault answers carry status, error code and retry-after") {
    struct Row {
        std::string_view header;
        unsigned status;
        std::string_view code;
        std::string_view retry_after;
    };
    for (const Row& row :
         {Row{"fault=rate_limit; retry_after=1500ms", 429, "rate_limit_exceeded", "2"},
          Row{"fault=server_error", 500, "internal_error", ""},
          Row{"fault=server_error; status=503", 503, "internal_error", ""},
          Row{"fault=auth", 401, "invalid_api_key", ""},
          Row{"fault=filtered", 400, "content_filter", ""}}) {
        INFO(row.header);
        const auto plan = parse_plan(row.header, {});
        REQUIRE(plan.has_value());
        const auto answer = fault_answer(plan->fault, *plan);
        REQUIRE(answer.has_value());
        CHECK(answer->status == row.status);
        CHECK(answer->retry_after.value_or("") == row.retry_after);
        const auto body = Document::parse(answer->body);
        REQUIRE(body.has_value());
        CHECK((*body)["error"]["code"].string() == row.code);
        CHECK_FALSE((*body)["error"]["message"].string().empty());
    }
}

TEST_CASE("a seed and the number of a call draw the same each time, and as often as chance would") {
    const auto hits = [](std::uint64_t seed) {
        std::vector<std::uint64_t> out;
        for (std::uint64_t call = 0; call < 10'000; ++call) {
            const double drawn = draw(seed, call);
            CHECK((drawn >= 0 && drawn < 1));
            if (drawn < 0.3) {
                out.push_back(call);
            }
        }
        return out;
    };
    CHECK(hits(5) == hits(5));
    CHECK(hits(5) != hits(6));
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
        CHECK(hits(seed).size() > 2800);
        CHECK(hits(seed).size() < 3200);
    }
}

TEST_CASE("malformed is no JSON, empty is empty, and deeds of the connection have no answer") {
    CHECK_FALSE(Document::parse(fault_answer(Fault::malformed, {})->body).has_value());
    CHECK(fault_answer(Fault::empty, {})->body.empty());
    for (const Fault fault :
         {Fault::none, Fault::stall, Fault::reset, Fault::cut, Fault::stream_error}) {
        CHECK_FALSE(fault_answer(fault, {}).has_value());
    }
    CHECK(stream_error_event() == "data: " + stream_error_body() + "\n\n");
    CHECK(Document::parse(stream_error_body()).has_value());
}
