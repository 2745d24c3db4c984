// Fed whole and in pieces, the SSE parser must give the same events, the same stray text and the
// same verdict.
#include "adapters/codec/sse.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string read_all(std::string_view bytes, std::size_t step) {
    tollgate::codec::SseParser parser;
    tollgate::codec::SseEvent event;
    std::string seen;
    const auto note = [&] {
        seen.append(event.name).append("\x01").append(event.data).append("\x02");
    };
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string piece(bytes.substr(at, step));  // dies before the next push
        parser.push(piece);
        while (parser.next(event)) {
            note();
        }
    }
    if (parser.finish(event)) {
        note();
    }
    return seen.append(parser.stray());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (size != 0) {
        const std::string whole = read_all(bytes, size);
        if (read_all(bytes, 1) != whole || read_all(bytes, 7) != whole) {
            std::abort();
        }
    }
    // A small limit may lose events but must never go beyond memory that it was given.
    tollgate::codec::SseParser small(16);
    tollgate::codec::SseEvent event;
    for (std::size_t at = 0; at < size; at += 5) {
        small.push(bytes.substr(at, 5));
        while (small.next(event)) {}
    }
    static_cast<void>(small.finish(event));
    return 0;
}
