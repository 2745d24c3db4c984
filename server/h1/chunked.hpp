// Chunked transfer coding of request bodies, read strictly (RFC 9112 section 7.1): what peers could
// read differently is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::server::h1 {

/// Push decoder.  Feed bytes; it tells how many it took and which part of them is body.
class ChunkedDecoder {
public:
    struct Step {
        std::size_t consumed = 0;  ///< bytes of the input that are done with
        std::string_view body;     ///< body bytes within the consumed part
    };
    /// One step: call again with the rest until consumed is 0, finished() or failed().
    [[nodiscard]] Step feed(std::string_view bytes) noexcept;
    [[nodiscard]] bool finished() const noexcept { return state_ == State::finished; }
    [[nodiscard]] bool failed() const noexcept { return state_ == State::failed; }

private:
    enum class State : std::uint8_t {
        size_first,
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_start,
        trailer_name,
        trailer,
        trailer_lf,
        end_lf,
        finished,
        failed
    };
    [[nodiscard]] State next(char c) noexcept;
    State state_ = State::size_first;
    std::uint64_t left_ = 0;    // bytes of the current chunk still to come
    std::size_t overhead_ = 0;  // extension and trailer bytes so far; bounded
};

}  // namespace tollgate::server::h1
