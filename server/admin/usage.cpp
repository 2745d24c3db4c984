// GET /admin/v1/usage?by=provider,day&since=7d&until=today&format=json
#include "server/admin/admin.hpp"
#include "server/usage_query.hpp"

#include <chrono>

namespace tollgate::server::admin {

Result<Answer> show_usage(const Request& request, const Services& services) {
    const std::string by = request.parameter("by").value_or("");
    const std::string since = request.parameter("since").value_or("");
    const std::string until = request.parameter("until").value_or("");
    const std::string format = request.parameter("format").value_or("json");
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    const auto asked =
        read_usage({.by = by, .since = since, .until = until, .format = format}, now);
    if (!asked) {
        return fail(FailureKind::bad_request, asked.error() + ".");
    }
    const router::SnapshotPtr snapshot = services.snapshot();
    const config::Settings& settings = snapshot->settings();
    if (!settings.ledger.enabled) {
        return fail(FailureKind::not_found, "There is no ledger here (ledger.enabled).");
    }
    const auto report = ledger::report(config::ledger_path(settings), asked->query);
    if (!report) {
        return fail(FailureKind::overloaded,
                    "The ledger cannot be read: " + report.error().text + ".");
    }
    Answer answer;
    answer.body = ledger::render(*report, asked->format);
    if (asked->format != ledger::ReportFormat::json) {
        answer.content_type = asked->format == ledger::ReportFormat::csv
                                  ? "text/csv; charset=utf-8; header=present"
                                  : "text/plain; charset=utf-8";
    }
    return answer;
}

}  // namespace tollgate::server::admin
