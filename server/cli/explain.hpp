// tollgate explain: what the router would choose, and why.
#pragma once

#include <span>
#include <string_view>

namespace tollgate::server::cli {

/// `arguments` behind the word "explain".  One prompt, or one a line on standard input and one JSON
/// object a line on standard output.  The process's exit code.
[[nodiscard]] int explain(std::span<const std::string_view> arguments);

inline constexpr std::string_view kExplainHelp =
    "usage: tollgate explain [--model M] [--key NAME] [--tag T ...] [--json] [-c FILE] PROMPT\n"
    "       tollgate explain [--model M] [--key NAME] [--tag T ...] --json [-c FILE] < PROMPTS\n"
    "\n"
    "What the router would do with the prompt: its task, difficulty and language, the candidates "
    "with\n"
    "prices, health and limits, who was left out and why, and the winner.  Without --model the "
    "model is\n"
    "auto; auto/cheap, auto/fast and auto/best are its policies.  Health is what a gateway that "
    "has "
    "just\n"
    "started knows; POST /admin/v1/explain asks one that runs.\n"
    "\n"
    "On standard input, without PROMPT, each line is a prompt: a JSON string, an object with "
    "messages,\n"
    "prompt, text or turns, an OpenAI request, or plain text.  One JSON object is printed for "
    "each.\n";

}  // namespace tollgate::server::cli
