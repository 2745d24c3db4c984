// The frame parser on arbitrary bytes: fed whole and in pieces it must give the same frames and the
// same verdict.
#include "adapters/codec/aws_eventstream.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string read_all(std::string_view bytes, std::size_t step) {
    tollgate::codec::AwsEventStreamParser parser(1 << 16);
    std::string seen;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        parser.push(bytes.substr(at, step));
        tollgate::codec::AwsFrame frame;
        while (parser.next(frame)) {
            seen.append(frame.event_type).append(frame.exception_type).append(frame.payload);
            seen.push_back('\n');
        }
    }
    seen.append(parser.failure());
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
    // Checksums stop most random input at once, so the same bytes also go in as the payload of a
    // good frame.
    std::string framed = tollgate::codec::aws_event("contentBlockDelta", bytes.substr(0, 1 << 15));
    if (read_all(framed, 3) != read_all(framed, framed.size())) {
        std::abort();
    }
    return 0;
}
