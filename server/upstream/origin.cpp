#include "server/upstream/origin.hpp"

#include "server/exchange.hpp"

#include <array>
#include <charconv>

namespace tollgate::server::upstream {
namespace {

struct Authority {
    std::string host;
    std::uint16_t port = 0;
};

std::optional<Authority> parse_authority(std::string_view text, std::uint16_t default_port) {
    Authority result{.host = {}, .port = default_port};
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) {
            return std::nullopt;
        }
        result.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        if (!text.empty() && (!text.starts_with(':') || text.size() == 1)) {
            return std::nullopt;
        }
        port = text.empty() ? text : text.substr(1);
    } else {
        const std::size_t colon = text.rfind(':');
        result.host = text.substr(0, colon);
        port = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
        if (colon != std::string_view::npos && port.empty()) {
            return std::nullopt;
        }
    }
    if (!port.empty()) {
        const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), result.port);
        if (ec != std::errc() || end != port.data() + port.size() || result.port == 0) {
            return std::nullopt;
        }
    }
    if (result.host.empty() || result.host.find_first_of(" \t\r\n/@") != std::string::npos) {
        return std::nullopt;
    }
    return result;
}

}  // namespace

std::string OriginSpec::key() const {
    std::string text = tls ? "https://" : "http://";
    text.append(host).append(":").append(std::to_string(port));
    constexpr std::array<std::string_view, 3> kHttp2{"", "|h2?", "|h2"};
    text.append(kHttp2[static_cast<std::size_t>(http2)]);
    text.append("|").append(server_name).append("|").append(tls_options.ca_file).append("|");
    text.append(tls_options.client_certificate)
        .append("|")
        .append(tls_options.client_key)
        .append(tls_options.verify ? "|v|" : "|n|")
        .append(tls_options.state);
    if (proxy) {
        text.append("|")
            .append(std::to_string(static_cast<int>(proxy->kind)))
            .append(proxy->host)
            .append(":");
        text.append(std::to_string(proxy->port))
            .append("|")
            .append(proxy->user)
            .append(":")
            .append(proxy->password);
    }
    return text;
}

std::string OriginSpec::authority() const {
    std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != (tls ? 443 : 80)) {
        text.append(":").append(std::to_string(port));
    }
    return text;
}

Result<Url> parse_url(std::string_view text) {
    Url url;
    std::string_view rest = text;
    if (rest.starts_with("https://")) {
        url.tls = true;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return fail(FailureKind::bad_request, "the URL must start with http:// or https://");
    }
    const std::size_t slash = rest.find_first_of("/?#");
    std::optional<Authority> authority = parse_authority(rest.substr(0, slash), url.tls ? 443 : 80);
    if (!authority) {
        return fail(FailureKind::bad_request, "the URL's host or port is not valid");
    }
    url.host = std::move(authority->host);
    url.port = authority->port;
    if (slash != std::string_view::npos) {
        url.path = rest.substr(slash);
        if (url.path.find_first_of("?#") != std::string::npos) {
            return fail(FailureKind::bad_request, "the URL must not have a query or a fragment");
        }
        while (!url.path.empty() && url.path.back() == '/') {
            url.path.pop_back();
        }
    }
    return url;
}

Result<Proxy> parse_proxy(std::string_view text) {
    Proxy proxy;
    std::uint16_t default_port = 80;
    const std::size_t colon = text.find("://");
    const std::string_view scheme = text.substr(0, colon);
    if (colon == std::string_view::npos) {
        return fail(FailureKind::bad_request,
                    "a proxy is written http://, https:// or socks5://host:port");
    }
    if (scheme == "https") {
        proxy.kind = Proxy::Kind::https;
        default_port = 443;
    } else if (scheme == "socks5" || scheme == "socks5h") {
        proxy.kind = Proxy::Kind::socks5;
        default_port = 1080;
    } else if (scheme != "http") {
        return fail(FailureKind::bad_request,
                    "a proxy is written http://, https:// or socks5://host:port");
    }
    std::string_view rest = text.substr(colon + 3);
    while (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    const std::size_t at = rest.rfind('@');
    if (at != std::string_view::npos) {
        const std::string_view userinfo = rest.substr(0, at);
        const std::size_t split = userinfo.find(':');
        proxy.user = percent_decoded(userinfo.substr(0, split));
        proxy.password = split == std::string_view::npos
                             ? std::string()
                             : percent_decoded(userinfo.substr(split + 1));
        rest.remove_prefix(at + 1);
    }
    std::optional<Authority> authority = parse_authority(rest, default_port);
    if (!authority) {
        return fail(FailureKind::bad_request, "the proxy's host or port is not valid");
    }
    proxy.host = std::move(authority->host);
    proxy.port = authority->port;
    return proxy;
}

}  // namespace tollgate::server::upstream
