// Writes OpenAI's answer shapes from events: the client side of the hub (vendor bytes -> Decoder ->
// events -> here). Shapes: chat.completion, chat.completion.chunk, text_completion (docs:
// platform.openai.com/docs/api-reference/chat).
#pragma once

#include "adapters/event.hpp"
#include "adapters/request.hpp"
#include "adapters/tokens/count.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::adapters {

/// What the writer needs beyond the events.
struct AnswerContext {
    Operation operation = Operation::chat;  ///< chat or completions
    std::string model;                      ///< told to the client when the vendor names none
    std::string
        id;  ///< used when the vendor gives none; the gateway passes "chatcmpl-<request id>"
    std::int64_t created = 0;    ///< unix seconds, used when the vendor gives none
    bool include_usage = false;  ///< stream only: the client asked for the usage chunk
};

/// Collects the answer's bytes.  take() hands out what is ready to send and empties the buffer.
class AnswerWriter : public EventSink {
public:
    /// Bytes ready for the client since the last take(); SSE frames for a stream, the whole JSON
    /// body after finish().
    [[nodiscard]] virtual std::string take() = 0;
    /// The decoder's end() succeeded: write what remains (finish chunk, usage chunk, [DONE]; or the
    /// whole body).
    virtual void finish() = 0;
    [[nodiscard]] const Usage& reported_usage() const noexcept { return usage_; }
    /// A finish reason was seen for at least one choice.
    [[nodiscard]] bool has_finished() const noexcept { return finished_; }
    /// From now on `heard` is given the model's words; it outlives the writer.
    void listen(tokens::Heard* heard) noexcept { heard_ = heard; }
    /// What the answer cost, as a decimal; stands in the usage chunk.  Empty: it is not told.
    void tell_cost(std::string cost) { cost_ = std::move(cost); }

protected:
    void hear(std::string_view piece) {
        if (heard_ != nullptr) {
            heard_->add(piece, false);
        }
    }

    Usage usage_;
    std::string cost_;
    bool finished_ = false;

private:
    tokens::Heard* heard_ = nullptr;
};

[[nodiscard]] std::unique_ptr<AnswerWriter> stream_writer(AnswerContext context);
[[nodiscard]] std::unique_ptr<AnswerWriter> whole_writer(AnswerContext context);

/// OpenAI's `usage` object for counters (prompt_tokens … completion_tokens_details), and `cost`
/// where it is told.
[[nodiscard]] std::string usage_json(const Usage& usage, std::string_view cost = {});

/// OpenAI's error envelope: {"error":{"message","type","param","code"}}.
[[nodiscard]] std::string error_json(const Failure& failure, std::string_view request_id);

}  // namespace tollgate::adapters
