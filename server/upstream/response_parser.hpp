// Reads a vendor's HTTP/1.1 answer: the head through Beast's parser, the body by its framing.
// Sans-I/O.
#pragma once

#include "server/h1/chunked.hpp"
#include "server/upstream/call.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::server::upstream {

class ResponseParser {
public:
    enum class HeadState : std::uint8_t { need_more, done, malformed };
    struct HeadStep {
        HeadState state = HeadState::need_more;
        std::size_t consumed = 0;  ///< done: bytes of the head; what follows is body
    };
    /// Judges all bytes received so far; interim (1xx) answers are skipped over.  Once done, call
    /// body().
    [[nodiscard]] HeadStep head(std::string_view bytes, CallHead& out);

    struct BodyStep {
        std::size_t size = 0;  ///< body bytes, moved to the front of the buffer
        bool ended = false;    ///< the body is complete
        bool malformed = false;
        bool excess = false;  ///< bytes behind the end: the connection is not in step
    };
    /// Undoes the framing in place.
    [[nodiscard]] BodyStep body(char* data, std::size_t size) noexcept;
    /// The connection closed: true where that is a clean end (bodies framed by the close).
    [[nodiscard]] bool close_ends_body() const noexcept { return framing_ == Framing::until_close; }
    [[nodiscard]] bool has_ended() const noexcept {
        return framing_ == Framing::length && left_ == 0;
    }
    /// Both sides agree that the connection can carry another exchange.
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

private:
    enum class Framing : std::uint8_t { length, chunked, until_close };
    Framing framing_ = Framing::length;
    std::uint64_t left_ = 0;
    h1::ChunkedDecoder chunks_;
    bool keep_alive_ = false;
};

}  // namespace tollgate::server::upstream
