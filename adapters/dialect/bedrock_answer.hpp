// What the two deliveries of an answer share: usage, reasoning blocks, tool numbering, the stop
// reason.
#pragma once

#include "adapters/dialect/bedrock.hpp"

#include <string>
#include <string_view>

namespace tollgate::adapters::bedrock {

/// A protocol_error about the answer.
[[nodiscard]] Failure broken(std::string_view what);

[[nodiscard]] Usage read_usage(json::Value usage);

/// One-element arrays, so that a writer can append them to each other.
[[nodiscard]] std::string in_list(json::Value value);
[[nodiscard]] std::string thinking_block(std::string_view text, std::string_view signature);
[[nodiscard]] std::string redacted_block(std::string_view data);

/// Passes on the members of an answer or event that OpenAI's shape has no place for (trace, …).
void extend(json::Value event, EventSink& sink);

/// `json` stands in for structured output: its arguments are the answer's text.  `server` is run by
/// Bedrock itself.
enum class ToolKind : std::uint8_t { client, json, server };
[[nodiscard]] ToolKind kind_of_tool(json::Value tool_use) noexcept;

/// What has been said so far, as far as later parts of the answer depend on it.
class Progress {
public:
    void say(std::string_view text, EventSink& sink);
    /// Announces a client's tool and gives its number.
    unsigned open_tool(json::Value tool_use, EventSink& sink);
    /// Fails when the model produced nothing but a malformed attempt.
    [[nodiscard]] Result<FinishReason> reason_of(std::string_view stop_reason) const;

private:
    unsigned tools_ = 0;
    bool has_text_ = false;
};

}  // namespace tollgate::adapters::bedrock
