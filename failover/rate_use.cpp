#include "failover/rate_use.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tollgate::failover {
namespace {

using std::string_view;
using std::chrono::milliseconds;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::chrono::seconds kMinute{60};
constexpr std::uint64_t kCountMask = (std::uint64_t{1} << 40U) - 1;
constexpr std::uint64_t kMinuteMask = (1U << 24U) - 1;
constexpr milliseconds kLongestReset = std::chrono::hours(24);

std::optional<std::uint64_t> number_in(string_view text) noexcept {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(number)
                                                                    : std::nullopt;
}

// "6m0s", "1.5s", "20ms", "1h2m"; a bare number is seconds.
std::optional<milliseconds> span_in(string_view text) noexcept {
    double total = 0;
    while (!text.empty()) {
        double number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || number < 0) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        const std::size_t unit = std::min(text.find_first_of("0123456789"), text.size());
        const string_view name = text.substr(0, unit);
        const double scale = name == "ms"                  ? 1
                             : name == "s" || name.empty() ? 1000
                             : name == "m"                 ? 60'000
                             : name == "h"                 ? 3'600'000
                                                           : -1;
        if (scale < 0) {
            return std::nullopt;
        }
        total += number * scale;
        text.remove_prefix(unit);
    }
    if (!(total <= static_cast<double>(kLongestReset.count()))) {
        return std::nullopt;
    }
    return milliseconds(static_cast<std::int64_t>(std::ceil(total)));
}

// RFC 3339 in UTC: "2026-01-27T18:00:00Z".
std::optional<milliseconds> moment_in(string_view text, std::int64_t now_unix) noexcept {
    const auto part = [&](std::size_t at, std::size_t size) -> int {
        const auto number = text.size() >= at + size ? number_in(text.substr(at, size))
                                                     : std::optional<std::uint64_t>();
        return number ? static_cast<int>(*number) : -1;
    };
    if (text.size() < 20 || text[10] != 'T' || !text.ends_with('Z')) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(part(0, 4)),
                                           std::chrono::month(static_cast<unsigned>(part(5, 2))),
                                           std::chrono::day(static_cast<unsigned>(part(8, 2)))};
    const int hour = part(11, 2);
    const int minute = part(14, 2);
    const int second = part(17, 2);
    if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60) {
        return std::nullopt;
    }
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t when = ((days * 24 + hour) * 60 + minute) * 60 + second;
    const milliseconds left = std::chrono::seconds(std::max<std::int64_t>(when - now_unix, 0));
    return left <= kLongestReset ? std::optional(left) : std::nullopt;
}

struct Fields {
    std::optional<std::uint64_t> limit;
    std::optional<std::uint64_t> remaining;
    std::optional<milliseconds> reset;

    [[nodiscard]] std::optional<RateWindow> window() const noexcept {
        if (!limit || !remaining || *limit == 0) {
            return std::nullopt;
        }
        RateWindow out{.limit = *limit, .remaining = std::min(*remaining, *limit)};
        out.reset = reset.value_or(out.reset);
        return out;
    }
};

bool starts_like(string_view text, string_view prefix) noexcept {
    return text.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
}

void read_field(string_view name, string_view value, std::int64_t now_unix, Fields& requests,
                Fields& tokens) {
    constexpr string_view kCommon = "x-ratelimit-";
    constexpr string_view kAnthropic = "anthropic-ratelimit-";
    const bool common = starts_like(name, kCommon);
    if (!common && !starts_like(name, kAnthropic)) {
        return;
    }
    name.remove_prefix(common ? kCommon.size() : kAnthropic.size());
    // One names the part first, the other the kind.
    const std::size_t dash = name.find('-');
    if (dash == string_view::npos) {
        return;
    }
    const string_view part = common ? name.substr(0, dash) : name.substr(dash + 1);
    const string_view kind = common ? name.substr(dash + 1) : name.substr(0, dash);
    Fields* const fields = starts_like(kind, "requests") && kind.size() == 8 ? &requests
                           : starts_like(kind, "tokens") && kind.size() == 6 ? &tokens
                                                                             : nullptr;
    if (fields == nullptr) {
        return;
    }
    if (starts_like(part, "limit")) {
        fields->limit = number_in(value);
    } else if (starts_like(part, "remaining")) {
        fields->remaining = number_in(value);
    } else if (starts_like(part, "reset")) {
        fields->reset =
            value.find('T') == string_view::npos ? span_in(value) : moment_in(value, now_unix);
    }
}

}  // namespace

