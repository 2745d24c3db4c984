#include "metrics/registry.hpp"

#include "metrics/litellm.hpp"
#include "metrics/names.hpp"
#include "metrics/openmetrics.hpp"
#include "metrics/process.hpp"
#include "metrics/totals.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <tuple>

namespace tollgate::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

/// Sums of gauge cells are differences: taken as signed, and never shown below zero (shards are
/// read one after another, so a moment's sum may miss one side of a move).
double gauge_value(std::uint64_t sum) noexcept {
    return static_cast<double>(std::max<std::int64_t>(0, static_cast<std::int64_t>(sum)));
}

/// Collects families in the library's types.
class Families {
public:
    using Values = std::initializer_list<std::string_view>;

    /// The following samples belong to this row of kMetrics.
    void start(Series series) {
        row_ = &metric(series);
        auto& family = families_.emplace_back();
        family.name = row_->name;
        family.help = row_->help;
        switch (row_->kind) {
            case SeriesKind::counter:
                family.type = prometheus::MetricType::Counter;
                break;
            case SeriesKind::histogram:
                family.type = prometheus::MetricType::Histogram;
                break;
            case SeriesKind::gauge:
            case SeriesKind::info:
                family.type = prometheus::MetricType::Gauge;
                break;
        }
    }
    void counter(Values labels, double value) { sample(labels).counter.value = value; }
    void counter(Values labels, std::uint64_t value) {
        counter(labels, static_cast<double>(value));
    }
    void gauge(Values labels, double value) { sample(labels).gauge.value = value; }
    void live(const LiveSample& one) {
        if (row_ != &metric(one.series)) {
            start(one.series);
        }
        const std::vector<std::string_view> labels(one.labels.begin(), one.labels.end());
        sample(std::span<const std::string_view>(labels)).gauge.value = one.value;
    }
    void histogram(Values labels, std::span<const std::uint64_t> bounds,
                   const HistogramTotal& total);

    /// A family without samples says nothing; it is left out.
    std::vector<MetricFamily> take() && {
        std::erase_if(families_, [](const MetricFamily& family) { return family.metric.empty(); });
        return std::move(families_);
    }

private:
    /// A new sample; `labels` are the values of the row's label names, in their order.
    ClientMetric& sample(std::span<const std::string_view> labels);
    ClientMetric& sample(Values labels) {
        return sample(std::span<const std::string_view>(labels.begin(), labels.size()));
    }

    const Metric* row_ = nullptr;
    std::vector<MetricFamily> families_;
};

ClientMetric& Families::sample(std::span<const std::string_view> labels) {
    ClientMetric& result = families_.back().metric.emplace_back();
    result.label.reserve(labels.size());
    std::string_view names = row_->labels;
    for (const std::string_view value : labels) {
        const auto comma = std::min(names.find(','), names.size());
        result.label.push_back({std::string(names.substr(0, comma)), std::string(value)});
        names.remove_prefix(std::min(comma + 1, names.size()));
    }
    return result;
}

void Families::histogram(Values labels, std::span<const std::uint64_t> bounds,
                         const HistogramTotal& total) {
    if (total.buckets.empty()) {
        return;
    }
    auto& histogram = sample(labels).histogram;
    histogram.bucket.reserve(total.buckets.size());
    for (std::size_t i = 0; i < total.buckets.size(); ++i) {
        histogram.sample_count += total.buckets[i];
        histogram.bucket.push_back(
            {histogram.sample_count, i < bounds.size() ? static_cast<double>(bounds[i]) / 1e9
                                                       : std::numeric_limits<double>::infinity()});
    }
    histogram.sample_sum = static_cast<double>(total.sum) / 1e9;
}

void write_requests(Families& out, const Totals& totals, const Vocabulary& names) {
    out.start(Series::requests);
    std::array<std::string, kStatuses.size()> statuses;
    for (std::size_t s = 0; s < kStatuses.size(); ++s) {
        statuses[s] = s == 0 ? std::string(kOther) : std::to_string(kStatuses[s]);
    }
    for (const auto& [key, total] : totals.targets) {
        const auto [target, endpoint] = key;
        const std::string_view provider = names.provider_name(names.provider_of(target));
        for (std::size_t s = 0; s < kStatuses.size(); ++s) {
            for (std::size_t o = 0; o < kOutcomes; ++o) {
                if (total.requests[s][o] != 0) {
                    out.counter({kEndpoints[endpoint], provider, names.model_name(target),
                                 statuses[s], to_string(static_cast<Outcome>(o))},
                                total.requests[s][o]);
                }
            }
        }
    }
}

