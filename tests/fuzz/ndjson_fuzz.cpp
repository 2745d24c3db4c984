// Fed whole and in pieces, the line parser must give the same lines; none is empty or holds a line
// end.
#include "adapters/codec/ndjson.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string read_all(std::string_view bytes, std::size_t step) {
    tollgate::codec::LineParser parser;
    std::string seen;
    std::string_view line;
    const auto note = [&] {
        if (line.empty() || line.find('\n') != std::string_view::npos) {
            std::abort();
        }
        seen.append(line).append("\n");
    };
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string piece(bytes.substr(at, step));  // dies before the next push
        parser.push(piece);
        while (parser.next(line)) {
            note();
        }
    }
    if (parser.finish(line)) {
        note();
    }
    return seen;
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
    return 0;
}
