#include "metrics/catalog/model.hpp"

#include <algorithm>
#include <array>

namespace tollgate::catalog {
namespace {

template <std::size_t N, class E>
std::string_view word(const std::array<std::string_view, N>& words, E value) noexcept {
    const auto index = static_cast<std::size_t>(value);
    return index < N ? words[index] : "unknown";
}

constexpr std::array<std::string_view, kCurrencies> kCurrencyNames{"USD", "CNY", "EUR"};

}  // namespace

std::string_view to_string(Type type) noexcept {
    static constexpr std::array<std::string_view, 12> kNames{
        "chat",     "completion", "embedding", "rerank", "stt",        "tts",
        "realtime", "image",      "video",     "ocr",    "moderation", "search"};
    return word(kNames, type);
}

std::string_view to_string(Currency currency) noexcept {
    return word(kCurrencyNames, currency);
}

std::optional<Currency> currency_named(std::string_view name) noexcept {
    const auto* const found = std::ranges::find(kCurrencyNames, name);
    if (found == kCurrencyNames.end()) {
        return std::nullopt;
    }
    return static_cast<Currency>(found - kCurrencyNames.begin());
}

std::string_view to_string(Can can) noexcept {
    static constexpr std::array<std::string_view, kCans> kNames{
        "tools",        "parallel_tools", "stream_tools", "tool_choice",  "structured_output",
        "json_mode",    "reasoning",      "vision",       "audio_input",  "audio_output",
        "video_input",  "pdf_input",      "image_output", "prompt_cache", "web_search",
        "computer_use", "prefill",        "system",       "streaming",    "embedding",
        "rerank",       "temperature"};
    return word(kNames, can);
}

}  // namespace tollgate::catalog
