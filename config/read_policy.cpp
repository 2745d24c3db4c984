// failover, metrics, logging.
#include "config/readers.hpp"

#include <array>
#include <cstdint>

namespace tollgate::config {
namespace {

using std::string_view;

constexpr std::array<std::pair<string_view, OnContent>, 2> kOnContent{
    {{"stop", OnContent::stop}, {"next", OnContent::next}}};
constexpr std::array<std::pair<string_view, MetricsCompat>, 2> kCompat{
    {{"none", MetricsCompat::none}, {"litellm", MetricsCompat::litellm}}};
constexpr std::array<std::pair<string_view, LogLevel>, 6> kLevels{{{"trace", LogLevel::trace},
                                                                   {"debug", LogLevel::debug},
                                                                   {"info", LogLevel::info},
                                                                   {"warn", LogLevel::warn},
                                                                   {"error", LogLevel::error},
                                                                   {"off", LogLevel::off}}};
constexpr std::array<std::pair<string_view, LogFormat>, 2> kFormats{
    {{"json", LogFormat::json}, {"text", LogFormat::text}}};

scalar::Parsed<double> share(string_view text) {
    return scalar::share(text);
}

/// "off", "p95" or a duration.
scalar::Parsed<Hedge> hedge_after(string_view text, Hedge hedge) {
    if (text == "off") {
        hedge.enabled = false;
        return hedge;
    }
    hedge.enabled = true;
    if (text.starts_with('p')) {
        if (const auto percentile = scalar::integer(text.substr(1), 1, 99)) {
            hedge.percentile = static_cast<unsigned>(*percentile);
            return hedge;
        }
    } else if (const auto delay = scalar::duration(text, kShortest, kLongest)) {
        hedge.percentile = 0;
        hedge.delay = *delay;
        return hedge;
    }
    return std::unexpected(
        "expected off, a percentile from p1 to p99 such as p95, or a duration such as 2s");
}

}  // namespace

void read_failover(Section& in, FailoverSettings& out) {
    in.count("retries", out.retries, 0, 20);
    in.section("backoff", [&](Section& backoff) {
        backoff.duration("base", out.backoff.base, milliseconds(0), kLongest);
        backoff.duration("max", out.backoff.max, milliseconds(0), kLongest);
    });
    in.read("retry_budget", out.retry_budget, share);
    in.section("breaker", [&](Section& breaker) {
        breaker.count("errors", out.breaker.errors, 0, 1'000'000);
        breaker.duration("window", out.breaker.window, kShortest, kLongest);
        breaker.duration("open", out.breaker.open, kShortest, kLongest);
        breaker.read("share", out.breaker.share, share);
        breaker.duration("slow_start", out.breaker.slow_start, milliseconds(0), kLongest);
    });
    in.section("cool_down", [&](Section& cool_down) {
        cool_down.duration("limited", out.cool_down.limited, milliseconds(0), kLongest);
        cool_down.duration("longest", out.cool_down.longest, milliseconds(0), kLongest);
        cool_down.duration("quarantine", out.cool_down.quarantine, milliseconds(0), kLongest);
    });
    in.section("checks", [&](Section& checks) {
        checks.duration("every", out.checks.every, milliseconds(0), kLongest);
    });
    in.choice("content_filtered", out.content_filtered, kOnContent);
    in.list("context_fallbacks", out.context_fallbacks, scalar::text);
    in.list("content_fallbacks", out.content_fallbacks, scalar::text);
    in.section("hedge", [&](Section& hedge) {
        hedge.read("after", out.hedge,
                   [&](string_view text) { return hedge_after(text, out.hedge); });
        hedge.read("budget", out.hedge.budget, share);
    });
}

void read_metrics(Section& in, MetricsSettings& out) {
    in.read("listen", out.listen, scalar::listen);
    in.list("buckets", out.buckets, scalar::bucket);
    in.choice("compat", out.compat, kCompat);
}

void read_logging(Section& in, LoggingSettings& out) {
    in.choice("level", out.level, kLevels);
    in.choice("format", out.format, kFormats);
    in.flag("access", out.access);
    in.flag("content", out.content);
}

}  // namespace tollgate::config
