#include "config/settings.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace tollgate::config {

bool ListenAddress::is_loopback() const noexcept {
    if (!unix_path.empty()) {
        return true;
    }
    in_addr v4{};
    if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24U) == 127;
    }
    in6_addr v6{};
    if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) {
        return false;
    }
    const auto* bytes = v6.s6_addr;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && bytes[12] == 127);
}

std::string to_string(const ListenAddress& address) {
    if (!address.unix_path.empty()) {
        return "unix:" + address.unix_path;
    }
    const bool is_v6 = address.host.find(':') != std::string::npos;
    return (is_v6 ? "[" + address.host + "]" : address.host) + ':' + std::to_string(address.port);
}

Position Source::at(std::string_view path) const {
    while (!path.empty()) {
        if (const auto found = positions.find(path); found != positions.end()) {
            return found->second;
        }
        const std::size_t cut = path.find_last_of(".[");
        path = path.substr(0, cut == std::string_view::npos ? 0 : cut);
    }
    return {};
}

Problem Source::problem(std::string_view path, std::string text) const {
    const Position where = at(path);
    return Problem{.file = file,
                   .line = where.line,
                   .column = where.column,
                   .path = std::string(path),
                   .text = std::move(text)};
}

std::string ledger_path(const Settings& settings) {
    return settings.ledger.path.empty() ? settings.state_dir + "/ledger.sqlite"
                                        : settings.ledger.path;
}

std::string keys_path(const Settings& settings) {
    return settings.keys_file.empty() ? settings.state_dir + "/keys.sqlite" : settings.keys_file;
}

const ProviderSettings* Settings::provider(std::string_view name) const noexcept {
    const auto found = std::ranges::find(providers, name, &ProviderSettings::name);
    return found == providers.end() ? nullptr : &*found;
}

}  // namespace tollgate::config
