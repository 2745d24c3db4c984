// What the demo model reads out of a chat request.
#pragma once

#include "adapters/codec/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::demo {

struct Tool {
    std::string_view name;
    json::Value parameters;  ///< missing: the tool takes none
};

/// Views and values live as long as the parsed request.
struct Conversation {
    std::string user_text;            ///< text of the last user message
    std::vector<std::string> images;  ///< of the last user message, e.g. "image/png of 67 bytes"
    std::vector<std::string>
        tool_results;         ///< when the conversation ends with tool messages: their contents
    std::vector<Tool> calls;  ///< the tools that the model decides to call
    std::uint64_t prompt_tokens = 0;
};

/// Reads messages and tools of a chat request.  Failures are bad_request with `param`.
///
/// Which tools are called: none without `tools`, with tool_choice "none", or when the conversation
/// ends with a tool's result. Else the tool that tool_choice names; else those whose names the last
/// user text contains; else, when that text contains "call" or tool_choice is "required", the first
/// one, or the first two when it also contains "both". parallel_tool_calls false keeps one.
[[nodiscard]] Result<Conversation> read_conversation(json::Value request);

/// Schemas beyond this are refused: what is made from them is bounded anyway.
inline constexpr std::size_t kSchemaLimit = 256 * 1024;

}  // namespace tollgate::demo
