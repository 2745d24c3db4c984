// What the decoder fuzz targets share: any bytes, in pieces, must give events or a Failure, the
// same as in one piece.
#pragma once

#include "adapters/dialect.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace tollgate::fuzz {

/// Adds events up, so that two runs can be compared whatever their pieces.
class Sum final : public adapters::EventSink {
public:
    void started(const adapters::AnswerStart& start) override { add('s', start.id); }
    void text(unsigned, std::string_view piece) override { add('t', piece); }
    void reasoning(unsigned, std::string_view piece) override { add('r', piece); }
    void refusal(unsigned, std::string_view piece) override { add('f', piece); }
    void tool_call(unsigned, unsigned, std::string_view id, std::string_view) override {
        add('c', id);
    }
    void tool_arguments(unsigned, unsigned, std::string_view piece) override { add('a', piece); }
    void extension(unsigned, std::string_view, std::string_view json) override { add('x', json); }
    void finished(unsigned, adapters::FinishReason reason) override { add('e', to_string(reason)); }
    void usage(const adapters::Usage& usage) override { add('u', std::to_string(usage.output)); }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    void add(char tag, std::string_view piece) {
        text_.append(1, tag).append(piece).append(1, '\n');
    }
    std::string text_;
};

inline std::string run(const adapters::Dialect& dialect, adapters::Delivery delivery,
                       std::string_view rest, std::size_t step) {
    adapters::DecodeContext context;
    context.model = "m";
    const auto decoder = dialect.decoder(delivery, context);
    Sum sum;
    while (!rest.empty()) {
        const std::size_t take = std::min(step, rest.size());
        if (!decoder->feed(rest.substr(0, take), sum)) {
            return sum.text() + "!";
        }
        rest.remove_prefix(take);
    }
    const bool complete = decoder->end(sum).has_value();
    return sum.text() + (complete ? "." : "!");
}

inline int decode(const adapters::Dialect& dialect, const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const auto delivery =
        (data[0] & 1) != 0 ? adapters::Delivery::stream : adapters::Delivery::whole;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string pieces = run(dialect, delivery, bytes, 1 + data[0] / 2U);
    if (pieces != run(dialect, delivery, bytes, bytes.size())) {
        std::abort();
    }
    return 0;
}

}  // namespace tollgate::fuzz
