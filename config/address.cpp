// The scalars that are names, addresses and URLs.
#include "config/scalar.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <optional>

namespace tollgate::config::scalar {
namespace {

constexpr bool is_alnum(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool has_control(std::string_view text) noexcept {
    return std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

std::optional<std::uint16_t> port_of(std::string_view text, std::uint64_t low) {
    const Parsed<std::uint64_t> port = text.find('_') == std::string_view::npos
                                           ? integer(text, low, 65535)
                                           : Parsed<std::uint64_t>(std::unexpected(std::string()));
    return port ? std::optional(static_cast<std::uint16_t>(*port)) : std::nullopt;
}

bool is_ip(const std::string& host, int family) noexcept {
    std::array<unsigned char, 16> buffer{};
    return inet_pton(family, host.c_str(), buffer.data()) == 1;
}

bool is_host(std::string_view host) noexcept {
    if (host.starts_with('[') && host.ends_with(']')) {
        return is_ip(std::string(host.substr(1, host.size() - 2)), AF_INET6);
    }
    return !host.empty() && host.size() <= 253 && is_alnum(host.front()) &&
           std::ranges::all_of(
               host, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

/// host[:port], the port from 1 to 65535.
bool is_authority(std::string_view text) {
    const std::size_t bracket = text.rfind(']');
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
        return is_host(text);
    }
    return is_host(text.substr(0, colon)) && port_of(text.substr(colon + 1), 1);
}

/// Printable ASCII without blanks, as URLs are.
bool is_url_text(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

Parsed<ListenAddress> listen(std::string_view text) {
    ListenAddress out;
    if (text.starts_with("unix:")) {
        out.unix_path = std::string(text.substr(5));
        // sun_path holds 108 bytes with the final NUL (unix(7)).
        if (out.unix_path.starts_with('/') && out.unix_path.size() < 108 && !has_control(text)) {
            return out;
        }
        return std::unexpected("expected unix: and an absolute path of at most 107 bytes");
    }
    if (text.starts_with("http://")) {
        out.plain = true;
        text.remove_prefix(7);
    }
    const std::size_t colon = text.rfind(':');
    const std::string expected =
        "expected an IP address and port such as 127.0.0.1:4000, [::1]:4000 or *:4000, or "
        "unix:/path";
    if (colon == std::string_view::npos) {
        return std::unexpected(expected);
    }
    std::string host(text.substr(0, colon));
    const std::optional<std::uint16_t> port = port_of(text.substr(colon + 1), 0);
    if (!port) {
        return std::unexpected(expected);
    }
    if (host.empty() || host == "*") {
        host = "0.0.0.0";
    } else if (host == "localhost") {
        host = "127.0.0.1";
    } else if (host.starts_with('[') && host.ends_with(']') && is_host(host)) {
        host = host.substr(1, host.size() - 2);
    } else if (!is_ip(host, AF_INET)) {
        return std::unexpected(expected);
    }
    out.host = host;
    out.port = *port;
    return out;
}

Parsed<std::string> base_url(std::string_view text) {
    const std::string expected = "expected a URL such as https://api.example.com/v1";
    const bool secure = text.starts_with("https://");
    if (!secure && !text.starts_with("http://")) {
        return std::unexpected(expected);
    }
    const std::string_view rest = text.substr(secure ? 8 : 7);
    const std::string_view authority = rest.substr(0, rest.find('/'));
    if (authority.find('@') != std::string_view::npos) {
        return std::unexpected(expected + " without a user name or key: keys belong in api_key");
    }
    if (rest.find_first_of("?#") != std::string_view::npos) {
        return std::unexpected(expected + " without a query or fragment");
    }
    if (!is_url_text(text) || text.size() > 2048 || !is_authority(authority)) {
        return std::unexpected(expected);
    }
    std::string out(text);
    while (out.ends_with('/')) {
        out.pop_back();
    }
    return out;
}

Parsed<std::string> webhook_url(std::string_view text) {
    const bool secure = text.starts_with("https://");
    const std::string_view rest = text.substr(std::min(text.size(), std::size_t{secure ? 8U : 7U}));
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    if ((!secure && !text.starts_with("http://")) || !is_url_text(text) || text.size() > 2048 ||
        rest.find('#') != std::string_view::npos || !is_authority(authority)) {
        return std::unexpected("expected a URL such as https://hooks.example.com/services/T0/B0");
    }
    return std::string(text);
}

Parsed<std::string> proxy_url(std::string_view text) {
    constexpr std::array<std::string_view, 4> kSchemes{"http://", "https://", "socks5://",
                                                       "socks5h://"};
    for (const std::string_view scheme : kSchemes) {
        if (!text.starts_with(scheme)) {
            continue;
        }
        std::string_view rest = text.substr(scheme.size());
        if (rest.ends_with('/')) {
            rest.remove_suffix(1);
        }
        const std::size_t at = rest.rfind('@');
        const std::string_view authority =
            at == std::string_view::npos ? rest : rest.substr(at + 1);
        if (is_url_text(text) && text.size() <= 2048 && is_authority(authority)) {
            return std::string(scheme) + std::string(rest);
        }
    }
    return std::unexpected(
        "expected a proxy URL such as http://proxy:3128, https://proxy:443 or "
        "socks5://user:password@proxy:1080");
}

Parsed<std::string> text(std::string_view text) {
    if (text.empty() || text.size() > 4096 || has_control(text)) {
        return std::unexpected("expected a text of 1 to 4096 bytes without control characters");
    }
    return std::string(text);
}

Parsed<std::string> header_name(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    constexpr std::array<std::string_view, 11> kOurs{
        "host",         "content-length", "transfer-encoding",
        "connection",   "keep-alive",     "upgrade",
        "te",           "trailer",        "expect",
        "content-type", "accept-encoding"};
    const bool is_token =
        !text.empty() && text.size() <= 256 && std::ranges::all_of(text, [&](char c) {
            return is_alnum(c) || kMarks.find(c) != std::string_view::npos;
        });
    if (!is_token) {
        return std::unexpected("expected a header name such as X-Team");
    }
    if (std::ranges::find(kOurs, lower(text)) != kOurs.end()) {
        return std::unexpected("this header is set by the gateway itself");
    }
    return std::string(text);
}

bool is_header_value(std::string_view text) noexcept {
    return std::ranges::none_of(text, [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

Parsed<std::string> name(std::string_view text) {
    const bool good = !text.empty() && text.size() <= 128 && is_alnum(text.front()) &&
                      std::ranges::all_of(text, [](char c) {
                          return is_alnum(c) || c == '.' || c == '_' || c == '-';
                      });
    if (!good) {
        return std::unexpected(
            "expected a name of letters, digits and . _ - that starts with a letter or digit, up "
            "to 128");
    }
    return std::string(text);
}

Parsed<std::string> alias(std::string_view text) {
    const bool good =
        !text.empty() && text.size() <= 128 && is_alnum(text.front()) &&
        std::ranges::all_of(text, [](char c) {
            return is_alnum(c) || std::string_view("._-:/@").find(c) != std::string_view::npos;
        });
    if (!good) {
        return std::unexpected(
            "expected a model name of letters, digits and . _ - : / @ that starts with a letter or "
            "digit, up to 128");
    }
    return std::string(text);
}

Parsed<std::string> key_hash(std::string_view text) {
    constexpr std::string_view kPrefix = "sha256:";
    const bool good = text.starts_with(kPrefix) && text.size() == kPrefix.size() + 64 &&
                      text.substr(kPrefix.size()).find_first_not_of("0123456789abcdefABCDEF") ==
                          std::string_view::npos;
    if (!good) {
        return std::unexpected(
            "expected sha256: and 64 hex digits, as `tollgate keys create` prints them "
            "(never the key itself)");
    }
    return lower(text);
}

Parsed<std::string> origin(std::string_view text) {
    const std::size_t scheme = text.find("://");
    const bool good =
        text == "*" ||
        (scheme != std::string_view::npos && scheme > 0 && is_url_text(text) &&
         std::ranges::all_of(
             text.substr(0, scheme),
             [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; }) &&
         is_authority(text.substr(scheme + 3)));
    if (!good) {
        return std::unexpected(
            "expected an origin such as https://app.example (no path), or \"*\"");
    }
    return lower(text);
}

}  // namespace tollgate::config::scalar
