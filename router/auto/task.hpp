// What the auto-router finds in a request: kind of task, difficulty, language.
#pragma once

#include "config/auto_words.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tollgate::router {

/// In the order of config::kTaskWords and of the classifier's columns.
enum class Task : std::uint8_t {
    code,
    math,
    reasoning,
    writing,
    roleplay,
    extraction,
    summarisation,
    translation,
    knowledge,
    chat,
    agentic,
    vision,
    long_context,
};
inline constexpr std::size_t kTasks = config::kTaskWords.size();
/// The last two are seen in a request's structure only, never in its words.
inline constexpr std::size_t kTextTasks = 11;

enum class Difficulty : std::uint8_t { easy, medium, hard };
inline constexpr std::size_t kDifficulties = config::kDifficultyWords.size();

/// In the order of config::kLanguageWords.
enum class Language : std::uint8_t { en, zh, es, fr, de, pt, it, ru, ja, ko, ar, hi, other };
inline constexpr std::size_t kLanguages = config::kLanguageWords.size();

[[nodiscard]] constexpr std::string_view to_string(Task task) noexcept {
    return config::kTaskWords[static_cast<std::size_t>(task)];
}
[[nodiscard]] constexpr std::string_view to_string(Difficulty difficulty) noexcept {
    return config::kDifficultyWords[static_cast<std::size_t>(difficulty)];
}
[[nodiscard]] constexpr std::string_view to_string(Language language) noexcept {
    return config::kLanguageWords[static_cast<std::size_t>(language)];
}
[[nodiscard]] constexpr std::optional<Task> task_of(std::string_view word) noexcept {
    for (std::size_t i = 0; i < kTasks; ++i) {
        if (config::kTaskWords[i] == word) {
            return static_cast<Task>(i);
        }
    }
    return std::nullopt;
}

}  // namespace tollgate::router