void write_target_histograms(Families& out, const Totals& totals, const Vocabulary& names,
                             const Bounds& limits) {
    const std::tuple<Series, HistogramTotal TargetTotal::*, std::span<const std::uint64_t>> rows[]{
        {Series::request_duration, &TargetTotal::duration, limits.duration},
        {Series::time_to_first_token, &TargetTotal::first_token, limits.duration},
        {Series::time_per_output_token, &TargetTotal::per_token, limits.per_token},
    };
    for (const auto& [series, member, bounds] : rows) {
        out.start(series);
        for (const auto& [key, total] : totals.targets) {
            const auto [target, endpoint] = key;
            out.histogram({kEndpoints[endpoint], names.provider_name(names.provider_of(target)),
                           names.model_name(target)},
                          bounds, total.*member);
        }
    }
    out.start(Series::overhead);
    for (const auto& [endpoint, total] : totals.overhead) {
        out.histogram({kEndpoints[endpoint]}, limits.overhead, total);
    }
}

void write_usage(Families& out, const Totals& totals, const Vocabulary& names) {
    out.start(Series::tokens);
    for (const auto& [target, usage] : totals.usage) {
        for (std::size_t k = 0; k < kTokenKinds.size(); ++k) {
            for (std::size_t s = 0; s < kTokenSources.size(); ++s) {
                if (usage.tokens[k][s] != 0) {
                    out.counter({names.provider_name(names.provider_of(target)),
                                 names.model_name(target), kTokenKinds[k], kTokenSources[s]},
                                usage.tokens[k][s]);
                }
            }
        }
    }
    out.start(Series::unpriced_tokens);
    for (const auto& [target, usage] : totals.usage) {
        if (usage.unpriced != 0) {
            out.counter({names.provider_name(names.provider_of(target)), names.model_name(target)},
                        usage.unpriced);
        }
    }
    out.start(Series::vendor_costs);
    for (const auto& [target, usage] : totals.usage) {
        for (std::size_t i = 0; i < kVendorCosts.size(); ++i) {
            if (usage.vendor_cost[i] != 0) {
                out.counter({names.provider_name(names.provider_of(target)),
                             names.model_name(target), kVendorCosts[i]},
                            usage.vendor_cost[i]);
            }
        }
    }
    out.start(Series::stream_truncated);
    for (const auto& [target, usage] : totals.usage) {
        if (usage.truncated != 0) {
            out.counter({names.provider_name(names.provider_of(target)), names.model_name(target)},
                        usage.truncated);
        }
    }
}

void write_costs(Families& out, const Totals& totals, const Vocabulary& names,
                 const std::vector<KeyLabel>& keys) {
    out.start(Series::cost);
    for (const auto& [pair, cost] : totals.costs) {
        const auto [target, key] = pair;
        for (std::size_t s = 0; s < cost.size(); ++s) {
            if (cost[s] != 0) {
                out.counter(
                    {names.provider_name(names.provider_of(target)), names.model_name(target),
                     keys[key].key, keys[key].team, kTokenSources[s]},
                    static_cast<double>(cost[s]) / static_cast<double>(kPicoPerUsd));
            }
        }
    }
}

void write_attempts(Families& out, const Totals& totals, const Vocabulary& names,
                    const std::vector<std::string>& outcomes) {
    out.start(Series::attempts);
    for (const auto& [provider, total] : totals.providers) {
        for (std::size_t i = 0; i < total.attempts.size(); ++i) {
            if (total.attempts[i] != 0) {
                out.counter({names.provider_name(provider),
                             i < outcomes.size() ? std::string_view(outcomes[i]) : kOther},
                            total.attempts[i]);
            }
        }
    }
}

