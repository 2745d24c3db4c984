// Every series that /metrics can show: type, unit, labels, bound and help, in one table.  The
// registry renders from it and a test compares docs/metrics.md with it.  A new metric starts with a
// row here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::metrics {

/// Row numbers of kMetrics, in the same order.
enum class Series : std::uint8_t {
    requests,
    request_duration,
    time_to_first_token,
    time_per_output_token,
    overhead,
    tokens,
    cost,
    unpriced_tokens,
    vendor_costs,
    attempts,
    failovers,
    hedges,
    provider_state,
    breaker_state,
    key_state,
    stream_truncated,
    inflight,
    client_connections,
    tls_handshakes,
    tls_handshake_failures,
    attacks,
    upstream_connections,
    upstream_pool_waits,
    upstream_pool_events,
    limit_rejections,
    budget_limit,
    budget_spent,
    budget_reserved,
    alerts,
    config_reloads,
    log_lines_dropped,
    ledger_rows,
    ledger_lost_rows,
    ledger_backlog_rows,
    ledger_backlog_bytes,
    ledger_lag,
    ledger_errors,
    build_info,
    process_resident_memory,
    process_open_fds,
    process_max_fds,
    process_cpu,
    process_start_time,
};
inline constexpr std::size_t kSeries = static_cast<std::size_t>(Series::process_start_time) + 1;

/// `info` is a gauge that is always 1 in the Prometheus text format and an Info family in
/// OpenMetrics.
enum class SeriesKind : std::uint8_t { counter, gauge, histogram, info };
[[nodiscard]] constexpr std::string_view to_string(SeriesKind kind) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"counter", "gauge", "histogram", "info"};
    return kNames[static_cast<std::size_t>(kind)];
}

struct Metric {
    std::string_view name;  ///< as in the Prometheus text format; counters end in _total
    SeriesKind kind = SeriesKind::counter;
    std::string_view unit;    ///< base unit, empty: a plain number
    std::string_view labels;  ///< comma separated, in the order they are written; empty: none
    std::string_view bound;   ///< what limits the number of series (a histogram counts as one)
    std::string_view help;
};

