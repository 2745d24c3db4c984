// What HTTP allows in methods, targets, fields and hosts, whichever version brings them.
// RFC 9110 section 5, RFC 3986.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tollgate::server {

/// A character of a token (RFC 9110 section 5.6.2).
[[nodiscard]] bool is_token_char(char c) noexcept;
/// At least one character, all of them of a token.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// Visible characters, spaces, tabs and bytes above 0x7f: no CR, LF, NUL or other control.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;
/// Visible ASCII that RFC 3986 lets stand in a target; what it leaves out is refused, since peers
/// disagree on it.
[[nodiscard]] bool is_target_text(std::string_view text) noexcept;
/// A name or bracketed address, and perhaps a port (RFC 9110 section 7.2).  Empty is valid.
[[nodiscard]] bool is_host(std::string_view host) noexcept;
/// A plain decimal number of at most 18 digits.
[[nodiscard]] std::optional<std::uint64_t> plain_number(std::string_view text) noexcept;

}  // namespace tollgate::server
