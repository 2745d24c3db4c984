// OpenMetrics 1.0 text, which prometheus-cpp does not write.
#pragma once

#include <string>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

namespace tollgate::metrics {

/// Families named as in the Prometheus text format; type and unit come from kMetrics.  Ends in
/// `# EOF`.  Source: the OpenMetrics 1.0.0 specification.
[[nodiscard]] std::string write_openmetrics(const std::vector<prometheus::MetricFamily>& families);

}  // namespace tollgate::metrics
