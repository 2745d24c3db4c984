// failover, cost, metrics, logging.
#include "config/readers.hpp"

#include <array>
#include <cstdint>

namespace tollgate::config {
namespace {

using std::string_view;

constexpr std::array<std::pair<string_view, OnContent>, 2> kOnContent{
    {{"stop", OnContent::stop}, {"next", OnContent::next}}};
constexpr std::array<std::pair<string_view, Unpriced>, 2> kUnpriced{
    {{"warn", Unpriced::warn}, {"reject", Unpriced::reject}}};
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

void read_price(Section& in, ModelPrice& out) {
    in.read("input", out.input, scalar::usd);
    in.read("output", out.output, scalar::usd);
    in.read("cache_read", out.cache_read, scalar::usd);
    in.read("cache_write", out.cache_write, scalar::usd);
    in.read("cache_write_1h", out.cache_write_1h, scalar::usd);
    in.read("reasoning", out.reasoning, scalar::usd);
    in.read("input_audio", out.input_audio, scalar::usd);
    in.read("output_audio", out.output_audio, scalar::usd);
    in.read("request", out.request, scalar::usd);
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

void read_cost(Section& in, CostSettings& out) {
    in.read("currency", out.currency, [](string_view text) -> scalar::Parsed<std::string> {
        return text == "USD" ? scalar::Parsed<std::string>("USD") : std::unexpected("expected USD");
    });
    in.named("prices", "<model>", [&](const Section::Named& entry) {
        ModelPrice price{.model = entry.name};
        if (entry.node != nullptr && entry.node->kind != yaml::Kind::map) {
            in.context().problem(entry.node->at, entry.path,
                                 "expected a mapping such as {input: 0.1, output: 0.3}");
            return;
        }
        Section section(in.context(), entry.node, entry.path);
        read_price(section, price);
        section.finish();
        if (entry.node != nullptr) {
            out.prices.push_back(std::move(price));
        }
    });
    in.choice("unpriced", out.unpriced, kUnpriced);
    in.section("reserve", [&](Section& reserve) {
        reserve.count("output", out.reserve.output, 1, 100'000'000);
        reserve.count("most", out.reserve.most, 0, 100'000'000);
    });
}

void read_metrics(Section& in, MetricsSettings& out) {
    in.read("listen", out.listen, scalar::listen);
    in.list("buckets", out.buckets, scalar::bucket);
}

void read_logging(Section& in, LoggingSettings& out) {
    in.choice("level", out.level, kLevels);
    in.choice("format", out.format, kFormats);
    in.flag("access", out.access);
    in.flag("content", out.content);
}

}  // namespace tollgate::config
