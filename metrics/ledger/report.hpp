// Reports: what was used and what it cost, grouped.  Reads the SQLite file on its own connection,
// so it works beside a running gateway and without one.
#pragma once

#include "metrics/ledger/entry.hpp"
#include "metrics/money.hpp"
#include "metrics/sqlite.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::ledger {

enum class Dimension : std::uint8_t { provider, model, key, team, tag, user, hour, day, month };
inline constexpr std::array<std::string_view, 9> kDimensionNames{
    "provider", "model", "key", "team", "tag", "user", "hour", "day", "month"};

enum class ReportFormat : std::uint8_t { table, csv, json };

struct Query {
    std::vector<Dimension> by = {};  ///< empty: one row for everything; at most one of time
    std::int64_t since = 0;          ///< seconds since 1970; whole hours count
    std::int64_t until = 0;          ///< the first moment that does not count; 0: no end
};

/// "provider,day".  Fails with a sentence.
[[nodiscard]] std::expected<std::vector<Dimension>, std::string> parse_dimensions(
    std::string_view text);
/// "2025-11-25", "2025-11-25T13:00", the same with Z, "7d", "24h", "30m" (before `now`), "today",
/// "month" (its begin).  All in UTC.  Fails with a sentence.
[[nodiscard]] std::expected<std::int64_t, std::string> parse_moment(std::string_view text,
                                                                    std::int64_t now);

struct ReportRow {
    std::vector<std::string> group = {};  ///< one text for each of Query::by
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
    std::uint64_t unpriced = 0;   ///< whose cost nobody knows
    std::uint64_t estimated = 0;  ///< whose tokens were counted here
    std::array<std::uint64_t, kCounters> counters{};
    std::uint64_t latency_us = 0;  ///< sum
    metrics::Int128 cost_pico = 0;
};
struct Report {
    std::vector<Dimension> by = {};
    std::vector<ReportRow> rows = {};  ///< by time first, then the dearest first
    ReportRow total = {};
    bool has_tags = false;  ///< requests with several tags count in several rows
    bool is_cut = false;    ///< there were more than kMostRows
};
inline constexpr std::size_t kMostRows = 100'000;

[[nodiscard]] sqlite::Result<Report> report(const std::string& path, const Query& query);

/// Requests in the files of the journal that are not in the SQLite file.
[[nodiscard]] sqlite::Result<std::uint64_t> rows_in_journal(const std::string& path,
                                                            const std::string& directory);

[[nodiscard]] std::string render(const Report& report, ReportFormat format);

}  // namespace tollgate::ledger
