// The first byte chooses the coding and how the rest is cut into pieces.
#include "adapters/codec/content_coding.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::array<std::string_view, 6> kCodings{"gzip", "deflate",  "br",
                                                       "zstd", "gzip, br", ""};
    constexpr std::size_t kLimit = 1 << 20;
    if (size == 0) {
        return 0;
    }
    const auto decoder = tollgate::codec::ContentDecoder::make(kCodings[data[0] % kCodings.size()]);
    const std::size_t step = 1 + data[0] / kCodings.size();
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::string out;
    while (!rest.empty()) {
        const std::size_t take = std::min(step, rest.size());
        if (!decoder->feed(rest.substr(0, take), out, kLimit)) {
            break;
        }
        rest.remove_prefix(take);
    }
    if (out.size() > kLimit) {
        std::abort();
    }
    (void)decoder->end();
    return 0;
}
