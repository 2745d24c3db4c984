// Request heads, ordinary and hostile, with the verdict that RFC 9112 and RFC 9110 ask for.
#pragma once

#include "server/h1/guard.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server::h1::tests {

struct GuardCase {
    std::string name;
    std::string head;
    std::uint16_t status = 0;  ///< 0: accepted
    Framing framing = Framing::none;
    std::uint64_t length = 0;
    bool keep_alive = true;
    bool expect_continue = false;
};
using GuardCases = std::vector<GuardCase>;

/// A whole head from a request line and the lines behind `Host: a`.
inline std::string head_of(std::string_view line, std::string_view fields = {},
                           std::string_view host = "Host: a\r\n") {
    return std::string(line).append("\r\n").append(host).append(fields).append("\r\n");
}
inline std::string post(std::string_view fields) {
    return head_of("POST / HTTP/1.1", fields);
}

inline GuardCase accept(std::string name, std::string head) {
    return {.name = std::move(name), .head = std::move(head)};
}
inline GuardCase refuse(std::string name, std::string head, std::uint16_t status = 400) {
    return {.name = std::move(name), .head = std::move(head), .status = status};
}

/// The bytes as text that a terminal shows.
inline std::string shown(std::string_view bytes) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out.append("\\x").append({kHex[byte >> 4U], kHex[byte & 15U]});
        }
    }
    return out;
}

// One function per subject, in guard_*_cases.cpp order; each gives its whole table.
GuardCases request_line_cases();
GuardCases host_cases();
GuardCases framing_cases();
GuardCases field_cases();
GuardCases connection_cases();
GuardCases byte_cases();  ///< every byte value at every place

}  // namespace tollgate::server::h1::tests
