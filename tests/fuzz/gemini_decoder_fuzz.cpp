// The first byte chooses delivery and how the rest is cut; the outcome must not depend on the cut.
#include "adapters/dialect.hpp"
#include "tests/support/event_log.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tollgate;
    if (size == 0) {
        return 0;
    }
    const auto delivery =
        (data[0] & 1) != 0 ? adapters::Delivery::stream : adapters::Delivery::whole;
    const std::size_t step = 1 + static_cast<std::size_t>(data[0] >> 1);
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto run = [&](std::size_t piece) {
        return tests::decode(adapters::dialects::gemini().decoder(delivery, {}), bytes, piece,
                             piece);
    };
    const std::string whole = run(bytes.size() + 1);
    // Ids made from random bytes differ between runs; answers that carry their own id have none.
    if (bytes.find("responseId") != std::string_view::npos && run(step) != whole &&
        whole.find("call_") == std::string::npos) {
        std::abort();
    }
    return 0;
}
