// The words by which the auto-router calls what it finds; the enums of router/auto/task.hpp have
// the same order.
#pragma once

#include <array>
#include <string_view>

namespace tollgate::config {

/// docs/routing.md says what each means.
inline constexpr std::array<std::string_view, 13> kTaskWords{
    "code",        "math",      "reasoning", "writing", "roleplay", "extraction",  "summarisation",
    "translation", "knowledge", "chat",      "agentic", "vision",   "long_context"};
inline constexpr std::array<std::string_view, 3> kDifficultyWords{"easy", "medium", "hard"};
/// ISO 639-1 codes.
inline constexpr std::array<std::string_view, 13> kLanguageWords{
    "en", "zh", "es", "fr", "de", "pt", "it", "ru", "ja", "ko", "ar", "hi", "other"};

}  // namespace tollgate::config
