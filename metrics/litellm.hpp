// LiteLLM's names for what we count, so that dashboards made for LiteLLM go on working
// (`metrics: {compat: litellm}`).  Names and labels: https://docs.litellm.ai/docs/proxy/prometheus,
// read 2026-11.
#pragma once

#include "metrics/names.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

namespace tollgate::metrics {

/// One series of LiteLLM's, made of one of ours.
struct LiteLlmSeries {
    Metric row;             ///< name, kind and labels as LiteLLM has them
    std::string_view from;  ///< our series
    std::string_view keep;  ///< our labels, in the order of the row's; all others are summed over
    std::string_view only;  ///< of our samples, those with this `label=value|value`; with `!=`: the
                            ///< others; empty: all
};

[[nodiscard]] std::span<const LiteLlmSeries> litellm_series() noexcept;

/// The families of LiteLLM's that can be made of ours.  Counters and histograms are summed, of
/// gauges the largest counts.
[[nodiscard]] std::vector<prometheus::MetricFamily> litellm_families(
    const std::vector<prometheus::MetricFamily>& ours);

}  // namespace tollgate::metrics
