#include "config/scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace tollgate::config::scalar {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Powers of 1000 and of 1024 as SI and IEC define them; "K", "M" and "G" alone are refused as
// ambiguous.
constexpr std::array<Unit, 8> kSizes{{{"", 1},
                                      {"B", 1},
                                      {"KB", 1000},
                                      {"MB", 1000'000},
                                      {"GB", 1000'000'000},
                                      {"KiB", kKiB},
                                      {"MiB", kMiB},
                                      {"GiB", 1024 * kMiB}}};
constexpr std::array<Unit, 5> kDurations{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

/// digits[.digits] followed by whatever remains.
struct Decimal {
    std::string_view whole;
    std::string_view fraction;
    std::string_view rest;
};

std::optional<Decimal> split_decimal(std::string_view text) noexcept {
    std::size_t i = 0;
    while (i < text.size() && is_digit(text[i])) {
        ++i;
    }
    Decimal out{.whole = text.substr(0, i), .fraction = {}, .rest = text.substr(i)};
    if (out.whole.empty()) {
        return std::nullopt;
    }
    if (out.rest.starts_with('.')) {
        std::size_t end = 1;
        while (end < out.rest.size() && is_digit(out.rest[end])) {
            ++end;
        }
        out.fraction = out.rest.substr(1, end - 1);
        if (out.fraction.empty()) {
            return std::nullopt;
        }
        out.rest = out.rest.substr(end);
    }
    return out;
}

/// (whole.fraction) × factor as an exact integer; nothing when it is not one or does not fit.
std::optional<std::uint64_t> scaled(const Decimal& decimal, std::uint64_t factor) noexcept {
    std::uint64_t value = 0;
    for (const char c : decimal.whole) {
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (kMax - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    if (value != 0 && factor > kMax / value) {
        return std::nullopt;
    }
    value *= factor;
    std::string_view fraction = decimal.fraction;
    while (fraction.ends_with('0')) {
        fraction.remove_suffix(1);
    }
    // factor/10, factor/100, …: exact as long as the remaining factor divides by ten or the part is
    // whole.
    std::uint64_t numerator = 0;
    std::uint64_t denominator = 1;
    if (fraction.size() > 9) {
        return std::nullopt;
    }
    for (const char c : fraction) {
        numerator = numerator * 10 + static_cast<std::uint64_t>(c - '0');
        denominator *= 10;
    }
    if (numerator != 0 && factor > kMax / numerator) {
        return std::nullopt;
    }
    const std::uint64_t part = numerator * factor;
    if (part % denominator != 0 || value > kMax - part / denominator) {
        return std::nullopt;
    }
    return value + part / denominator;
}

std::string duration_text(milliseconds value) {
    const auto count = static_cast<std::uint64_t>(value.count());
    for (std::size_t i = kDurations.size(); i-- > 0;) {
        if (count % kDurations[i].factor == 0 && count != 0) {
            return std::to_string(count / kDurations[i].factor) + std::string(kDurations[i].name);
        }
    }
    return "0";
}

std::string size_text(std::uint64_t bytes) {
    for (std::size_t i = kSizes.size(); i-- > 5;) {
        if (bytes != 0 && bytes % kSizes[i].factor == 0) {
            return std::to_string(bytes / kSizes[i].factor) + std::string(kSizes[i].name);
        }
    }
    return std::to_string(bytes);
}

}  // namespace

Parsed<bool> boolean(std::string_view text) {
    if (text == "true" || text == "false") {
        return text == "true";
    }
    return std::unexpected("expected true or false");
}

Parsed<std::uint64_t> integer(std::string_view text, std::uint64_t low, std::uint64_t high) {
    std::string digits;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool between =
            i > 0 && i + 1 < text.size() && is_digit(text[i - 1]) && is_digit(text[i + 1]);
        if (text[i] != '_' || !between) {
            digits += text[i];
        }
    }
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error == std::errc() && stop == end && !digits.empty() && value >= low && value <= high) {
        return value;
    }
    const std::string example = std::to_string(low);
    if (high == kMax) {
        return std::unexpected("expected a whole number of at least " + example);
    }
    return std::unexpected("expected a whole number from " + example + " to " +
                           std::to_string(high));
}

Parsed<milliseconds> duration(std::string_view text, milliseconds low, milliseconds high) {
    const std::string expected = "expected a duration such as 500ms, 10s, 5m, 1h or 1d";
    const std::optional<Decimal> decimal = split_decimal(text);
    if (!decimal) {
        return std::unexpected(expected);
    }
    std::optional<std::uint64_t> value;
    if (decimal->rest.empty()) {
        if (decimal->whole.find_first_not_of('0') != std::string_view::npos ||
            !decimal->fraction.empty()) {
            return std::unexpected(expected + ": the unit is missing");
        }
        value = 0;
    } else {
        const auto* unit = std::ranges::find(kDurations, decimal->rest, &Unit::name);
        if (unit == kDurations.end()) {
            return std::unexpected(expected);
        }
        value = scaled(*decimal, unit->factor);
    }
    if (!value || *value < static_cast<std::uint64_t>(low.count()) ||
        *value > static_cast<std::uint64_t>(high.count())) {
        return std::unexpected("expected a duration from " + duration_text(low) + " to " +
                               duration_text(high) + ", in whole milliseconds");
    }
    return milliseconds(static_cast<std::int64_t>(*value));
}

Parsed<std::uint64_t> size(std::string_view text, std::uint64_t low, std::uint64_t high) {
    const std::optional<Decimal> decimal = split_decimal(text);
    const Unit* unit = nullptr;
    if (decimal) {
        const auto* found = std::ranges::find(kSizes, decimal->rest, &Unit::name);
        unit = found == kSizes.end() ? nullptr : found;
    }
    if (unit == nullptr) {
        return std::unexpected("expected a size such as 64KiB, 10MB or a plain number of bytes");
    }
    const std::optional<std::uint64_t> value = scaled(*decimal, unit->factor);
    if (!value || *value < low || *value > high) {
        return std::unexpected("expected a size from " + size_text(low) + " to " + size_text(high) +
                               ", in whole bytes");
    }
    return *value;
}

Parsed<double> share(std::string_view text, double high) {
    const std::string expected = "expected a percentage such as 20% (or a fraction such as 0.2)";
    const std::optional<Decimal> decimal = split_decimal(text);
    if (!decimal || (!decimal->rest.empty() && decimal->rest != "%")) {
        return std::unexpected(expected);
    }
    constexpr std::uint64_t kParts = 1'000'000;
    const std::optional<std::uint64_t> parts = scaled(*decimal, kParts);
    if (!parts) {
        return std::unexpected(expected + " with at most six decimals");
    }
    const double value = static_cast<double>(*parts) / static_cast<double>(kParts);
    const double fraction = decimal->rest == "%" ? value / 100 : value;
    if (fraction > high) {
        const auto percent = static_cast<std::uint64_t>(high * 100);
        return std::unexpected(expected + " from 0% to " + std::to_string(percent) + '%');
    }
    return fraction;
}

Parsed<std::chrono::sys_seconds> timestamp(std::string_view text) {
    namespace chrono = std::chrono;
    const std::unexpected wrong(
        std::string("expected a date such as 2027-01-31 or 2027-01-31T18:00:00Z (UTC)"));
    constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
    constexpr std::size_t kDate = 10;
    if (text.size() != kDate && text.size() != kForm.size()) {
        return wrong;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (kForm[i] == '0' ? !is_digit(text[i]) : text[i] != kForm[i]) {
            return wrong;
        }
    }
    const auto number = [&](std::size_t at, std::size_t digits) {
        unsigned value = 0;
        for (const char c : text.substr(at, digits)) {
            value = value * 10 + static_cast<unsigned>(c - '0');
        }
        return value;
    };
    const chrono::year_month_day date{chrono::year(static_cast<int>(number(0, 4))),
                                      chrono::month(number(5, 2)), chrono::day(number(8, 2))};
    if (!date.ok()) {
        return wrong;
    }
    chrono::sys_seconds when = chrono::sys_days(date);
    if (text.size() > kDate) {
        const unsigned hour = number(11, 2);
        const unsigned minute = number(14, 2);
        const unsigned second = number(17, 2);
        if (hour > 23 || minute > 59 || second > 59) {
            return wrong;
        }
        when += chrono::hours(hour) + chrono::minutes(minute) + chrono::seconds(second);
    }
    return when;
}

Parsed<Usd> usd(std::string_view text) {
    const std::optional<Decimal> decimal = split_decimal(text);
    if (decimal && decimal->rest.empty()) {
        const std::optional<std::uint64_t> micros = scaled(*decimal, 1'000'000);
        // Bounded so that later sums in pico-dollars stay far from the end of 128 bits.
        constexpr std::uint64_t kHighest = 1'000'000'000ULL * 1'000'000ULL;
        if (micros && *micros <= kHighest) {
            return Usd{.micros = static_cast<std::int64_t>(*micros)};
        }
    }
    return std::unexpected(
        "expected an amount of USD such as 0.15, at most six decimals, up to 1000000000");
}

Parsed<double> bucket(std::string_view text) {
    const std::optional<Decimal> decimal = split_decimal(text);
    const std::array<Unit, 4> units{{{"", 1'000'000}, {"s", 1'000'000}, {"ms", 1000}, {"us", 1}}};
    if (decimal) {
        const auto* unit = std::ranges::find(units, decimal->rest, &Unit::name);
        if (unit != units.end()) {
            const std::optional<std::uint64_t> micros = scaled(*decimal, unit->factor);
            if (micros && *micros > 0 && *micros <= 86'400ULL * 1'000'000) {
                return static_cast<double>(*micros) / 1e6;
            }
        }
    }
    return std::unexpected(
        "expected seconds such as 0.25, or a duration such as 250ms, above 0 and up to a day");
}

}  // namespace tollgate::config::scalar