void write_failovers(Families& out, const Totals& totals, const Vocabulary& names,
                     const std::vector<std::string>& outcomes) {
    out.start(Series::failovers);
    for (const auto& [move, count] : totals.failovers) {
        const auto [from, to, reason] = move;
        const std::size_t kind = std::size_t{reason} + 1;
        out.counter({names.provider_name(from), names.provider_name(to),
                     kind < outcomes.size() ? std::string_view(outcomes[kind]) : kOther},
                    count);
    }
    out.start(Series::hedges);
    for (std::size_t i = 0; i < kHedges.size(); ++i) {
        if (totals.hedges[i] != 0) {
            out.counter({kHedges[i]}, totals.hedges[i]);
        }
    }
}

void write_connections(Families& out, const Totals& totals, const Vocabulary& names) {
    out.start(Series::inflight);
    out.gauge({}, gauge_value(totals.inflight));
    out.start(Series::client_connections);
    for (std::size_t i = 0; i < kClientProtocols.size(); ++i) {
        out.gauge({kClientProtocols[i]}, gauge_value(totals.clients[i]));
    }
    out.start(Series::tls_handshakes);
    for (std::size_t i = 0; i < totals.handshakes.size(); ++i) {
        const std::uint64_t count = totals.handshakes[i];
        if (count != 0) {
            out.counter({kTlsVersions[i / 2], i % 2 == 0 ? "false" : "true"}, count);
        }
    }
    out.start(Series::tls_handshake_failures);
    for (std::size_t i = 0; i < kHandshakeFailures.size(); ++i) {
        if (totals.handshake_failures[i] != 0) {
            out.counter({kHandshakeFailures[i]}, totals.handshake_failures[i]);
        }
    }
    out.start(Series::attacks);
    for (std::size_t i = 0; i < kAttacks.size(); ++i) {
        if (totals.attacks[i] != 0) {
            out.counter({kAttacks[i]}, totals.attacks[i]);
        }
    }
    out.start(Series::upstream_connections);
    for (const auto& [provider, total] : totals.providers) {
        for (std::size_t i = 0; i < kUpstreamStates.size(); ++i) {
            out.gauge({names.provider_name(provider), kUpstreamStates[i]},
                      gauge_value(total.connections[i]));
        }
    }
    constexpr auto kWaited = static_cast<std::size_t>(PoolEvent::waited);
    out.start(Series::upstream_pool_waits);
    for (const auto& [provider, total] : totals.providers) {
        out.counter({names.provider_name(provider)}, total.pool[kWaited]);
    }
    out.start(Series::upstream_pool_events);
    for (const auto& [provider, total] : totals.providers) {
        for (std::size_t i = 0; i < kWaited; ++i) {
            out.counter({names.provider_name(provider), kPoolEvents[i]}, total.pool[i]);
        }
    }
}

void write_limits(Families& out, const LimitFigures& figures) {
    out.start(Series::alerts);
    for (const auto& [result, count] : figures.alerts) {
        out.counter({result}, count);
    }
    out.start(Series::limit_rejections);
    for (const LimitFigures::Rejections& row : figures.rejections) {
        out.counter({row.key, row.limit}, row.count);
    }
    constexpr std::array<std::pair<Series, double LimitFigures::BudgetFigures::*>, 3> kRows{
        {{Series::budget_limit, &LimitFigures::BudgetFigures::limit},
         {Series::budget_spent, &LimitFigures::BudgetFigures::spent},
         {Series::budget_reserved, &LimitFigures::BudgetFigures::reserved}}};
    for (const auto& [series, member] : kRows) {
        out.start(series);
        for (const LimitFigures::BudgetFigures& row : figures.budgets) {
            out.gauge({row.scope, row.name, row.per}, row.*member);
        }
    }
}

void write_ledger(Families& out, const ledger::Figures& figures) {
    out.start(Series::ledger_rows);
    out.counter({}, figures.rows);
    out.start(Series::ledger_lost_rows);
    out.counter({}, figures.lost);
    out.start(Series::ledger_backlog_rows);
    out.gauge({}, static_cast<double>(figures.backlog_rows));
    out.start(Series::ledger_backlog_bytes);
    out.gauge({}, static_cast<double>(figures.backlog_bytes));
    out.start(Series::ledger_lag);
    out.gauge({}, figures.lag_seconds);
    out.start(Series::ledger_errors);
    for (std::size_t i = 0; i < figures.problems.size(); ++i) {
        out.counter({ledger::kProblemNames[i]}, figures.problems[i]);
    }
}

