// Whatever a vendor sends, the decoder's events must not depend on how the bytes were cut, and both
// writers must stand it.
#include "adapters/client/chat_writer.hpp"
#include "adapters/dialect/anthropic.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tollgate::adapters;

std::string answer(Delivery delivery, std::string_view bytes, std::size_t step) {
    AnswerContext context;
    context.include_usage = true;
    const auto writer =
        delivery == Delivery::stream ? stream_writer(context) : whole_writer(context);
    const auto decoder = anthropic::decoder(delivery);
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string piece(bytes.substr(at, step));  // dies before the next feed
        if (const auto fed = decoder->feed(piece, *writer); !fed) {
            return writer->take() + fed.error().detail;
        }
    }
    if (const auto ended = decoder->end(*writer); !ended) {
        return writer->take() + ended.error().detail;
    }
    writer->finish();
    return writer->take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (size == 0) {
        return 0;
    }
    for (const Delivery delivery : {Delivery::stream, Delivery::whole}) {
        const std::string whole = answer(delivery, bytes, size);
        if (answer(delivery, bytes, 1) != whole || answer(delivery, bytes, 7) != whole) {
            std::abort();
        }
    }
    return 0;
}
