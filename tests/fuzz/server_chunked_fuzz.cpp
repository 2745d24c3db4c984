// Chunks decode to the same body and the same end however they are split, and what is not body
// stays bounded.
#include "server/h1/chunked.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

struct Outcome {
    std::string body;
    std::size_t consumed = 0;
    bool finished = false;
    bool failed = false;
    bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view bytes, std::size_t step) {
    tollgate::server::h1::ChunkedDecoder decoder;
    Outcome outcome;
    while (outcome.consumed < bytes.size() && !decoder.finished() && !decoder.failed()) {
        const std::string piece(bytes.substr(outcome.consumed, step));
        std::size_t used = 0;
        while (used < piece.size() && !decoder.finished() && !decoder.failed()) {
            const auto done = decoder.feed(std::string_view(piece).substr(used));
            if (done.consumed == 0 || done.body.size() > done.consumed) {
                std::abort();
            }
            used += done.consumed;
            outcome.body.append(done.body);
        }
        outcome.consumed += used;
    }
    outcome.finished = decoder.finished();
    outcome.failed = decoder.failed();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Outcome whole = decode(bytes, std::max<std::size_t>(size, 1));
    if (decode(bytes, 1) != whole || decode(bytes, 3) != whole ||
        (whole.finished && whole.failed)) {
        std::abort();
    }
    if (whole.finished && !bytes.substr(0, whole.consumed).ends_with("\r\n\r\n")) {
        std::abort();
    }
    // The other way round: the input as a body, in chunks of several sizes, comes out as it was.
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string encoded;
    for (std::size_t at = 0, take = 1; at < size; at += take, take = take % 15 + 1) {
        const std::string_view piece = bytes.substr(at, take);
        encoded.append(1, kHex[piece.size()]).append("\r\n").append(piece).append("\r\n");
    }
    encoded.append("0\r\n\r\n");
    const Outcome back = decode(encoded, 7);
    if (!back.finished || back.body != bytes || back.consumed != encoded.size()) {
        std::abort();
    }
    return 0;
}
