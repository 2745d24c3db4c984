// HTTP content codings, undone as the bytes arrive: gzip, deflate, br, zstd, and lists of them.
// RFC 9110 §8.4; gzip RFC 1952, deflate RFC 1950, br RFC 7932, zstd RFC 8878 with the window bound
// of RFC 9659.
#pragma once

#include "failover/failure.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tollgate::codec {

/// Undoes the codings of one body.  One per body, single thread.  A Failure is final.
class ContentDecoder {
public:
    virtual ~ContentDecoder() = default;

    /// A decoder for a Content-Encoding value: one coding or a list ("gzip, br": gzip was applied
    /// first).  Empty and "identity" pass bytes through.  Null when a coding is unknown or the list
    /// has more than four of them.
    [[nodiscard]] static std::unique_ptr<ContentDecoder> make(std::string_view content_encoding);

    /// Appends what `in` decodes to.  `out` never grows beyond `out_limit` bytes: a caller that
    /// keeps the whole body in `out` bounds the body, one that drains `out` after each call bounds
    /// one step. Fails with too_large (naming the limit) or protocol_error (corrupt data, bytes
    /// after the end).
    [[nodiscard]] virtual Result<void> feed(std::string_view in, std::string& out,
                                            std::size_t out_limit) = 0;
    /// The input is over.  Fails with protocol_error when a coding's end marker has not been seen.
    [[nodiscard]] virtual Result<void> end() = 0;
};

/// The codings that make() reads, for Accept-Encoding.
inline constexpr std::string_view kAcceptEncoding = "gzip, br, zstd, deflate";

}  // namespace tollgate::codec