std::optional<milliseconds> RateReport::used_up_for() const noexcept {
    std::optional<milliseconds> longest;
    for (const std::optional<RateWindow>& window : {requests, tokens}) {
        if (window && window->remaining == 0) {
            longest = std::max(longest.value_or(milliseconds(0)), window->reset);
        }
    }
    return longest;
}

RateReport parse_rate_limits(string_view lines, std::int64_t now_unix) {
    Fields requests;
    Fields tokens;
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find("\r\n"), lines.size());
        const string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 2, lines.size()));
        const std::size_t colon = line.find(": ");
        if (colon != string_view::npos) {
            read_field(line.substr(0, colon), line.substr(colon + 2), now_unix, requests, tokens);
        }
    }
    return {.requests = requests.window(), .tokens = tokens.window()};
}

void RateUse::add(Minutes& minutes, Clock::time_point now, std::uint64_t count) noexcept {
    const auto minute = static_cast<std::uint64_t>(now.time_since_epoch() / kMinute);
    const std::uint64_t tag = minute & kMinuteMask;
    std::atomic<std::uint64_t>& slot = minutes[minute % 2];
    std::uint64_t known = slot.load(kRelaxed);
    std::uint64_t next = 0;
    do {
        const std::uint64_t before = known >> 40U == tag ? known & kCountMask : 0;
        next = (tag << 40U) | std::min(before + count, kCountMask);
    } while (!slot.compare_exchange_weak(known, next, kRelaxed));
}

// The present minute's count, and of the one before the part that is not older than a minute.
double RateUse::last_minute(const Minutes& minutes, Clock::time_point now) noexcept {
    const auto minute = static_cast<std::uint64_t>(now.time_since_epoch() / kMinute);
    const double passed =
        std::chrono::duration<double>(now.time_since_epoch() % Clock::duration(kMinute)) / kMinute;
    const auto count = [&](std::uint64_t wanted) {
        const std::uint64_t known = minutes[wanted % 2].load(kRelaxed);
        return known >> 40U == (wanted & kMinuteMask) ? static_cast<double>(known & kCountMask)
                                                      : 0.0;
    };
    return count(minute) + count(minute - 1) * (1 - passed);
}

void RateUse::report(const RateReport& report, Clock::time_point now) noexcept {
    double free = 2;
    milliseconds reset{0};
    for (const std::optional<RateWindow>& window : {report.requests, report.tokens}) {
        if (!window) {
            continue;
        }
        const double share =
            static_cast<double>(window->remaining) / static_cast<double>(window->limit);
        if (share < free) {
            free = share;
            reset = window->reset;
        }
    }
    if (free <= 1) {
        told_free_.store(static_cast<std::uint32_t>(free * 1e6), kRelaxed);
        told_until_.store((now + reset).time_since_epoch().count(), kRelaxed);
    }
}

double RateUse::headroom(Clock::time_point now, const RateLimits& limits) const noexcept {
    double free = 1;
    if (now.time_since_epoch().count() < told_until_.load(kRelaxed)) {
        free = static_cast<double>(told_free_.load(kRelaxed)) / 1e6;
    }
    const auto bounded = [&free](double used, std::uint64_t limit) {
        if (limit > 0) {
            free = std::min(free, std::max(0.0, 1 - used / static_cast<double>(limit)));
        }
    };
    bounded(last_minute(requests_, now), limits.rpm);
    bounded(last_minute(tokens_, now), limits.tpm);
    return free;
}

}  // namespace tollgate::failover
