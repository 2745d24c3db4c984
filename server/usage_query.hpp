// What a report is asked for, as the command line and the admin API write it.
#pragma once

#include "metrics/ledger/report.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace tollgate::server {

/// The texts; empty ones have their defaults (by
/// day, since the begin of the month, table).
struct UsageRequest {
    std::string_view by;
    std::string_view since;
    std::string_view until;
    std::string_view format;
};
struct UsageQuery {
    ledger::Query query;
    ledger::ReportFormat format = ledger::ReportFormat::table;
};
/// Fails with a sentence.
[[nodiscard]] std::expected<UsageQuery, std::string> read_usage(const UsageRequest& request,
                                                                std::int64_t now);

}  // namespace tollgate::server
