#include "metrics/registry.hpp"
#include "tests/support/catch.hpp"

using namespace tollgate::metrics;

TEST_CASE("the format follows the Accept header") {
    struct Row {
        const char* accept;
        Format format;
    };
    const Row rows[]{
        {"", Format::text},
        {"*/*", Format::text},
        {"text/plain", Format::text},
        {"application/json", Format::text},
        {"application/openmetrics-text", Format::openmetrics},
        {"Application/OpenMetrics-Text; Version=\"1.0.0\"", Format::openmetrics},
        {"application/openmetrics-text;version=0.0.1", Format::text},
        {"application/openmetrics-text;q=0", Format::text},
        {"application/openmetrics-text;q=banana", Format::text},
        {"application/openmetrics-text;q=2", Format::text},
        {"application/openmetrics-text;q=0.4,text/plain;q=0.5", Format::text},
        {"text/plain;q=0.5,application/openmetrics-text;q=0.5", Format::openmetrics},
        {"application/openmetrics-text-not", Format::text},
        // As Prometheus 2 and 3 ask.
        {"application/openmetrics-text;version=1.0.0,application/"
         "openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         Format::openmetrics},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2",
         Format::openmetrics},
        {",,;;q=,=,", Format::text},
    };
    for (const Row& row : rows) {
        INFO(row.accept);
        CHECK(negotiate(row.accept) == row.format);
    }
}

TEST_CASE("the content type names the format") {
    CHECK(content_type(Format::text) == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(content_type(Format::openmetrics) ==
          "application/openmetrics-text; version=1.0.0; charset=utf-8");
}
