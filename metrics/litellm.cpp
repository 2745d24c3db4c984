#include "metrics/litellm.hpp"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>

namespace tollgate::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

constexpr std::string_view kBound = "as the series that it is made of";

constexpr auto kSeriesOfLiteLlm = std::to_array<LiteLlmSeries>({
    {{"litellm_proxy_total_requests_metric_total", SeriesKind::counter, "",
      "requested_model,status_code", kBound, "Requests to the proxy."},
     "tollgate_requests_total",
     "model,status",
     ""},
    {{"litellm_proxy_failed_requests_metric_total", SeriesKind::counter, "",
      "requested_model,exception_status", kBound, "Failed requests to the proxy."},
     "tollgate_requests_total",
     "model,status",
     "outcome!=ok"},
    {{"litellm_spend_metric_total", SeriesKind::counter, "", "model,api_key_alias,team_alias",
      kBound, "Spend in USD."},
     "tollgate_cost_usd_total",
     "model,key,team",
     ""},
    {{"litellm_total_tokens_metric_total", SeriesKind::counter, "", "model", kBound,
      "Input and output tokens."},
     "tollgate_tokens_total",
     "model",
     ""},
    {{"litellm_input_tokens_metric_total", SeriesKind::counter, "", "model", kBound,
      "Input tokens."},
     "tollgate_tokens_total",
     "model",
     "kind=input|cache_read|cache_write"},
    {{"litellm_output_tokens_metric_total", SeriesKind::counter, "", "model", kBound,
      "Output tokens."},
     "tollgate_tokens_total",
     "model",
     "kind!=input|cache_read|cache_write"},
    {{"litellm_request_total_latency_metric", SeriesKind::histogram, "", "model", kBound,
      "Seconds from request to end of the answer."},
     "tollgate_request_duration_seconds",
     "model",
     ""},
    {{"litellm_llm_api_time_to_first_token_metric", SeriesKind::histogram, "", "model", kBound,
      "Seconds to the first token of streams."},
     "tollgate_time_to_first_token_seconds",
     "model",
     ""},
    {{"litellm_overhead_latency_metric", SeriesKind::histogram, "", "", kBound,
      "Seconds that were the proxy's own."},
     "tollgate_overhead_seconds",
     "",
     ""},
    {{"litellm_deployment_total_requests_total", SeriesKind::counter, "", "api_provider", kBound,
      "Calls of vendors."},
     "tollgate_attempts_total",
     "provider",
     ""},
    {{"litellm_deployment_success_responses_total", SeriesKind::counter, "", "api_provider", kBound,
      "Calls of vendors that went well."},
     "tollgate_attempts_total",
     "provider",
     "outcome=ok"},
    {{"litellm_deployment_failure_responses_total", SeriesKind::counter, "",
      "api_provider,exception_class", kBound, "Calls of vendors that failed."},
     "tollgate_attempts_total",
     "provider,outcome",
     "outcome!=ok"},
    {{"litellm_deployment_state", SeriesKind::gauge, "", "api_provider,litellm_model_name", kBound,
      "0 healthy, 1 partial outage, 2 outage."},
     "tollgate_breaker_state",
     "provider,model",
     ""},
});

/// Calls `take` with each of the parts of `list` between the separators.
template <typename Take>
void each(std::string_view list, char separator, Take take) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(separator), list.size());
        take(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
}

std::string_view label_of(const ClientMetric& sample, std::string_view name) noexcept {
    for (const auto& label : sample.label) {
        if (label.name == name) {
            return label.value;
        }
    }
    return {};
}

bool is_meant(const ClientMetric& sample, std::string_view only) {
    if (only.empty()) {
        return true;
    }
    const std::size_t sign = only.find('=');
    const bool negated = only[sign - 1] == '!';
    const std::string_view value = label_of(sample, only.substr(0, sign - (negated ? 1 : 0)));
    bool found = false;
    each(only.substr(sign + 1), '|', [&](std::string_view one) { found = found || one == value; });
    return found != negated;
}

void add(ClientMetric& sum, const ClientMetric& sample, SeriesKind kind) {
    if (kind == SeriesKind::counter) {
        sum.counter.value += sample.counter.value;
        return;
    }
    if (kind != SeriesKind::histogram) {
        sum.gauge.value = std::max(sum.gauge.value, sample.gauge.value);
        return;
    }
    sum.histogram.sample_count += sample.histogram.sample_count;
    sum.histogram.sample_sum += sample.histogram.sample_sum;
    sum.histogram.bucket.resize(sample.histogram.bucket.size());  // all of a family have the same
    for (std::size_t i = 0; i < sample.histogram.bucket.size(); ++i) {
        sum.histogram.bucket[i].upper_bound = sample.histogram.bucket[i].upper_bound;
        sum.histogram.bucket[i].cumulative_count += sample.histogram.bucket[i].cumulative_count;
    }
}

prometheus::MetricType type_of(SeriesKind kind) noexcept {
    switch (kind) {
        case SeriesKind::counter:
            return prometheus::MetricType::Counter;
        case SeriesKind::histogram:
            return prometheus::MetricType::Histogram;
        case SeriesKind::gauge:
        case SeriesKind::info:
            break;
    }
    return prometheus::MetricType::Gauge;
}

MetricFamily made_of(const LiteLlmSeries& series, const MetricFamily& ours) {
    MetricFamily family{.name = std::string(series.row.name),
                        .help = std::string(series.row.help),
                        .type = type_of(series.row.kind),
                        .metric = {}};
    std::map<std::vector<std::string>, ClientMetric> sums;
    for (const ClientMetric& sample : ours.metric) {
        if (!is_meant(sample, series.only)) {
            continue;
        }
        std::vector<std::string> values;
        each(series.keep, ',',
             [&](std::string_view name) { values.emplace_back(label_of(sample, name)); });
        add(sums[values], sample, series.row.kind);
    }
    for (auto& [values, sum] : sums) {
        std::size_t i = 0;
        each(series.row.labels, ',', [&](std::string_view name) {
            sum.label.push_back({std::string(name), values[i++]});
        });
        family.metric.push_back(std::move(sum));
    }
    return family;
}

}  // namespace

std::span<const LiteLlmSeries> litellm_series() noexcept {
    return kSeriesOfLiteLlm;
}

std::vector<MetricFamily> litellm_families(const std::vector<MetricFamily>& ours) {
    std::vector<MetricFamily> families;
    for (const LiteLlmSeries& series : kSeriesOfLiteLlm) {
        const auto from = std::ranges::find(ours, series.from, &MetricFamily::name);
        if (from != ours.end()) {
            MetricFamily family = made_of(series, *from);
            if (!family.metric.empty()) {
                families.push_back(std::move(family));
            }
        }
    }
    return families;
}

}  // namespace tollgate::metrics
