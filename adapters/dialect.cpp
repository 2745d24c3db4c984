#include "adapters/dialect.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/vendor.hpp"

#include <charconv>
#include <cmath>

namespace tollgate::adapters {
namespace {

using std::chrono::milliseconds;

// A vendor that asks for more than a day is taken for broken: the cool-down of our own applies.
constexpr double kLongestWaitSeconds = 86'400;

std::string_view trimmed(std::string_view text) noexcept {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::optional<milliseconds> wait_of(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0 || seconds > kLongestWaitSeconds) {
        return std::nullopt;
    }
    return milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

std::optional<double> number_in(std::string_view text) noexcept {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::optional<int> digits_in(std::string_view text) noexcept {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || text.front() == '-' || error != std::errc{} ||
        end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

/// Unix seconds of "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7; the two obsolete forms are not
/// sent by vendors).
std::optional<std::int64_t> http_date(std::string_view text) {
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT") ||
        text[19] != ':' || text[22] != ':') {
        return std::nullopt;
    }
    const std::size_t month = kMonths.find(text.substr(8, 3));
    const auto day = digits_in(text.substr(5, 2));
    const auto year = digits_in(text.substr(12, 4));
    const auto hour = digits_in(text.substr(17, 2));
    const auto minute = digits_in(text.substr(20, 2));
    const auto second = digits_in(text.substr(23, 2));
    if (month == std::string_view::npos || month % 3 != 0 || !day || !year || !hour || !minute ||
        !second) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

}  // namespace

std::string_view Endpoint::upstream_model(std::string_view model) const noexcept {
    for (const auto& [name, deployment] : deployments) {
        if (name == model) {
            return deployment;
        }
    }
    return model;
}

Result<std::string> Dialect::embeddings(std::string_view, const Request&, const Target& target,
                                        Usage&) const {
    const Vendor* vendor = target.endpoint == nullptr ? nullptr : target.endpoint->vendor;
    return fail(FailureKind::bad_request,
                (vendor == nullptr ? "this vendor" : std::string(vendor->name)) +
                    " has no embeddings; choose a model of another vendor");
}

std::string Dialect::models_path(const Endpoint&) const {
    return {};
}

// {"data":[{"id"}]} (OpenAI), {"models":[{"id"|"name"}]}, or either array by itself, of objects or
// of names.
Result<std::vector<std::string>> Dialect::models(std::string_view body) const {
    const Result<json::Document> document = json::Document::parse(body);
    if (!document) {
        return fail(FailureKind::protocol_error,
                    "the list of models is not JSON: " + document.error().detail);
    }
    json::Value list = document->root();
    for (const std::string_view name : {"data", "models"}) {
        list = list.is_object() && list[name].is_array() ? list[name] : list;
    }
    if (!list.is_array()) {
        return fail(FailureKind::protocol_error, "the list of models holds no array");
    }
    std::vector<std::string> ids;
    ids.reserve(list.size());
    for (const json::Value model : list) {
        const std::string_view id = model.string(model["id"].string(model["name"].string()));
        if (!id.empty()) {
            ids.emplace_back(id);
        }
    }
    return ids;
}

FailureKind kind_of_status(unsigned status) noexcept {
    switch (status) {
        case 401:
        case 403:
            return FailureKind::upstream_auth;
        case 402:
            return FailureKind::upstream_quota;
        case 408:
        case 504:
        case 524:
            return FailureKind::upstream_timeout;  // 524: Cloudflare's time-out
        case 409:
        case 425:
            return FailureKind::upstream_unavailable;  // SDKs of the vendors retry both
        case 429:
        case 498:
            return FailureKind::upstream_limited;  // 498: Groq's flex tier is full
        case 451:
            return FailureKind::content_filtered;  // StepFun
        case 499:
            return FailureKind::upstream_unavailable;  // the vendor's own proxy gave up
        default:
            break;
    }
    if (status >= 500) {
        return FailureKind::upstream_unavailable;
    }
    return status >= 400 ? FailureKind::upstream_rejected : FailureKind::protocol_error;
}

std::optional<milliseconds> parse_retry_after(const ResponseInfo& head, std::int64_t now_unix) {
    // The order that OpenAI's and Anthropic's SDKs use.
    if (const auto number = number_in(trimmed(head.retry_after_ms))) {
        if (const auto wait = wait_of(*number / 1000)) {
            return wait;
        }
    }
    const std::string_view value = trimmed(head.retry_after);
    if (const auto number = number_in(value)) {
        return wait_of(*number);
    }
    if (const auto date = http_date(value)) {
        return wait_of(static_cast<double>(*date - now_unix));
    }
    return std::nullopt;
}

std::string encode_segment(std::string_view segment) {
    constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(segment.size());
    for (const char c : segment) {
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            out.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back(kHex[byte >> 4]);
            out.push_back(kHex[byte & 0xF]);
        }
    }
    return out;
}

}  // namespace tollgate::adapters
