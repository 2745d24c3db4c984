#include "metrics/openmetrics.hpp"

#include "metrics/litellm.hpp"
#include "metrics/names.hpp"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace tollgate::metrics {
namespace {

using prometheus::ClientMetric;

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
}

template <class Number>
void append_number(std::string& out, Number number) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

/// Bucket limits are canonical floats: whole numbers keep a ".0", infinity is "+Inf".
void append_limit(std::string& out, double limit) {
    if (std::isinf(limit)) {
        out += "+Inf";
        return;
    }
    const std::size_t start = out.size();
    append_number(out, limit);
    if (std::string_view(out).substr(start).find_first_of(".e") == std::string_view::npos) {
        out += ".0";
    }
}

/// One sample line without its value: name, suffix and labels, `le` last where `limit` is given.
void append_head(std::string& out, std::string_view name, std::string_view suffix,
                 const ClientMetric& sample, const double* limit = nullptr) {
    out += name;
    out += suffix;
    if (!sample.label.empty() || limit != nullptr) {
        char before = '{';
        for (const auto& label : sample.label) {
            out += before;
            out += label.name;
            out += "=\"";
            append_escaped(out, label.value);
            out += '"';
            before = ',';
        }
        if (limit != nullptr) {
            out += before;
            out += "le=\"";
            append_limit(out, *limit);
            out += '"';
        }
        out += '}';
    }
    out += ' ';
}

void append_histogram(std::string& out, std::string_view name, const ClientMetric& sample) {
    for (const auto& bucket : sample.histogram.bucket) {
        append_head(out, name, "_bucket", sample, &bucket.upper_bound);
        append_number(out, bucket.cumulative_count);
        out += '\n';
    }
    append_head(out, name, "_count", sample);
    append_number(out, sample.histogram.sample_count);
    out += '\n';
    append_head(out, name, "_sum", sample);
    append_number(out, sample.histogram.sample_sum);
    out += '\n';
}

void append_family(std::string& out, const prometheus::MetricFamily& family, const Metric& row) {
    std::string_view name = row.name;
    std::string_view suffix;
    if (row.kind == SeriesKind::counter || row.kind == SeriesKind::info) {
        suffix = row.kind == SeriesKind::counter ? "_total" : "_info";
        name.remove_suffix(suffix.size());
    }
    ((out += "# TYPE ") += name) += ' ';
    (out += to_string(row.kind)) += '\n';
    if (!row.unit.empty()) {
        ((out += "# UNIT ") += name) += ' ';
        (out += row.unit) += '\n';
    }
    ((out += "# HELP ") += name) += ' ';
    append_escaped(out, row.help);
    out += '\n';
    for (const ClientMetric& sample : family.metric) {
        if (row.kind == SeriesKind::histogram) {
            append_histogram(out, name, sample);
            continue;
        }
        append_head(out, name, suffix, sample);
        append_number(out,
                      row.kind == SeriesKind::counter ? sample.counter.value : sample.gauge.value);
        out += '\n';
    }
}

// A counter's or info's name must carry the suffix that append_family() takes off, and OpenMetrics
// wants a family's name to end in its unit.
constexpr bool is_well_named(const Metric& row) {
    std::string_view family = row.name;
    if (row.kind == SeriesKind::counter) {
        if (!family.ends_with("_total")) {
            return false;
        }
        family.remove_suffix(std::string_view("_total").size());
    } else if (row.kind == SeriesKind::info && !family.ends_with("_info")) {
        return false;
    }
    return family.ends_with(row.unit);
}
static_assert(std::ranges::all_of(kMetrics, is_well_named));

}  // namespace

std::string write_openmetrics(const std::vector<prometheus::MetricFamily>& families) {
    std::string out;
    for (const auto& family : families) {
        const auto row = std::ranges::find(kMetrics, family.name, &Metric::name);
        if (row != kMetrics.end()) {
            append_family(out, family, *row);
            continue;
        }
        for (const LiteLlmSeries& series : litellm_series()) {
            if (series.row.name == family.name) {
                append_family(out, family, series.row);
            }
        }
    }
    out += "# EOF\n";
    return out;
}

}  // namespace tollgate::metrics
