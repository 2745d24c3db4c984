#include "server/usage_query.hpp"

namespace tollgate::server {

std::expected<UsageQuery, std::string> read_usage(const UsageRequest& request, std::int64_t at) {
    UsageQuery asked;
    auto by = ledger::parse_dimensions(request.by.empty() ? "day" : request.by);
    if (!by) {
        return std::unexpected(std::move(by.error()));
    }
    asked.query.by = std::move(*by);
    const auto since = ledger::parse_moment(request.since.empty() ? "month" : request.since, at);
    if (!since) {
        return std::unexpected(since.error());
    }
    asked.query.since = *since;
    if (!request.until.empty()) {
        const auto until = ledger::parse_moment(request.until, at);
        if (!until) {
            return std::unexpected(until.error());
        }
        asked.query.until = *until;
    }
    if (request.format == "csv") {
        asked.format = ledger::ReportFormat::csv;
    } else if (request.format == "json") {
        asked.format = ledger::ReportFormat::json;
    } else if (request.format != "table" && !request.format.empty()) {
        return std::unexpected("the formats are table, csv and json");
    }
    return asked;
}

}  // namespace tollgate::server
