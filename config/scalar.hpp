// Text of one YAML scalar → value.  Pure; each failure is a sentence saying what was expected,
// without the text itself.
#pragma once

#include "config/settings.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace tollgate::config::scalar {

template <class T>
using Parsed = std::expected<T, std::string>;

/// "true" or "false" and nothing else (YAML 1.1's yes/no/on/off are refused, they surprise people).
[[nodiscard]] Parsed<bool> boolean(std::string_view text);

/// Decimal digits (underscores between digits allowed) from `low` to `high`.
[[nodiscard]] Parsed<std::uint64_t> integer(std::string_view text, std::uint64_t low,
                                            std::uint64_t high);

/// "500ms", "1.5s", "10s", "5m", "1h", "1d", or "0".  Anything finer than a millisecond is refused.
[[nodiscard]] Parsed<std::chrono::milliseconds> duration(std::string_view text,
                                                         std::chrono::milliseconds low,
                                                         std::chrono::milliseconds high);

/// "64KiB", "10MB", "1.5GiB" or plain bytes, from `low` to `high` bytes.
[[nodiscard]] Parsed<std::uint64_t> size(std::string_view text, std::uint64_t low,
                                         std::uint64_t high);

/// "20%" or a fraction such as "0.2", from 0 to `high` (1 is 100 %).
[[nodiscard]] Parsed<double> share(std::string_view text, double high = 1.0);

/// A non-negative amount with at most six decimals.
[[nodiscard]] Parsed<Usd> usd(std::string_view text);

/// Upper bound of a histogram bucket: seconds as a number, or a duration with us, ms or s.
[[nodiscard]] Parsed<double> bucket(std::string_view text);

/// "127.0.0.1:4000", "[::1]:4000", "localhost:4000", "*:4000", ":4000", "unix:/path".
[[nodiscard]] Parsed<ListenAddress> listen(std::string_view text);

/// http:// or https://, host, optional port and path; no user, query or fragment.  Trailing slashes
/// are cut.
[[nodiscard]] Parsed<std::string> base_url(std::string_view text);

/// http://, https://, socks5:// or socks5h://, optional user:password@, host, optional port.
[[nodiscard]] Parsed<std::string> proxy_url(std::string_view text);

/// Not empty, no control characters, at most 4096 bytes.
[[nodiscard]] Parsed<std::string> text(std::string_view text);

/// A header name (RFC 9110 token) that the gateway does not set itself.
[[nodiscard]] Parsed<std::string> header_name(std::string_view text);
/// No CR, LF, NUL or other control characters except tab.
[[nodiscard]] bool is_header_value(std::string_view text) noexcept;

/// Names of providers, aliases and keys: letters, digits and . _ - (aliases also : and /), 1 to
/// 128, not starting with a sign.
[[nodiscard]] Parsed<std::string> name(std::string_view text);
[[nodiscard]] Parsed<std::string> alias(std::string_view text);

/// "sha256:" and 64 hex digits; returned in lower case.
[[nodiscard]] Parsed<std::string> key_hash(std::string_view text);

/// "2027-01-31" or "2027-01-31T18:00:00Z": UTC, RFC 3339 without fractions and offsets.
[[nodiscard]] Parsed<std::chrono::sys_seconds> timestamp(std::string_view text);

/// http:// or https:// with a host; path and query are allowed.
[[nodiscard]] Parsed<std::string> webhook_url(std::string_view text);

/// An origin of CORS: "*", or scheme://host[:port] without a path.
[[nodiscard]] Parsed<std::string> origin(std::string_view text);

}  // namespace tollgate::config::scalar
