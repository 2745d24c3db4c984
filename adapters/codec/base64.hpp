// Base64 in its four forms (RFC 4648 sections 4 and 5, each with and without padding).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::codec {

enum class Base64Form : std::uint8_t {
    standard,  ///< + and /, padded with =
    standard_unpadded,
    url,           ///< - and _, padded with =
    url_unpadded,  ///< as JSON Web Tokens use it
};

[[nodiscard]] std::string base64_encode(std::string_view bytes,
                                        Base64Form form = Base64Form::standard);

/// Strict: exactly the text that base64_encode() gives for that form.  Nothing for foreign
/// characters (white space too), wrong length or padding, and bits set beyond the last byte.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text,
                                                       Base64Form form = Base64Form::standard);

}  // namespace tollgate::codec
