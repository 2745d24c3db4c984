// The probe scans; where it takes an event for a good one, a parser must find the same usage and
// the same ends.
#include "adapters/codec/json.hpp"
#include "adapters/dialect/openai_probe.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using tollgate::adapters::AnswerProbe;
using tollgate::adapters::Usage;

bool same(const Usage& a, const Usage& b) {
    return a.reported == b.reported && a.input == b.input && a.cache_read == b.cache_read &&
           a.output == b.output && a.reasoning == b.reasoning && a.audio_input == b.audio_input &&
           a.audio_output == b.audio_output;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<char> exact(data, data + size);  // nothing readable behind it
    const std::string_view bytes(exact.data(), exact.size());
    AnswerProbe probe;
    const auto event = probe.event(bytes);
    if (!event && event.error().detail.empty()) {
        std::abort();
    }
    AnswerProbe body;
    const auto whole = body.whole(bytes);
    const auto document = tollgate::json::Document::parse(bytes);
    if (whole && !document) {
        std::abort();
    }
    // JSON that is no answer is refused too, but not for its syntax.
    if (!whole && document && whole.error().kind == tollgate::FailureKind::protocol_error &&
        whole.error().detail.starts_with("the vendor's answer is not valid")) {
        std::abort();
    }
    static_cast<void>(tollgate::adapters::usage_in_tail(bytes));
    static_cast<void>(tollgate::adapters::read_usage(bytes));

    // The input as the model's words: whatever they are, they are words.
    std::string chunk = R"({"choices":[{"index":0,"delta":{"content":)";
    tollgate::json::append_string(chunk, bytes);
    chunk += R"(},"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":7}})";
    AnswerProbe words;
    const auto judged = words.event(chunk);
    const Usage expected{.input = 5, .output = 7, .reported = true};
    if (!judged || judged->is_done || judged->is_usage_only || !words.has_finished() ||
        !same(words.usage(), expected)) {
        std::abort();
    }
    AnswerProbe again;
    if (!again.whole(chunk) || !again.has_finished() || !same(again.usage(), expected)) {
        std::abort();
    }
    return 0;
}
