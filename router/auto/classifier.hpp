// What kind of task a prompt is, as far as its structure tells.  In process, no I/O.
#pragma once

#include "router/auto/prompt.hpp"
#include "router/auto/task.hpp"

namespace tollgate::router {

struct Classification {
    Task task = Task::chat;
    Difficulty difficulty = Difficulty::medium;
    Language language = Language::other;
    float confidence = 0;  ///< of the task, 0 to 1; 0: nothing spoke for any task
};

struct ClassifierOptions {
    std::uint64_t long_context = 32'768;  ///< tokens from which a prompt is long_context
};

/// Images make a task vision, offered tools or tools' results agentic, length long_context; with
/// confidence 1.  The words are not read yet: without any of these the task is chat with confidence
/// 0, the difficulty medium and the language other.  No allocation.
[[nodiscard]] Classification classify(const PromptOutline& prompt, std::uint64_t tokens,
                                      const ClassifierOptions& options) noexcept;

}  // namespace tollgate::router
