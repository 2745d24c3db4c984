#include "metrics/registry.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace tollgate::metrics {
namespace {

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view kBlank = " \t";
    const auto start = std::min(text.find_first_not_of(kBlank), text.size());
    return text.substr(start, text.find_last_not_of(kBlank) + 1 - start);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

/// Cuts the part before `separator` off the front of `rest`.
std::string_view next_part(std::string_view& rest, char separator) noexcept {
    const auto end = std::min(rest.find(separator), rest.size());
    const std::string_view part = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

/// RFC 9110 section 12.4.2: 0 to 1 with three decimals, here in thousandths; malformed counts as
/// refused.
unsigned quality(std::string_view text) noexcept {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1)) {
        return 0;
    }
    return static_cast<unsigned>(value * 1000 + 0.5);
}

struct MediaRange {
    std::string_view type;
    std::string_view version;
    unsigned quality = 1000;
};

MediaRange parse_range(std::string_view text) noexcept {
    MediaRange range{.type = next_part(text, ';'), .version = {}};
    while (!text.empty()) {
        std::string_view value = next_part(text, ';');
        const std::string_view name = next_part(value, '=');
        value = trim(value);
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        if (equals_ignoring_case(name, "q")) {
            range.quality = quality(value);
        } else if (equals_ignoring_case(name, "version")) {
            range.version = value;
        }
    }
    return range;
}

}  // namespace

Format negotiate(std::string_view accept) noexcept {
    unsigned openmetrics = 0;
    unsigned text = 0;
    while (!accept.empty()) {
        const MediaRange range = parse_range(next_part(accept, ','));
        if (equals_ignoring_case(range.type, "application/openmetrics-text")) {
            // Version 0.0.1 was a draft; what is written here is 1.0.0.
            if (range.version.empty() || range.version.starts_with("1.")) {
                openmetrics = std::max(openmetrics, range.quality);
            }
        } else if (equals_ignoring_case(range.type, "text/plain")) {
            text = std::max(text, range.quality);
        }
    }
    return openmetrics > 0 && openmetrics >= text ? Format::openmetrics : Format::text;
}

std::string_view content_type(Format format) noexcept {
    return format == Format::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace tollgate::metrics
