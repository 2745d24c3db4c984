// The hub between vendor dialects and client dialects: what a model's answer consists of, as
// events. A Decoder turns a vendor's bytes into these calls; a writer turns the calls into the
// client's shape.
#pragma once

#include "failover/failure.hpp"
#include "metrics/usage.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::adapters {

/// Why the model stopped.  `none`: the vendor has not said (yet).
enum class FinishReason : std::uint8_t { none, stop, length, tool_calls, content_filter };

/// OpenAI's word for a reason ("stop", "length", "tool_calls", "content_filter"); empty for none.
[[nodiscard]] std::string_view to_string(FinishReason reason) noexcept;

/// Disjoint counters; each decoder takes its vendor's totals apart.
using Usage = metrics::Usage;

/// Identity of an answer as the vendor gave it; empty fields: the vendor has none, the writer makes
/// one up.
struct AnswerStart {
    std::string_view id;
    std::string_view model;
    std::int64_t created = 0;  ///< unix seconds, 0: unknown
};

/// Receives an answer piece by piece.  Views die when the call returns.  `choice` is 0 except with
/// n > 1. Order: started once, then content in any order, finished per choice, usage at any time
/// (the last one wins).
class EventSink {
public:
    virtual ~EventSink() = default;
    virtual void started(const AnswerStart& start) = 0;
    virtual void text(unsigned choice, std::string_view piece) = 0;
    virtual void reasoning(unsigned choice, std::string_view piece) = 0;
    virtual void refusal(unsigned choice, std::string_view piece) = 0;
    /// A new tool call; `index` counts 0, 1, 2… per choice.
    virtual void tool_call(unsigned choice, unsigned index, std::string_view id,
                           std::string_view name) = 0;
    virtual void tool_arguments(unsigned choice, unsigned index, std::string_view piece) = 0;
    /// A vendor field that OpenAI's shape has no place for, kept beside the content: `name` on the
    /// message or delta, `json` its value (e.g. thinking_blocks with signatures, annotations,
    /// images).
    virtual void extension(unsigned choice, std::string_view name, std::string_view json) = 0;
    virtual void finished(unsigned choice, FinishReason reason) = 0;
    virtual void usage(const Usage& usage) = 0;
};

/// Turns one attempt's answer into events.  One per attempt, single thread, synchronous.
/// feed() takes whatever arrived, split anywhere; it never keeps the view.
class Decoder {
public:
    virtual ~Decoder() = default;
    /// A Failure is final: an in-band error of the vendor (classified as its status would have
    /// been) or protocol_error.
    [[nodiscard]] virtual Result<void> feed(std::string_view bytes, EventSink& sink) = 0;
    /// The vendor's bytes ended (cleanly, as far as HTTP goes).  Fails with protocol_error when the
    /// answer is not complete.
    [[nodiscard]] virtual Result<void> end(EventSink& sink) = 0;
};

}  // namespace tollgate::adapters
