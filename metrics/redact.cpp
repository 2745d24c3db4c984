#include "metrics/log.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace tollgate::metrics {
namespace {

constexpr std::string_view kHidden = "***";

/// Query parameters whose values are no secrets and help in finding a wrong URL.
bool is_harmless(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 3> kHarmless{"alt", "api-version", "version"};
    return std::ranges::find(kHarmless, name) != kHarmless.end();
}

/// host, host:port or [v6]:port; anything else may be a piece of a password with an unescaped
/// slash.
bool is_plain_authority(std::string_view text) noexcept {
    const auto bracket = text.rfind(']');
    const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    return colon == std::string_view::npos ||
           std::ranges::all_of(text.substr(colon + 1), [](char c) {
               return std::isdigit(static_cast<unsigned char>(c)) != 0;
           });
}

void append_query(std::string& out, std::string_view query) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        const auto equals = pair.find('=');
        const std::string_view name = pair.substr(0, equals);
        if (equals == std::string_view::npos) {
            out += pair.empty() ? "" : kHidden;  // a bare word may be the secret itself
        } else {
            (out += name) += '=';
            out += is_harmless(name) ? pair.substr(equals + 1) : kHidden;
        }
        if (end < query.size()) {
            out += '&';
        }
        query.remove_prefix(std::min(end + 1, query.size()));
    }
}

}  // namespace

std::string redact_url(std::string_view url) {
    std::string out;
    const auto scheme_end = url.find("://");
    if (scheme_end != std::string_view::npos) {
        out += url.substr(0, scheme_end + 3);
        url.remove_prefix(scheme_end + 3);
    }
    if (!url.starts_with('/')) {
        std::string_view authority = url.substr(0, url.find_first_of("/?#"));
        std::size_t at = authority.rfind('@');
        if (at == std::string_view::npos && !is_plain_authority(authority)) {
            at = url.rfind('@');
        }
        if (at != std::string_view::npos) {
            url.remove_prefix(at + 1);
        }
    }
    const auto mark = std::min(url.find_first_of("?#"), url.size());
    out += url.substr(0, mark);
    if (mark < url.size() && url[mark] == '?') {
        std::string_view query = url.substr(mark + 1);
        query = query.substr(0, query.find('#'));
        out += '?';
        append_query(out, query);
    }
    return out;
}

}  // namespace tollgate::metrics
