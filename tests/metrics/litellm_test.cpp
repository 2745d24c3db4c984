#include "metrics/litellm.hpp"

#include "metrics/openmetrics.hpp"
#include "tests/support/catch.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace tollgate::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

ClientMetric sample(std::vector<std::pair<std::string, std::string>> labels, double value) {
    ClientMetric metric;
    for (auto& [name, text] : labels) {
        metric.label.push_back({name, text});
    }
    metric.counter.value = value;
    metric.gauge.value = value;
    return metric;
}

std::string rendered(const std::vector<MetricFamily>& ours) {
    return prometheus::TextSerializer().Serialize(litellm_families(ours));
}

bool has(const std::string& text, std::string_view line) {
    return ("\n" + text).find("\n" + std::string(line) + "\n") != std::string::npos;
}

const MetricFamily kRequests{
    .name = "tollgate_requests_total",
    .help = "",
    .type = prometheus::MetricType::Counter,
    .metric = {
        sample({{"provider", "a"}, {"model", "m"}, {"status", "200"}, {"outcome", "ok"}}, 3),
        sample({{"provider", "b"}, {"model", "m"}, {"status", "200"}, {"outcome", "ok"}}, 4),
        sample(
            {{"provider", "b"}, {"model", "m"}, {"status", "502"}, {"outcome", "upstream_error"}},
            5)}};

TEST_CASE("LiteLLM's counters are sums of ours over the labels that it does not have") {
    const std::string text = rendered({kRequests});
    CHECK(has(
        text,
        R"(litellm_proxy_total_requests_metric_total{requested_model="m",status_code="200"} 7)"));
    CHECK(has(
        text,
        R"(litellm_proxy_failed_requests_metric_total{requested_model="m",exception_status="502"} 5)"));
    CHECK(text.find(R"(exception_status="200")") == std::string::npos);
}

TEST_CASE("tokens are input or output, and both in the total") {
    const MetricFamily tokens{.name = "tollgate_tokens_total",
                              .help = "",
                              .type = prometheus::MetricType::Counter,
                              .metric = {sample({{"model", "m"}, {"kind", "input"}}, 1),
                                         sample({{"model", "m"}, {"kind", "cache_read"}}, 2),
                                         sample({{"model", "m"}, {"kind", "cache_write"}}, 4),
                                         sample({{"model", "m"}, {"kind", "output"}}, 8),
                                         sample({{"model", "m"}, {"kind", "reasoning"}}, 16)}};
    const std::string text = rendered({tokens});
    CHECK(has(text, R"(litellm_input_tokens_metric_total{model="m"} 7)"));
    CHECK(has(text, R"(litellm_output_tokens_metric_total{model="m"} 24)"));
    CHECK(has(text, R"(litellm_total_tokens_metric_total{model="m"} 31)"));
}

TEST_CASE("histograms are summed bucket by bucket, of states the worst counts") {
    ClientMetric one = sample({{"provider", "a"}, {"model", "m"}}, 0);
    one.histogram = {.sample_count = 3, .sample_sum = 1.5, .bucket = {{1, 0.5}, {3, 1.0}}};
    ClientMetric two = sample({{"provider", "b"}, {"model", "m"}}, 0);
    two.histogram = {.sample_count = 2, .sample_sum = 1, .bucket = {{2, 0.5}, {2, 1.0}}};
    const std::string text =
        rendered({{.name = "tollgate_request_duration_seconds",
                   .help = "",
                   .type = prometheus::MetricType::Histogram,
                   .metric = {one, two}},
                  {.name = "tollgate_breaker_state",
                   .help = "",
                   .type = prometheus::MetricType::Gauge,
                   .metric = {sample({{"provider", "a"}, {"model", "m"}}, 2)}}});
    CHECK(has(text, R"(litellm_request_total_latency_metric_bucket{model="m",le="0.5"} 3)"));
    CHECK(has(text, R"(litellm_request_total_latency_metric_bucket{model="m",le="1"} 5)"));
    CHECK(has(text, R"(litellm_request_total_latency_metric_sum{model="m"} 2.5)"));
    CHECK(has(text, R"(litellm_deployment_state{api_provider="a",litellm_model_name="m"} 2)"));
}

TEST_CASE("each series of LiteLLM's is made of labels that ours has, and OpenMetrics can say it") {
    std::set<std::string_view> names;
    for (const LiteLlmSeries& series : litellm_series()) {
        INFO(series.row.name);
        CHECK(names.insert(series.row.name).second);
        CHECK(std::ranges::count(series.keep, ',') == std::ranges::count(series.row.labels, ','));
        if (series.row.kind == SeriesKind::counter) {
            CHECK(series.row.name.ends_with("_total"));
        }
        const auto ours = std::ranges::find(kMetrics, series.from, &Metric::name);
        if (ours == kMetrics.end()) {
            continue;
        }
        CHECK(ours->kind == series.row.kind);
    }
    const std::string text = write_openmetrics(litellm_families({kRequests}));
    CHECK(text.find("# TYPE litellm_proxy_total_requests_metric counter\n") != std::string::npos);
    CHECK(has(
        text,
        R"(litellm_proxy_total_requests_metric_total{requested_model="m",status_code="200"} 7)"));
}

TEST_CASE("docs/metrics.md tells of each of LiteLLM's series") {
    std::ifstream file(TOLLGATE_SOURCE_DIR "/docs/metrics.md");
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    for (const LiteLlmSeries& series : litellm_series()) {
        INFO(series.row.name);
        CHECK(text.find("`" + std::string(series.row.name) + "`") != std::string::npos);
    }
}

}  // namespace
}  // namespace tollgate::metrics
