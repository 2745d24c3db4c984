// Google's error envelope: {"error":{"code","message","status","details":[…]}}, bare or as the only
// element of an array. https://cloud.google.com/apis/design/errors,
// https://ai.google.dev/gemini-api/docs/troubleshooting
#include "adapters/dialect/gemini.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace tollgate::adapters::gemini {
namespace {

using json::Value;
using std::chrono::milliseconds;

constexpr std::size_t kMessageLimit = 1000;
// A daily quota comes back at midnight Pacific time; the retryDelay beside it speaks of the next
// minute.  Asking once an hour finds the new day without hammering.
constexpr milliseconds kDailyQuotaDelay = std::chrono::hours(1);

/// A google.protobuf.Duration: "37s", "0.5s".
std::optional<milliseconds> duration(std::string_view text) noexcept {
    if (!text.ends_with('s')) {
        return std::nullopt;
    }
    text.remove_suffix(1);
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    constexpr double kLongest = 24 * 3600;
    if (error != std::errc{} || end != text.data() + text.size() || !(seconds >= 0) ||
        seconds > kLongest) {
        return std::nullopt;
    }
    return milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

/// What the details say beyond status and message.
struct Details {
    std::string_view reason;                  ///< google.rpc.ErrorInfo
    std::optional<milliseconds> retry_delay;  ///< google.rpc.RetryInfo
    bool daily_quota = false;                 ///< google.rpc.QuotaFailure of a quota per day
};

Details read_details(Value list) {
    Details details;
    for (const Value one : list) {
        const std::string_view type = one["@type"].string();
        if (type.ends_with("google.rpc.ErrorInfo")) {
            details.reason = one["reason"].string();
        } else if (type.ends_with("google.rpc.RetryInfo")) {
            details.retry_delay = duration(one["retryDelay"].string());
        } else if (type.ends_with("google.rpc.QuotaFailure")) {
            for (const Value violation : one["violations"]) {
                details.daily_quota =
                    details.daily_quota ||
                    violation["quotaId"].string().find("PerDay") != std::string_view::npos;
            }
        }
    }
    return details;
}

unsigned status_code(std::string_view status) noexcept {
    struct Row {
        std::string_view status;
        unsigned code;
    };
    // google.rpc.Code, for envelopes without a usable `code`.
    constexpr std::array kRows{Row{"INVALID_ARGUMENT", 400},
                               Row{"FAILED_PRECONDITION", 400},
                               Row{"OUT_OF_RANGE", 400},
                               Row{"UNAUTHENTICATED", 401},
                               Row{"PERMISSION_DENIED", 403},
                               Row{"NOT_FOUND", 404},
                               Row{"ABORTED", 409},
                               Row{"ALREADY_EXISTS", 409},
                               Row{"RESOURCE_EXHAUSTED", 429},
                               Row{"CANCELLED", 499},
                               Row{"INTERNAL", 500},
                               Row{"UNKNOWN", 500},
                               Row{"DATA_LOSS", 500},
                               Row{"UNIMPLEMENTED", 501},
                               Row{"UNAVAILABLE", 503},
                               Row{"DEADLINE_EXCEEDED", 504}};
    const auto* row = std::ranges::find(kRows, status, &Row::status);
    return row == kRows.end() ? 0 : row->code;
}

/// The kind where status and code alone would mislead.
std::optional<FailureKind> refine(std::string_view status, std::string_view message,
                                  const Details& details) {
    // A bad key is answered with 400 INVALID_ARGUMENT; the reason tells.
    if (details.reason.starts_with("API_KEY_") || details.reason.starts_with("ACCESS_TOKEN_") ||
        details.reason == "SERVICE_DISABLED" || details.reason == "CONSUMER_INVALID" ||
        details.reason == "CONSUMER_SUSPENDED" || message.starts_with("API key not valid") ||
        message.starts_with("API key expired") ||
        message.starts_with("User location is not supported")) {
        return FailureKind::upstream_auth;
    }
    if (details.reason == "BILLING_DISABLED") {
        return FailureKind::upstream_quota;
    }
    if (status == "INVALID_ARGUMENT" &&
        (message.find("exceeds the maximum number of tokens") != std::string_view::npos ||
         message.find("input token count") != std::string_view::npos)) {
        return FailureKind::context_exceeded;
    }
    if (status == "CANCELLED" ||
        status == "ABORTED") {  // of their side: nothing here cancels and still reads
        return FailureKind::upstream_unavailable;
    }
    return std::nullopt;
}

}  // namespace

Failure classify(const ResponseInfo& head, std::string_view body) {
    const Result<json::Document> document = json::Document::parse(body);
    const Value root = document ? document->root() : Value{};
    const Value error = (root.is_array() ? root[0] : root)["error"];
    const std::string_view status = error["status"].string();
    if (!error.is_object() || (status.empty() && !error["code"].is_number())) {
        return classify_common(head, body);  // MaaS models and proxies answer in other shapes
    }
    std::uint64_t code = error["code"].count();
    if (code < 400 || code > 599) {
        code = status_code(status);
    }
    if (code == 0) {
        code = head.status >= 400 ? head.status : 500;
    }
    const std::string_view message = error["message"].string();
    const Details details = read_details(error["details"]);
    Failure failure{
        .kind =
            refine(status, message, details).value_or(kind_of_status(static_cast<unsigned>(code))),
        .detail = std::string(message.substr(0, kMessageLimit)),
        .upstream_status = static_cast<std::uint16_t>(code)};
    if (failure.detail.empty()) {
        failure.detail = "no message";
    }
    if (!status.empty()) {
        failure.detail += " (" + std::string(status.substr(0, 60)) + ")";
    }
    if (code == 404) {
        failure.code = "model_not_found";
    }
    failure.retry_after =
        details.daily_quota ? std::optional(kDailyQuotaDelay) : details.retry_delay;
    if (!failure.retry_after) {
        failure.retry_after =
            parse_retry_after(head, 0);  // Google has been seen to send seconds, never a date
    }
    return failure;
}

}  // namespace tollgate::adapters::gemini
