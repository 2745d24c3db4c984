#include "server/field_syntax.hpp"

#include <algorithm>
#include <array>

namespace tollgate::server {
namespace {

struct Tables {
    std::array<bool, 256> token{};
    std::array<bool, 256> value{};
    std::array<bool, 256> target{};
    constexpr Tables() {
        for (unsigned c = 0; c < 256; ++c) {
            const bool alnum =
                (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            token[c] = alnum || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
                                    std::string_view::npos;
            value[c] = c == '\t' || (c >= 0x20 && c != 0x7f);
            target[c] = c > 0x20 && c < 0x7f &&
                        std::string_view("\"<>\\^`{|}#").find(static_cast<char>(c)) ==
                            std::string_view::npos;
        }
    }
};
constexpr Tables kTables;

bool all(std::string_view text, const std::array<bool, 256>& allowed) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return allowed[static_cast<unsigned char>(c)]; });
}

}  // namespace

bool is_token_char(char c) noexcept {
    return kTables.token[static_cast<unsigned char>(c)];
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && all(text, kTables.token);
}

bool is_field_value(std::string_view text) noexcept {
    return all(text, kTables.value);
}

bool is_target_text(std::string_view text) noexcept {
    return all(text, kTables.target);
}

bool is_host(std::string_view host) noexcept {
    if (!is_target_text(host) || host.find_first_of("/?@,;") != std::string_view::npos) {
        return false;
    }
    if (host.empty()) {
        return true;
    }
    const bool is_literal = host.front() == '[';
    const std::size_t end = is_literal ? host.find(']') + 1 : std::min(host.find(':'), host.size());
    if (end < (is_literal ? 3U : 1U)) {  // no name, nothing in the brackets, or no closing one
        return false;
    }
    if (host.find_first_of("[]", is_literal ? 1 : 0) !=
        (is_literal ? end - 1 : std::string_view::npos)) {
        return false;
    }
    const std::string_view port = host.substr(end);
    return port.empty() || (port.front() == ':' &&
                            port.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

std::optional<std::uint64_t> plain_number(std::string_view text) noexcept {
    if (text.empty() || text.size() > 18) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return number;
}

}  // namespace tollgate::server
