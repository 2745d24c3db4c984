// Watches answers of OpenAI's shape while they are relayed as read: usage, ends and errors, without
// building anything. Shapes: https://platform.openai.com/docs/api-reference/chat/object and
// …/streaming, read 2026-11.
#pragma once

#include "adapters/dialect/openai_usage.hpp"
#include "adapters/event.hpp"
#include "adapters/tokens/count.hpp"
#include "failover/failure.hpp"

#include <memory>
#include <string_view>

namespace tollgate::adapters {

/// What OpenAI writes into every chunk but the last of a stream whose usage was asked for.
inline constexpr std::string_view kNullUsage = ",\"usage\":null";

/// What one stream event turned out to be.
struct ProbedEvent {
    std::size_t null_usage = 0;  ///< where kNullUsage stands behind the choices; 0: it does not
    bool is_done = false;        ///< data: [DONE]
    std::size_t usage_end = 0;   ///< of the usage object's closing brace in the data; 0: no usage
    bool is_usage_only = false;  ///< no choices and a usage object: sent because we asked for it
};

/// One per attempt; sans-I/O.  An ordinary delta costs one scan of its bytes and no parse.
class AnswerProbe {
public:
    AnswerProbe() = default;
    /// `heard` (may be null, else outlives the probe) is given the model's words of each event.
    explicit AnswerProbe(tokens::Heard* heard) noexcept : heard_(heard) {}

    /// One event's data.  Fails when it is an error of the vendor's instead of an answer, or no
    /// JSON.
    [[nodiscard]] Result<ProbedEvent> event(std::string_view data);
    /// A whole JSON body.  Fails with protocol_error when it is not JSON, and when it is an error
    /// under a 2xx status.
    [[nodiscard]] Result<void> whole(std::string_view body);

    /// The last usage seen; not reported until there was one.
    [[nodiscard]] const Usage& usage() const noexcept {
        static const Usage kNone;
        return usage_ ? *usage_ : kNone;
    }
    /// The same, to keep; null when there was none.
    [[nodiscard]] std::unique_ptr<Usage> take_usage() noexcept { return std::move(usage_); }
    /// At least one choice had a finish_reason.
    [[nodiscard]] bool has_finished() const noexcept { return finished_; }

private:
    tokens::Heard* heard_ = nullptr;
    std::unique_ptr<Usage> usage_;  // apart: a stream has none until its end
    bool finished_ = false;
};

/// The usage that stands at the end of a body of which only the last bytes are at hand; not
/// reported where there is none.
[[nodiscard]] Usage usage_in_tail(std::string_view tail);

}  // namespace tollgate::adapters
