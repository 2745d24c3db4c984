// Bedrock's decoders on arbitrary bytes: as a body, as a raw stream, and as payloads of well-formed
// frames.
#include "adapters/codec/aws_eventstream.hpp"
#include "adapters/dialect.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tollgate::adapters;

class Tape final : public EventSink {
public:
    void started(const AnswerStart& start) override { add("started", start.id); }
    void text(unsigned, std::string_view piece) override { add("text", piece); }
    void reasoning(unsigned, std::string_view piece) override { add("reasoning", piece); }
    void refusal(unsigned, std::string_view piece) override { add("refusal", piece); }
    void tool_call(unsigned, unsigned, std::string_view id, std::string_view name) override {
        add(id, name);
    }
    void tool_arguments(unsigned, unsigned, std::string_view piece) override {
        add("arguments", piece);
    }
    void extension(unsigned, std::string_view name, std::string_view json) override {
        add(name, json);
    }
    void finished(unsigned, FinishReason reason) override { add("finished", to_string(reason)); }
    void usage(const Usage& usage) override { add("usage", std::to_string(usage.prompt_total())); }
    void add(std::string_view what, std::string_view text) {
        all_.append(what).append(text).push_back('\n');
    }
    [[nodiscard]] const std::string& all() const { return all_; }

private:
    std::string all_;
};

std::string decode(Delivery delivery, std::string_view bytes, std::size_t step) {
    const auto decoder = dialects::bedrock().decoder(delivery, {});
    Tape tape;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        if (const auto fed = decoder->feed(bytes.substr(at, step), tape); !fed) {
            tape.add("failed", fed.error().detail);
            return tape.all();
        }
    }
    if (const auto ended = decoder->end(tape); !ended) {
        tape.add("failed", ended.error().detail);
    }
    return tape.all();
}

void compare(Delivery delivery, std::string_view bytes) {
    if (decode(delivery, bytes, bytes.size() + 1) != decode(delivery, bytes, 3)) {
        std::abort();
    }
}

// Each line's first byte picks the event, the rest is its payload.
std::string framed(std::string_view script) {
    constexpr std::array<std::string_view, 8> kEvents{
        "messageStart", "contentBlockStart", "contentBlockDelta",   "contentBlockStop",
        "messageStop",  "metadata",          "throttlingException", "somethingNew"};
    std::string out;
    while (!script.empty()) {
        const std::size_t end = script.find('\n');
        const std::string_view line = script.substr(0, end);
        script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
        if (line.empty()) {
            continue;
        }
        const std::string_view event =
            kEvents[static_cast<unsigned char>(line.front()) % kEvents.size()];
        out += event.ends_with("Exception") ? tollgate::codec::aws_exception(event, line.substr(1))
                                            : tollgate::codec::aws_event(event, line.substr(1));
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    compare(Delivery::whole, bytes);
    compare(Delivery::stream, bytes);
    compare(Delivery::stream, framed(bytes));
    ResponseInfo head;
    head.status = 400;
    (void)dialects::bedrock().classify(head, bytes);
    return 0;
}
