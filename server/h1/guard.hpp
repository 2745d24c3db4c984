// The gate in front of the HTTP/1.1 parser: one request head has one meaning, or it is refused.
// Beast in Boost 1.81 accepts several inputs that proxies read differently (Transfer-Encoding on
// HTTP/1.0, "chunked, gzip", missing or double Host, obs-fold, repeated Content-Length); all of
// them, and bare LF or CR, end here.  RFC 9112.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::server::h1 {

struct GuardLimits {
    std::size_t head_bytes = 64 * 1024;
    std::size_t fields = 128;
};

/// How the body that follows is framed.
enum class Framing : std::uint8_t { none, length, chunked };

struct GuardVerdict {
    enum class State : std::uint8_t { need_more, accepted, refused };
    State state = State::need_more;
    std::size_t head_size =
        0;  ///< accepted: bytes of the head with its empty line (and leading CRLF, if any)
    std::size_t skip = 0;  ///< accepted: bytes of a leading empty line, to be dropped
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = true;  ///< as version and Connection say
    bool expect_continue = false;
    bool upgrade = false;        ///< there is an Upgrade field
    bool foreign = false;        ///< refused: the first line is of no HTTP/1 at all
    std::uint16_t status = 400;  ///< refused: the answer's status
    std::string_view reason;     ///< refused: a sentence with static storage
};

/// Judges the bytes received so far.  Pure; linear in `bytes`.
[[nodiscard]] GuardVerdict guard(std::string_view bytes, const GuardLimits& limits) noexcept;

}  // namespace tollgate::server::h1
