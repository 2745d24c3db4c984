// What the demo model has decided to say, and OpenAI's shapes for it.
#pragma once

#include "adapters/request.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::demo {

struct ToolUse {
    std::string id;
    std::string name;
    std::string arguments;
};

struct Choice {
    std::string reasoning;
    std::string text;
    std::vector<ToolUse> calls;
    std::string_view finish = "stop";
};

struct Reply {
    adapters::Operation operation = adapters::Operation::chat;
    std::string id;
    std::string model;
    std::int64_t created = 0;
    std::vector<Choice> choices;
    std::uint64_t prompt_tokens = 0;
    std::uint64_t output_tokens = 0;     ///< all of them
    std::uint64_t reasoning_tokens = 0;  ///< a part of output_tokens
    bool include_usage = false;          ///< streams only
};

/// chat.completion or text_completion.
[[nodiscard]] std::string whole_body(const Reply& reply);
/// chat.completion.chunk or text_completion frames, then [DONE].
[[nodiscard]] std::vector<std::string> stream_events(const Reply& reply);

}  // namespace tollgate::demo
