// The tables of the ledger's SQLite file.
#pragma once

#include "metrics/ledger/entry.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::ledger {

inline constexpr std::int64_t kSchemaVersion = 2;

/// What the sums add up, besides the counters of kCounterNames and the cost, which is two columns:
/// whole dollars (cost_usd) and the rest (cost_pico), because 64 bits of pico-dollars end at 9.2
/// million dollars.
enum class Measure : std::uint8_t { requests, failed, unpriced, estimated, latency_us };
inline constexpr std::array<std::string_view, 5> kMeasureNames{"requests", "failed", "unpriced",
                                                               "estimated", "latency_us"};

/// The spans of time that sums are kept for; each is the sum of the finer ones.
enum class Grain : std::uint8_t { hour, day, month };
inline constexpr std::size_t kGrains = 3;
/// The begin of the span that holds this moment; seconds since 1970, UTC.
[[nodiscard]] std::int64_t bucket_of(Grain grain, std::int64_t seconds) noexcept;

/// A table of sums and what it tells apart, besides the time.
struct Cube {
    std::string_view table;
    std::array<std::string_view, 5> dimensions;
    std::size_t size;
};
/// Small ones first: a report reads the first that has what it asks for.  A table that told
/// everything apart would be as long as the requests themselves.
inline constexpr std::array<Cube, 5> kCubes{{
    {"sums_by_model", {"provider", "model"}, 2},
    {"sums_by_key", {"key", "team"}, 2},
    {"sums", {"provider", "model", "key", "team"}, 4},
    {"sums_by_tag", {"tag", "provider", "model", "key", "team"}, 5},
    {"sums_by_user", {"user", "key", "team"}, 3},
}};

/// Statements that make an empty ledger.
[[nodiscard]] std::string schema_sql();
/// Statements that make a ledger of version 1, which knew no cost by kind, one of this version.
[[nodiscard]] std::string upgrade_sql();
/// The column of a row that holds the cost of a kind (metrics::kCostKindNames).
[[nodiscard]] std::string cost_column(std::string_view kind);
/// Adds one row to a table of sums.  Parameters: grain, bucket, the dimensions, kMeasureNames,
/// kCounterNames, cost_usd, cost_pico.
[[nodiscard]] std::string upsert_sql(const Cube& cube);

}  // namespace tollgate::ledger
