#!/usr/bin/env python3
"""Writes the dashboards beside this file.  Edit the tables below, run it, commit both; tests/lint/dashboards.py compares.

Every expression here and every alert of ../prometheus/alerts.yml is asked of a real Prometheus by
tests/integration/prometheus.test.mjs after a demo load, and must return data.
"""
import json
import sys
from pathlib import Path

RATE = "[$__rate_interval]"
ALL = '{provider=~"$provider",model=~"$model"}'
OF_PROVIDER = '{provider=~"$provider"}'


def quantile(q, series, by=""):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({series}_bucket{ALL}{RATE})))"


# Title, unit, [(legend, expression)], what one learns from it.  A unit is Grafana's name for it.
DASHBOARDS = {
    "spend": ("Tollgate: spend", [
        ("Spend in this range", "currencyUSD", [("USD", f"sum(increase(tollgate_cost_usd_total{ALL}[$__range]))")],
         "What the chosen providers and models cost in the chosen time."),
        ("Spend per hour, by model", "currencyUSD",
         [("{{provider}}/{{model}}", f"sum by (provider, model) (rate(tollgate_cost_usd_total{ALL}{RATE})) * 3600")],
         "Where the money goes now."),
        ("Spend per hour, by key", "currencyUSD", [("{{key}}", f"sum by (key) (rate(tollgate_cost_usd_total{ALL}{RATE})) * 3600")],
         "Who spends it."),
        ("Spend per hour, by team", "currencyUSD", [("{{team}}", f"sum by (team) (rate(tollgate_cost_usd_total{ALL}{RATE})) * 3600")],
         "Which team spends it; empty: keys without a team."),
        ("Tokens per second, by kind", "short", [("{{kind}}", f"sum by (kind) (rate(tollgate_tokens_total{ALL}{RATE}))")],
         "Fresh input, cache reads and writes, output and reasoning are billed differently."),
        ("Share of prompt tokens from the cache", "percentunit",
         [("cache", f'(sum(rate(tollgate_tokens_total{{kind="cache_read",provider=~"$provider",model=~"$model"}}{RATE})) or vector(0))'
                    f' / sum(rate(tollgate_tokens_total{{kind=~"input|cache_read|cache_write",provider=~"$provider",model=~"$model"}}{RATE}))')],
         "Cached tokens cost about a tenth."),
        ("Share of tokens that were estimated", "percentunit",
         [("{{provider}}", f'sum by (provider) (rate(tollgate_tokens_total{{source="estimate",provider=~"$provider",model=~"$model"}}{RATE}))'
                           f" / sum by (provider) (rate(tollgate_tokens_total{ALL}{RATE}))")],
         "The vendor did not report usage: cancelled and cut streams, mostly."),
        ("Tokens without a price per second", "short",
         [("{{provider}}/{{model}}", f"sum by (provider, model) (rate(tollgate_unpriced_tokens_total{ALL}{RATE}))")],
         "These are not in the spend above: give them a price under cost.prices."),
    ]),
    "traffic": ("Tollgate: traffic", [
        ("Requests per second, by provider", "reqps", [("{{provider}}", f"sum by (provider) (rate(tollgate_requests_total{ALL}{RATE}))")],
         "What is asked of whom."),
        ("Requests per second, by endpoint", "reqps", [("{{endpoint}}", f"sum by (endpoint) (rate(tollgate_requests_total{ALL}{RATE}))")],
         "Chat, embeddings, lists of models."),
        ("Requests per second, by status", "reqps", [("{{status}}", f"sum by (status) (rate(tollgate_requests_total{ALL}{RATE}))")],
         "What clients saw."),
        ("Requests per second, by model", "reqps", [("{{provider}}/{{model}}", f"sum by (provider, model) (rate(tollgate_requests_total{ALL}{RATE}))")],
         "Models that clients invent are `other`."),
        ("Requests in flight", "short", [("in flight", "sum(tollgate_inflight_requests)")], "Being served right now."),
        ("Client connections", "short", [("{{protocol}}", "sum by (protocol) (tollgate_client_connections)")], "Open, by protocol."),
    ]),
    "latency": ("Tollgate: latency", [
        ("Time to first token", "s", [(name, quantile(q, "tollgate_time_to_first_token_seconds")) for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))],
         "Streams: request to first byte of the answer."),
        ("Time to first token p95, by model", "s", [("{{provider}}/{{model}}", quantile(0.95, "tollgate_time_to_first_token_seconds", "provider, model"))],
         "Which vendor keeps people waiting."),
        ("Request duration", "s", [(name, quantile(q, "tollgate_request_duration_seconds")) for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))],
         "First byte of the request to last byte of the answer."),
        ("Time per output token p50, by model", "s", [("{{provider}}/{{model}}", quantile(0.5, "tollgate_time_per_output_token_seconds", "provider, model"))],
         "How fast an answer flows once it has begun."),
        ("The gateway's own time", "s",
         [(name, f"histogram_quantile({q}, sum by (le) (rate(tollgate_overhead_seconds_bucket{RATE})))") for name, q in (("p50", 0.5), ("p99", 0.99))],
         "Duration minus the time spent waiting for vendors."),
    ]),
    "failures": ("Tollgate: failures and failovers", [
        ("Share of requests that failed at a vendor", "percentunit",
         [("failed", f'sum(rate(tollgate_requests_total{{outcome=~"upstream_error|truncated",provider=~"$provider",model=~"$model"}}{RATE}))'
                     f" / sum(rate(tollgate_requests_total{ALL}{RATE}))")],
         "After all retries and failovers: what clients noticed."),
        ("Attempts per second, by outcome", "reqps", [("{{provider}} {{outcome}}", f"sum by (provider, outcome) (rate(tollgate_attempts_total{OF_PROVIDER}{RATE}))")],
         "What vendors did, before retries."),
        ("Failovers per second", "reqps", [("{{from}} → {{to}}: {{reason}}", f"sum by (from, to, reason) (rate(tollgate_failovers_total{RATE}))")],
         "Attempts that moved on to another target, and why."),
        ("Truncated streams per second", "reqps", [("{{provider}}/{{model}}", f"sum by (provider, model) (rate(tollgate_stream_truncated_total{ALL}{RATE}))")],
         "Broken after their first byte: these cannot fail over."),
        ("Circuit breakers", "short", [("{{provider}}/{{model}}", f"max by (provider, model) (tollgate_breaker_state{ALL})")],
         "0 closed, 1 half open, 2 open."),
    ]),
    "budgets": ("Tollgate: budgets and limits", [
        ("Share of each budget that is spent", "percentunit", [("{{budget}}", "max by (budget) (tollgate_budget_spent_usd) / max by (budget) (tollgate_budget_limit_usd)")],
         "Spent in the current period."),
        ("Left in each budget", "currencyUSD",
         [("{{budget}}", "max by (budget) (tollgate_budget_limit_usd) - max by (budget) (tollgate_budget_spent_usd) - max by (budget) (tollgate_budget_reserved_usd)")],
         "What new requests may still reserve."),
        ("Reserved", "currencyUSD", [("{{budget}}", "max by (budget) (tollgate_budget_reserved_usd)")], "Worst cases of the requests in flight."),
        ("Refusals per second", "reqps", [("{{key}} {{limit}}", f"sum by (key, limit) (rate(tollgate_limit_rejections_total{RATE}))")],
         "Requests refused by a limit or a budget."),
    ]),
    "saturation": ("Tollgate: saturation", [
        ("CPU", "percentunit", [("{{instance}}", f"rate(process_cpu_seconds_total{{job=\"tollgate\"}}{RATE})")], "Cores in use."),
        ("Resident memory", "bytes", [("{{instance}}", 'process_resident_memory_bytes{job="tollgate"}')], "Follows the load and comes back."),
        ("File descriptors in use", "percentunit", [("{{instance}}", 'process_open_fds{job="tollgate"} / process_max_fds{job="tollgate"}')],
         "Two for each request in flight."),
        ("Upstream connections", "short", [("{{provider}} {{state}}", f"sum by (provider, state) (tollgate_upstream_connections{OF_PROVIDER})")],
         "active serves a request, idle waits for one."),
        ("Connections opened per request", "percentunit",
         [("{{provider}}", f'sum by (provider) (rate(tollgate_upstream_pool_events_total{{event="opened",provider=~"$provider"}}{RATE}))'
                           f" / sum by (provider) (rate(tollgate_attempts_total{OF_PROVIDER}{RATE}))")],
         "Near 0 where connections are reused."),
        ("Ledger: records waiting", "short", [("{{instance}}", "tollgate_ledger_backlog_rows")], "Written to the journal, not yet in the database."),
    ]),
}

