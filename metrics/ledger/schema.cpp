#include "metrics/ledger/schema.hpp"

#include <chrono>

namespace tollgate::ledger {
namespace {

// `each` between commas, for every sum that is a plain addition.
template <class Each>
std::string joined(Each each) {
    std::string text;
    for (const std::string_view name : kMeasureNames) {
        text.append(", ").append(each(std::string(name)));
    }
    for (const std::string_view name : kCounterNames) {
        text.append(", ").append(each(std::string(name)));
    }
    return text;
}

std::string dimensions_of(const Cube& cube) {
    std::string text;
    for (std::size_t i = 0; i < cube.size; ++i) {
        text.append(", ").append(cube.dimensions[i]);
    }
    return text;
}

std::string integers(std::string_view names_after_commas) {
    std::string text;
    for (const char c : names_after_commas) {
        text.append(c == ',' && !text.empty() ? " INTEGER NOT NULL," : std::string(1, c));
    }
    return text + " INTEGER NOT NULL";
}

// The columns of tables with a row per attempt, after the others.
std::string use_columns() {
    std::string text;
    for (const std::string_view name : kCounterNames) {
        text.append(", ").append(name).append(" INTEGER NOT NULL");
    }
    for (const std::string_view kind : metrics::kCostKindNames) {
        text.append(", ").append(cost_column(kind)).append(" INTEGER NOT NULL DEFAULT 0");
    }
    return text;
}

}  // namespace

std::string cost_column(std::string_view kind) {
    return "cost_" + std::string(kind) + "_pico";
}

std::int64_t bucket_of(Grain grain, std::int64_t seconds) noexcept {
    using std::chrono::floor;
    const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
    std::chrono::sys_seconds begin{};
    switch (grain) {
        case Grain::hour:
            begin = floor<std::chrono::hours>(at);
            break;
        case Grain::day:
            begin = floor<std::chrono::days>(at);
            break;
        case Grain::month: {
            const std::chrono::year_month_day date(floor<std::chrono::days>(at));
            begin = std::chrono::sys_days(date.year() / date.month() / 1);
            break;
        }
    }
    return begin.time_since_epoch().count();
}

std::string schema_sql() {
    std::string sql = R"(
CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE segments (id INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE requests (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, request_id TEXT NOT NULL,
 key INTEGER NOT NULL, team INTEGER NOT NULL, user INTEGER NOT NULL, tags INTEGER NOT NULL,
 endpoint INTEGER NOT NULL, requested_model INTEGER NOT NULL, provider INTEGER NOT NULL,
 model INTEGER NOT NULL, attempts INTEGER NOT NULL, status INTEGER NOT NULL,
 outcome INTEGER NOT NULL, stream INTEGER NOT NULL, latency_us INTEGER NOT NULL,
 ttft_us INTEGER NOT NULL, priced INTEGER NOT NULL, estimated INTEGER NOT NULL,
 cost_pico INTEGER NOT NULL)" +
                      use_columns() + R"();
CREATE INDEX requests_at ON requests (at);
CREATE TABLE spent (id INTEGER PRIMARY KEY, request INTEGER NOT NULL, provider INTEGER NOT NULL,
 model INTEGER NOT NULL, priced INTEGER NOT NULL, cost_pico INTEGER NOT NULL)" +
                      use_columns() + R"();
CREATE INDEX spent_request ON spent (request);
CREATE VIEW request_log AS SELECT r.id, strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000000, 'unixepoch')
 AS time, request_id, k.text AS key_name, t.text AS team_name, u.text AS user_name,
 g.text AS tag_list, e.text AS endpoint_name, q.text AS requested, p.text AS provider_name,
 m.text AS model_name, r.*, (SELECT coalesce(sum(s.cost_pico), 0) FROM spent s
 WHERE s.request = r.id) AS spent_cost_pico FROM requests r
 JOIN names k ON k.id = r.key JOIN names t ON t.id = r.team JOIN names u ON u.id = r.user
 JOIN names g ON g.id = r.tags JOIN names e ON e.id = r.endpoint
 JOIN names q ON q.id = r.requested_model JOIN names p ON p.id = r.provider
 JOIN names m ON m.id = r.model;
)";
    for (const Cube& cube : kCubes) {
        const std::string dimensions = dimensions_of(cube);
        sql.append("CREATE TABLE ").append(cube.table).append(" (grain INTEGER NOT NULL, bucket");
        sql.append(integers(dimensions + joined([](const std::string& name) { return name; }) +
                            ", cost_usd, cost_pico"));
        sql.append(", PRIMARY KEY (grain, bucket").append(dimensions).append(")) WITHOUT ROWID;\n");
    }
    return sql + "PRAGMA user_version = " + std::to_string(kSchemaVersion) + ";\n";
}

std::string upgrade_sql() {
    std::string sql;
    for (const std::string_view table : {"requests", "spent"}) {
        for (const std::string_view kind : metrics::kCostKindNames) {
            sql.append("ALTER TABLE ").append(table).append(" ADD COLUMN ");
            sql.append(cost_column(kind)).append(" INTEGER NOT NULL DEFAULT 0;\n");
        }
    }
    return sql + "PRAGMA user_version = " + std::to_string(kSchemaVersion) + ";\n";
}

std::string upsert_sql(const Cube& cube) {
    const std::string columns = joined([](const std::string& name) { return name; });
    std::string sql = "INSERT INTO " + std::string(cube.table) + " (grain, bucket" +
                      dimensions_of(cube) + columns + ", cost_usd, cost_pico) VALUES (?";
    const std::size_t values = 2 + cube.size + kMeasureNames.size() + kCounters + 2;
    for (std::size_t i = 1; i < values; ++i) {
        sql.append(", ?");
    }
    sql.append(") ON CONFLICT DO UPDATE SET ");
    sql.append(joined([](const std::string& name) {
                   return name + " = " + name + " + excluded." + name;
               }).substr(2));
    sql.append(
        ", cost_usd = cost_usd + excluded.cost_usd + (cost_pico + excluded.cost_pico) / "
        "1000000000000, cost_pico = (cost_pico + excluded.cost_pico) % 1000000000000");
    return sql;
}

}  // namespace tollgate::ledger
