// Files of labelled prompts; README.md has the form.
#pragma once

#include "router/auto/task.hpp"

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

namespace tollgate::router::train {

struct LabelledPrompt {
    Task task = Task::chat;
    Difficulty difficulty = Difficulty::medium;
    Language language = Language::other;
    std::string text;       ///< with its alternatives as written
    std::size_t line = 0;   ///< of its first line
    std::size_t block = 0;  ///< of its file
};

/// Fails with the line and what is wrong there.
[[nodiscard]] std::expected<std::vector<LabelledPrompt>, std::string> read_prompts(
    const std::string& path);

/// The text with one of each [[a|b]]; `choice` picks it.
[[nodiscard]] std::string choose_alternatives(const std::string& text, std::size_t choice);

/// As a string in JSON, without its quotes.
[[nodiscard]] std::string json_escaped(const std::string& text);

}  // namespace tollgate::router::train
