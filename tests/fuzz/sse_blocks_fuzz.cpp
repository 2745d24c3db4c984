// Blocks laid end to end are the stream, are the same for every split, and hold what a parser finds
// in the stream.
#include "adapters/codec/sse.hpp"
#include "adapters/codec/sse_blocks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using tollgate::codec::SseBlocks;
using tollgate::codec::SseEvent;
using tollgate::codec::SseParser;

std::vector<std::string> cut(std::string_view bytes, std::size_t step) {
    SseBlocks blocks;
    std::vector<std::string> all;
    std::string_view block;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string piece(bytes.substr(at, step));
        blocks.push(piece);
        while (blocks.next(block)) {
            all.emplace_back(block);
        }
    }
    all.emplace_back(blocks.tail());
    return all;
}

// The data that parsers find, one parser for each piece.
std::string parsed(const std::vector<std::string>& pieces) {
    std::string out;
    for (const std::string& piece : pieces) {
        SseParser parser;
        SseEvent event;
        parser.push(piece);
        std::size_t events = 0;
        bool more = parser.next(event);
        for (bool finishing = false; more || !finishing;) {
            if (more) {
                ++events;
                out.append(event.name).append("\x01").append(event.data).append("\x02");
            }
            finishing = finishing || !more;
            more = finishing ? (more ? false : parser.finish(event)) : parser.next(event);
        }
        if (pieces.size() > 1 && events > 1) {
            std::abort();  // a block is one event
        }
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> whole = cut(bytes, std::max<std::size_t>(size, 1));
    if (cut(bytes, 1) != whole || cut(bytes, 2) != whole || cut(bytes, 7) != whole) {
        std::abort();
    }
    std::string joined;
    for (const std::string& block : whole) {
        joined += block;
        const std::string_view simple = tollgate::codec::simple_data(block);
        if (!simple.empty() &&
            parsed({block}) != std::string("\x01").append(simple).append("\x02")) {
            std::abort();
        }
    }
    if (joined != bytes) {
        std::abort();
    }
    // A byte order mark is only one at the start of a stream; blocks do not know where they stood.
    if (bytes.find("\xEF\xBB\xBF") == std::string_view::npos &&
        parsed(whole) != parsed({std::string(bytes)})) {
        std::abort();
    }
    return 0;
}