/// "Targets" are the configured (provider, model) pairs that have served traffic, plus one `other`
/// model per provider and `other`/`other`; kMaxTargets and kMaxProviders (vocabulary.hpp) cap them.
inline constexpr std::array<Metric, kSeries> kMetrics{{
    {"tollgate_requests_total", SeriesKind::counter, "", "endpoint,provider,model,status,outcome",
     "16 endpoints × targets × 36 statuses × 6 outcomes, only those seen",
     "Requests answered or given up, by what the client saw."},
    {"tollgate_request_duration_seconds", SeriesKind::histogram, "seconds",
     "endpoint,provider,model", "16 endpoints × targets, only those seen",
     "From the first byte of the request to the last byte of the answer."},
    {"tollgate_time_to_first_token_seconds", SeriesKind::histogram, "seconds",
     "endpoint,provider,model", "16 endpoints × targets, only those that streamed",
     "From the first byte of the request to the first body byte of a streamed answer."},
    {"tollgate_time_per_output_token_seconds", SeriesKind::histogram, "seconds",
     "endpoint,provider,model", "16 endpoints × targets, only those that streamed",
     "Time after the first token of a complete stream, per further output token."},
    {"tollgate_overhead_seconds", SeriesKind::histogram, "seconds", "endpoint", "16 endpoints",
     "Time that was ours: request duration minus the time spent waiting for vendors."},
    {"tollgate_tokens_total", SeriesKind::counter, "tokens", "provider,model,kind,source",
     "targets × 9 kinds × 2 sources, only those seen",
     "Tokens used, by all attempts, each counted in exactly one kind; source is vendor or "
     "estimate."},
    {"tollgate_cost_usd_total", SeriesKind::counter, "usd", "provider,model,key,team,source",
     "targets × 1024 keys × 2 sources, only those seen, 8192 of them for each worker",
     "What answers cost, attempts that came to nothing included, by whether the vendor or an "
     "estimate said what was used."},
    {"tollgate_unpriced_tokens_total", SeriesKind::counter, "tokens", "provider,model",
     "targets, only those seen", "Tokens used whose price is not known."},
    {"tollgate_vendor_costs_total", SeriesKind::counter, "", "provider,model,result",
     "targets × 2 results, only those seen",
     "Answers whose vendor told their cost, by whether ours is the same."},
    {"tollgate_attempts_total", SeriesKind::counter, "", "provider,outcome",
     "providers × failure kinds + 3, only those seen",
     "Upstream attempts by how they ended: ok, outpaced by a hedge, or the kind of failure."},
    {"tollgate_failovers_total", SeriesKind::counter, "", "from,to,reason",
     "pairs of providers × failure kinds, only those seen, 1024 per worker",
     "Requests that moved on to another target, by the provider left, the next one and the "
     "failure."},
    {"tollgate_hedges_total", SeriesKind::counter, "", "outcome", "4 outcomes, only those seen",
     "Second attempts beside a slow first one, by how they ended."},
    {"tollgate_provider_state", SeriesKind::gauge, "", "provider", "configured providers",
     "Whether a provider can be used: 0 ready, 1 no key, 2 unreachable, 3 cooling down."},
    {"tollgate_breaker_state", SeriesKind::gauge, "", "provider,model", "configured targets",
     "Circuit breaker of a target: 0 closed, 1 half open, 2 open."},
    {"tollgate_key_state", SeriesKind::gauge, "", "provider,key", "configured vendor keys",
     "A vendor key by its place in the configuration: 0 in use, 1 limited, 2 in quarantine."},
    {"tollgate_stream_truncated_total", SeriesKind::counter, "", "provider,model",
     "targets, only those seen", "Streams that ended with an error after their first byte."},
    {"tollgate_inflight_requests", SeriesKind::gauge, "", "", "1",
     "Requests being served right now."},
    {"tollgate_client_connections", SeriesKind::gauge, "", "protocol", "2 protocols",
     "Open client connections."},
    {"tollgate_tls_handshakes_total", SeriesKind::counter, "", "version,resumed",
     "2 versions × 2, only those seen", "TLS handshakes with clients that came to their end."},
    {"tollgate_tls_handshake_failures_total", SeriesKind::counter, "", "reason",
     "12 reasons, only those seen", "TLS handshakes with clients that did not."},
    {"tollgate_attacks_total", SeriesKind::counter, "", "kind", "16 kinds",
     "Clients that were cut off, or whose stream was, for what they did to the connection."},
    {"tollgate_upstream_connections", SeriesKind::gauge, "", "provider,state",
     "providers × 2 states", "Open connections to vendors: active serves a request, idle waits."},
    {"tollgate_upstream_pool_waits_total", SeriesKind::counter, "", "provider", "providers",
     "Requests that had to wait because the provider's pool was full."},
    {"tollgate_upstream_pool_events_total", SeriesKind::counter, "", "provider,event",
     "providers × 5 events",
     "Pool events: opened, reused, expired (idle too long), stale (found dead), rejected (full)."},
    {"tollgate_limit_rejections_total", SeriesKind::counter, "", "key,limit",
     "1024 keys × 4 limits, only those seen",
     "Requests refused by our own limits: requests, tokens, concurrency or budget."},
    {"tollgate_budget_limit_usd", SeriesKind::gauge, "usd", "scope,name,per",
     "1024 budgets, the others together as `other`", "Money that a budget allows in its period."},
    {"tollgate_budget_spent_usd", SeriesKind::gauge, "usd", "scope,name,per",
     "1024 budgets, the others together as `other`", "Money spent in the budget's period so far."},
    {"tollgate_budget_reserved_usd", SeriesKind::gauge, "usd", "scope,name,per",
     "1024 budgets, the others together as `other`",
     "Money set aside for requests that run: their worst case."},
    {"tollgate_alerts_total", SeriesKind::counter, "", "result", "3 results",
     "Alerts of budgets to webhooks: sent, failed (not taken in all tries) or dropped (too many)."},
    {"tollgate_config_reloads_total", SeriesKind::counter, "", "result", "2 results",
     "Configuration reloads: applied or rejected."},
    {"tollgate_log_lines_dropped_total", SeriesKind::counter, "", "", "1",
     "Log lines lost because the log's destination was too slow or failed."},
    {"tollgate_ledger_rows_total", SeriesKind::counter, "", "", "1",
     "Requests written to the ledger's SQLite file."},
    {"tollgate_ledger_lost_rows_total", SeriesKind::counter, "", "", "1",
     "Requests that could be written neither to the journal nor kept in memory."},
    {"tollgate_ledger_backlog_rows", SeriesKind::gauge, "", "", "1",
     "Requests of this process that are in the journal and not yet in the SQLite file."},
    {"tollgate_ledger_backlog_bytes", SeriesKind::gauge, "bytes", "", "1",
     "Journal files with requests that are not yet in the SQLite file."},
    {"tollgate_ledger_import_lag_seconds", SeriesKind::gauge, "seconds", "", "1",
     "Age of the oldest request that is not yet in the SQLite file."},
    {"tollgate_ledger_errors_total", SeriesKind::counter, "", "kind", "8 kinds",
     "Failed attempts to write the ledger: journal, backlog, locked, full, read_only, corrupt, io, "
     "segment."},
    {"tollgate_build_info", SeriesKind::info, "", "version", "1",
     "The running build; the value is always 1."},
    {"process_resident_memory_bytes", SeriesKind::gauge, "bytes", "", "1",
     "Resident memory size in bytes."},
    {"process_open_fds", SeriesKind::gauge, "", "", "1", "Number of open file descriptors."},
    {"process_max_fds", SeriesKind::gauge, "", "", "1", "Maximum number of open file descriptors."},
    {"process_cpu_seconds_total", SeriesKind::counter, "seconds", "", "1",
     "Total user and system CPU time spent in seconds."},
    {"process_start_time_seconds", SeriesKind::gauge, "seconds", "", "1",
     "Start time of the process since unix epoch in seconds."},
}};

[[nodiscard]] constexpr const Metric& metric(Series series) noexcept {
    return kMetrics[static_cast<std::size_t>(series)];
}

}  // namespace tollgate::metrics
