// What kind of task a prompt is, how hard, and in which language.  In process, no I/O, no
// allocation.
#pragma once

#include "router/auto/prompt.hpp"
#include "router/auto/task.hpp"
#include "router/auto/weights.hpp"

namespace tollgate::router {

struct Classification {
    Task task = Task::chat;
    Difficulty difficulty = Difficulty::medium;
    Language language = Language::other;
    float confidence = 0;  ///< of the task, 0 to 1
};

struct ClassifierOptions {
    std::uint64_t long_context = 32'768;  ///< tokens from which a prompt is long_context
};

/// Images make a task vision, offered tools or tools' results agentic, length long_context; with
/// confidence 1.  Else the words and the shape of the text decide, by `weights`.  Takes some tens
/// of microseconds, and 64 KiB of stack.
[[nodiscard]] Classification classify(const PromptOutline& prompt, std::uint64_t tokens,
                                      const ClassifierOptions& options,
                                      const Weights& weights = Weights::built_in()) noexcept;

}  // namespace tollgate::router
