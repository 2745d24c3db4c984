#include "metrics/money.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tollgate::metrics {
namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// A decimal number's digits without its point, and where the point stands.
struct Parts {
    bool is_negative = false;
    std::string_view whole;
    std::string_view fraction;
    int exponent = 0;

    [[nodiscard]] char digit(std::size_t i) const noexcept {
        return i < whole.size() ? whole[i] : fraction[i - whole.size()];
    }
    [[nodiscard]] std::size_t size() const noexcept { return whole.size() + fraction.size(); }
};

std::string_view take_digits(std::string_view& text) noexcept {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) {
        ++n;
    }
    const std::string_view digits = text.substr(0, n);
    text.remove_prefix(n);
    return digits;
}

std::optional<Parts> split(std::string_view text) noexcept {
    Parts parts;
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
        parts.is_negative = text.front() == '-';
        text.remove_prefix(1);
    }
    parts.whole = take_digits(text);
    if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        parts.fraction = take_digits(text);
    }
    if (parts.size() == 0 || parts.size() > 60) {
        return std::nullopt;
    }
    if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
        text.remove_prefix(1);
        if (!text.empty() && text.front() == '+') {
            text.remove_prefix(1);
        }
        const auto [end, ec] =
            std::from_chars(text.data(), text.data() + text.size(), parts.exponent);
        if (ec != std::errc() || parts.exponent < -60 || parts.exponent > 60) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    return text.empty() ? std::optional(parts) : std::nullopt;
}

enum class Surplus : std::uint8_t { refuse, round };

std::optional<std::int64_t> read(std::string_view text, unsigned digits, Surplus surplus) noexcept {
    const std::optional<Parts> parts = split(text);
    if (!parts) {
        return std::nullopt;
    }
    // Digits before this position belong to the result, the rest are beyond its resolution.
    const auto kept = static_cast<std::ptrdiff_t>(parts->whole.size()) + parts->exponent +
                      static_cast<std::ptrdiff_t>(digits);
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t value = 0;
    for (std::ptrdiff_t i = 0; i < kept; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const auto digit =
            static_cast<std::uint64_t>(at < parts->size() ? parts->digit(at) - '0' : 0);
        if (value > (kMost - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    bool half = false;
    bool more = false;
    for (auto i = std::max<std::ptrdiff_t>(kept, 0); i < static_cast<std::ptrdiff_t>(parts->size());
         ++i) {
        const char c = parts->digit(static_cast<std::size_t>(i));
        if (c == '0') {
            continue;
        }
        if (surplus == Surplus::refuse) {
            return std::nullopt;
        }
        if (i == kept && c >= '5') {
            half = true;
            more = more || c > '5';
        } else {
            more = true;
        }
    }
    if (half && (more || value % 2 == 1) && value < kMost) {
        ++value;
    }
    const auto result = static_cast<std::int64_t>(value);
    return parts->is_negative ? -result : result;
}

}  // namespace

std::string_view write_decimal(Int128 amount, unsigned digits, DecimalText& space) noexcept {
    const bool is_negative = amount < 0;
    UInt128 left =
        is_negative ? UInt128{0} - static_cast<UInt128>(amount) : static_cast<UInt128>(amount);
    // From the last digit to the first; in 64 bits where that is enough, since a division of 128
    // bits takes ten times as long.
    std::size_t at = space.size();
    bool is_significant = false;
    unsigned place = 0;
    const auto write = [&](unsigned digit) {
        if (place == digits && is_significant) {
            space[--at] = '.';
        }
        if (place >= digits || digit != 0 || is_significant) {
            space[--at] = static_cast<char>('0' + digit);
            is_significant = true;
        }
        ++place;
    };
    for (; left > std::numeric_limits<std::uint64_t>::max(); left /= 10) {
        write(static_cast<unsigned>(left % 10));
    }
    for (auto small = static_cast<std::uint64_t>(left); small != 0 || place <= digits;
         small /= 10) {
        write(static_cast<unsigned>(small % 10));
    }
    if (is_negative) {
        space[--at] = '-';
    }
    return {space.data() + at, space.size() - at};
}

std::string to_decimal(Int128 pico) {
    DecimalText space;
    return std::string(write_decimal(pico, kPicoDigits, space));
}

std::optional<std::int64_t> parse_decimal(std::string_view text, unsigned digits) noexcept {
    return read(text, digits, Surplus::refuse);
}

std::optional<std::int64_t> parse_rounded(std::string_view text, unsigned digits) noexcept {
    return read(text, digits, Surplus::round);
}

Int128 divide_half_even(Int128 number, Int128 divisor) noexcept {
    const bool is_negative = number < 0;
    const UInt128 magnitude =
        is_negative ? UInt128{0} - static_cast<UInt128>(number) : static_cast<UInt128>(number);
    const auto by = static_cast<UInt128>(divisor);
    UInt128 quotient = magnitude / by;
    const UInt128 rest = magnitude - quotient * by;
    const UInt128 other = by - rest;
    if (rest > other || (rest == other && quotient % 2 == 1)) {
        ++quotient;
    }
    const auto result = static_cast<Int128>(quotient);
    return is_negative ? -result : result;
}

}  // namespace tollgate::metrics