void write_process(Families& out) {
    const ProcessUsage usage = read_process_usage();
    out.start(Series::process_resident_memory);
    out.gauge({}, static_cast<double>(usage.resident_bytes));
    out.start(Series::process_open_fds);
    out.gauge({}, static_cast<double>(usage.open_fds));
    out.start(Series::process_max_fds);
    out.gauge({}, static_cast<double>(usage.max_fds));
    out.start(Series::process_cpu);
    out.counter({}, usage.cpu_seconds);
    out.start(Series::process_start_time);
    out.gauge({}, usage.start_time_seconds);
}

}  // namespace

void name_fixed_keys(std::vector<KeyLabel>& keys) {
    keys.resize(std::max<std::size_t>(keys.size(), kFirstKey));
    keys[kOtherKey] = {.key = std::string(kOther), .team = std::string(kOther)};
    keys[kShadowKey] = {.key = std::string(kShadowKeyName), .team = {}};
}

Registry::Registry(RegistryOptions options)
    : options_(std::move(options)), vocabulary_(Vocabulary::grown(nullptr, {})) {}

Shard& Registry::add_shard() {
    const std::lock_guard lock(mutex_);
    return *shards_.emplace_back(std::make_unique<Shard>(options_.shard));
}

void Registry::set_vocabulary(std::shared_ptr<const Vocabulary> vocabulary) {
    const std::lock_guard lock(mutex_);
    vocabulary_ = std::move(vocabulary);
}

void Registry::watch_ledger(std::function<ledger::Figures()> figures) {
    const std::lock_guard lock(mutex_);
    ledger_figures_ = std::move(figures);
}

void Registry::count_reload(bool applied) noexcept {
    (applied ? reloads_applied_ : reloads_rejected_).fetch_add(1, std::memory_order_relaxed);
}

std::string Registry::exposition(Format format, std::span<const LiveSample> live) const {
    Totals totals;
    std::shared_ptr<const Vocabulary> names;
    std::optional<ledger::Figures> figures;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& shard : shards_) {
            totals.add(*shard);
        }
        names = vocabulary_;
        if (ledger_figures_) {
            figures = ledger_figures_();
        }
    }
    // A number that this vocabulary does not know yet would be written as other/other beside the
    // true one: such a series would appear twice, so it waits for the next scrape.
    std::erase_if(totals.targets, [&](const auto& e) { return e.first.first >= names->targets(); });
    std::erase_if(totals.usage, [&](const auto& e) { return e.first >= names->targets(); });
    // Asked after the shards were read: every key that they have counted has its name by now.
    LimitFigures limits = options_.limits ? options_.limits() : LimitFigures();
    name_fixed_keys(limits.keys);
    std::erase_if(totals.costs, [&](const auto& e) {
        return e.first.first >= names->targets() || e.first.second >= limits.keys.size();
    });
    std::erase_if(totals.providers, [&](const auto& e) { return e.first >= names->providers(); });

    Families out;
    write_requests(out, totals, *names);
    write_target_histograms(out, totals, *names, Bounds(options_.shard.buckets));
    write_usage(out, totals, *names);
    write_costs(out, totals, *names, limits.keys);
    write_attempts(out, totals, *names, options_.shard.attempt_outcomes);
    write_failovers(out, totals, *names, options_.shard.attempt_outcomes);
    for (const LiveSample& one : live) {
        out.live(one);
    }
    write_connections(out, totals, *names);
    write_limits(out, limits);
    out.start(Series::config_reloads);
    out.counter({"applied"}, reloads_applied_.load(std::memory_order_relaxed));
    out.counter({"rejected"}, reloads_rejected_.load(std::memory_order_relaxed));
    if (options_.log_lines_dropped) {
        out.start(Series::log_lines_dropped);
        out.counter({}, options_.log_lines_dropped());
    }
    if (figures) {
        write_ledger(out, *figures);
    }
    out.start(Series::build_info);
    out.gauge({options_.version}, 1);
    write_process(out);

    std::vector<MetricFamily> families = std::move(out).take();
    if (options_.litellm_names) {
        std::ranges::move(litellm_families(families), std::back_inserter(families));
    }
    return format == Format::openmetrics ? write_openmetrics(families)
                                         : prometheus::TextSerializer().Serialize(families);
}

}  // namespace tollgate::metrics
