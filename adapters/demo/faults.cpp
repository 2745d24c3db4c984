#include "adapters/demo/faults.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/demo/model.hpp"
#include "adapters/demo/text.hpp"

#include <array>
#include <charconv>

namespace tollgate::demo {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 12> kNames{
    "none",  "rate_limit", "server_error", "auth", "filtered",     "stall",
    "reset", "empty",      "malformed",    "cut",  "stream_error", "slow"};

constexpr milliseconds kLongest = std::chrono::minutes(10);
constexpr std::uint64_t kMostEvents = 100'000;
constexpr std::uint64_t kMostFailures = 1000;

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::unexpected<Failure> refuse(std::string_view part, std::string_view why) {
    return fail_param(
        kHeader, std::string(kHeader) + ": '" + clip(part, 80) + "': " + std::string(why) + ".");
}

std::optional<std::uint64_t> read_number(std::string_view text, std::uint64_t most) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number > most) {
        return std::nullopt;
    }
    return number;
}

std::optional<milliseconds> read_time(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, milliseconds>, 3> kUnits{
        {{"ms", milliseconds(1)}, {"s", std::chrono::seconds(1)}, {"m", std::chrono::minutes(1)}}};
    for (const auto& [suffix, unit] : kUnits) {
        if (!text.ends_with(suffix)) {
            continue;
        }
        const std::string_view digits = text.substr(0, text.size() - suffix.size());
        const auto number = read_number(digits, static_cast<std::uint64_t>(kLongest / unit));
        return number ? std::optional(unit * static_cast<std::int64_t>(*number)) : std::nullopt;
    }
    return std::nullopt;
}

Result<void> set_time(milliseconds& field, std::string_view part, std::string_view value) {
    const auto time = read_time(value);
    if (!time) {
        return refuse(part, "a time from 0ms to 10m is wanted, such as 200ms or 2s");
    }
    field = *time;
    return {};
}

template <class Number>
Result<void> set_number(Number& field, std::string_view part, std::string_view value,
                        std::uint64_t least, std::uint64_t most) {
    const auto number = read_number(value, most);
    if (!number || *number < least) {
        return refuse(part, "a whole number from " + std::to_string(least) + " to " +
                                std::to_string(most) + " is wanted");
    }
    field = static_cast<Number>(*number);
    return {};
}

Result<void> apply(DemoPlan& plan, std::string_view part) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
        return refuse(part, "key=value is wanted");
    }
    const std::string_view key = trim(part.substr(0, equals));
    const std::string_view value = trim(part.substr(equals + 1));
    if (key == "fault") {
        const auto fault = fault_named(value);
        if (!fault) {
            std::string known;
            for (const std::string_view name : kNames) {
                known.append(known.empty() ? "" : ", ").append(name);
            }
            return refuse(part, "the faults are " + known);
        }
        plan.fault = *fault;
        return {};
    }
    if (key == "latency") {
        return set_time(plan.latency, part, value);
    }
    if (key == "slow") {
        return set_time(plan.slow, part, value);
    }
    if (key == "chunk_delay") {
        return set_time(plan.chunk_delay, part, value);
    }
    if (key == "retry_after") {
        return set_time(plan.retry_after, part, value);
    }
    if (key == "status") {
        return set_number(plan.status, part, value, 500, 599);
    }
    if (key == "cut_after") {
        return set_number(plan.after, part, value, 0, kMostEvents);
    }
    if (key == "chunks") {
        return set_number(plan.chunks, part, value, 0, kMostChunks);
    }
    if (key == "fail") {
        return set_number(plan.fail, part, value, 0, kMostFailures);
    }
    return refuse(part,
                  "the keys are fault, latency, slow, chunk_delay, retry_after, status, cut_after, "
                  "chunks and fail");
}

std::string error_body(std::string_view message, std::string_view type, std::string_view code) {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().key("error").begin_object().member("message", message);
    writer.member("type", type).key("param").null().member("code", code).end_object().end_object();
    return body;
}

}  // namespace

std::string_view to_string(Fault fault) noexcept {
    return kNames[static_cast<std::size_t>(fault)];
}

std::optional<Fault> fault_named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (kNames[i] == name) {
            return static_cast<Fault>(i);
        }
    }
    return std::nullopt;
}

Result<DemoPlan> parse_plan(std::string_view header, const DemoPlan& defaults) {
    DemoPlan plan = defaults;
    while (!header.empty()) {
        const std::size_t end = std::min(header.find(';'), header.size());
        const std::string_view part = trim(header.substr(0, end));
        header.remove_prefix(std::min(end + 1, header.size()));
        if (part.empty()) {
            continue;
        }
        if (auto applied = apply(plan, part); !applied) {
            return std::unexpected(std::move(applied.error()));
        }
    }
    return plan;
}

double draw(std::uint64_t seed, std::uint64_t call) noexcept {
    // mix() adds the step of SplitMix64 once more (Steele, Lea and Flood, "Fast splittable
    // pseudorandom number generators", 2014).
    const std::uint64_t mixed = mix(seed * 0xd1342543de82ef95U + call * 0x9e3779b97f4a7c15U);
    return static_cast<double>(mixed >> 11U) * 0x1p-53;
}

std::optional<FaultAnswer> fault_answer(Fault fault, const DemoPlan& plan) {
    switch (fault) {
        case Fault::rate_limit: {
            const auto seconds = std::chrono::ceil<std::chrono::seconds>(plan.retry_after).count();
            return FaultAnswer{.status = 429,
                               .body = error_body("Rate limit reached for the demo model.",
                                                  "rate_limit_error", "rate_limit_exceeded"),
                               .retry_after = std::to_string(seconds)};
        }
        case Fault::server_error:
            return FaultAnswer{.status = plan.status,
                               .body = error_body("The demo model had an error.", "server_error",
                                                  "internal_error")};
        case Fault::auth:
            return FaultAnswer{.status = 401,
                               .body = error_body("The demo model refuses this key.",
                                                  "authentication_error", "invalid_api_key")};
        case Fault::filtered:
            return FaultAnswer{
                .status = 400,
                .body = error_body("The demo model's content policy refused the prompt.",
                                   "invalid_request_error", "content_filter")};
        case Fault::empty:
            return FaultAnswer{};
        case Fault::malformed:
            return FaultAnswer{.body = "<html>this is {not JSON"};
        case Fault::none:
        case Fault::stall:
        case Fault::reset:
        case Fault::cut:
        case Fault::stream_error:
        case Fault::slow:
            break;
    }
    return std::nullopt;
}

std::string stream_error_body() {
    return error_body("The demo model failed while answering.", "server_error", "internal_error");
}

std::string stream_error_event() {
    return "data: " + stream_error_body() + "\n\n";
}

}  // namespace tollgate::demo