WIDTH, HEIGHT = 12, 8


def panel(number, title, unit, targets, text):
    is_stat = "$__range" in targets[0][1]
    return {
        "id": number + 1,
        "title": title,
        "description": text,
        "type": "stat" if is_stat else "timeseries",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": number % 2 * WIDTH, "y": number // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}} if is_stat else {"legend": {"showLegend": True}, "tooltip": {"mode": "multi"}},
        "targets": [{"refId": chr(ord("A") + i), "expr": expression, "legendFormat": legend, "instant": is_stat}
                    for i, (legend, expression) in enumerate(targets)],
    }


def variable(name, query):
    return {"name": name, "type": "query", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "query": query,
            "definition": query, "includeAll": True, "allValue": ".*", "multi": True, "refresh": 2, "sort": 1,
            "current": {"text": "All", "value": "$__all"}}


def dashboard(name):
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"tollgate-{name}",
        "title": title,
        "tags": ["tollgate"],
        "schemaVersion": 38,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["tollgate"], "title": "Tollgate", "asDropdown": True}],
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus"},
            variable("provider", "label_values(tollgate_requests_total, provider)"),
            variable("model", 'label_values(tollgate_requests_total{provider=~"$provider"}, model)'),
        ]},
        "panels": [panel(i, *one) for i, one in enumerate(panels)],
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name in DASHBOARDS:
        (folder / f"{name}.json").write_text(json.dumps(dashboard(name), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
