// The probe and the error reader on any bytes; where they are JSON, probe and parser must agree
// about usage.
#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"
#include "adapters/dialect/openai_probe.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tollgate;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    adapters::AnswerProbe stream;
    (void)stream.event(text);
    (void)adapters::usage_in_tail(text);
    (void)adapters::read_usage(text);
    adapters::ResponseInfo head;
    head.status = size % 2 == 0 ? 200 : 400;
    if (adapters::classify_common(head, text).detail.empty()) {
        std::abort();
    }
    adapters::AnswerProbe whole;
    if (!whole.whole(text)) {
        return 0;
    }
    const auto document = json::Document::parse(text, {.depth = 1024});
    if (!document) {
        std::abort();
    }
    if (text.find("\\u") != std::string_view::npos) {
        return 0;  // a member name may be written with escapes, which no vendor does
    }
    const json::Value usage = (*document)["usage"];
    if (usage.is_object() != whole.usage().reported) {
        std::abort();
    }
    return 0;
}
