// What Gemini models accept, by name.  Budgets: https://ai.google.dev/gemini-api/docs/thinking
// (2026-08).
#include "adapters/dialect/gemini.hpp"
#include "adapters/dialect/openai.hpp"

namespace tollgate::adapters::gemini {
namespace {

bool contains(std::string_view text, std::string_view word) noexcept {
    return text.find(word) != std::string_view::npos;
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// 25 for "2.5-flash…", 30 for "3-pro…"; 0 when the text does not start with a version.
unsigned version_of(std::string_view text) noexcept {
    if (text.empty() || !is_digit(text[0])) {
        return 0;
    }
    const auto digit = [](char c) { return static_cast<unsigned>(c - '0'); };
    unsigned version = digit(text[0]) * 10;
    if (text.size() > 1 && is_digit(text[1])) {  // generation ten and later
        version = (version + digit(text[1])) * 10;
        text.remove_prefix(1);
    }
    if (text.size() > 2 && text[1] == '.' && is_digit(text[2])) {
        version += digit(text[2]);
    }
    return version;
}

void set_thinking(ModelTraits& traits, std::string_view name) noexcept {
    // Image and speech variants answer 400 to any thinkingConfig.
    if (contains(name, "image") || contains(name, "tts") || contains(name, "audio")) {
        return;
    }
    if (traits.generation >= 30) {
        traits.thinking = Thinking::level;
        traits.fine_levels = contains(name, "flash");
        return;
    }
    traits.thinking = Thinking::budget;
    if (contains(name, "flash-lite")) {
        traits.min_budget = 512;
        traits.max_budget = 24576;
        traits.can_stop_thinking = true;
    } else if (contains(name, "flash")) {
        traits.max_budget = 24576;
        traits.can_stop_thinking = true;
    } else {
        traits.min_budget = 128;
        traits.max_budget = 32768;
    }
}

}  // namespace

ModelTraits model_traits(std::string_view model) noexcept {
    const std::string_view name = model.substr(model.rfind('/') + 1);  // npos + 1 is 0
    constexpr std::string_view kFamily = "gemini-";
    ModelTraits traits;
    if (!name.starts_with(kFamily)) {
        return traits;  // gemma, tuned models, endpoint numbers
    }
    traits.generation = version_of(name.substr(kFamily.size()));
    if (traits.generation >= 25) {
        traits.json_schema = true;
        traits.signatures = traits.generation >= 30;
        traits.json_with_tools = traits.generation >= 30;
        set_thinking(traits, name);
    } else if (traits.generation == 0 && name.ends_with("-latest")) {
        // "gemini-flash-latest" moves with time: at least 2.5, so what 2.5 and 3 both take is used.
        traits.json_schema = true;
        traits.signatures = true;
        set_thinking(traits, name);
    }
    return traits;
}

std::string versioned_path(const Endpoint& endpoint, std::string_view version) {
    std::string path(openai::base_path(endpoint.base_url));
    const std::string_view last = std::string_view(path).substr(path.rfind('/') + 1);
    if (last.size() >= 2 && last[0] == 'v' && is_digit(last[1])) {
        return path;
    }
    const std::string_view named = endpoint.api_version;
    path += '/';
    path += named.size() >= 2 && named[0] == 'v' && is_digit(named[1]) ? named : version;
    return path;
}

std::string compact(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    bool in_string = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
            continue;
        }
        out += c;
        if (c == '"') {
            in_string = !in_string;
        } else if (c == '\\' && in_string && i + 1 < json.size()) {
            out += json[++i];
        }
    }
    return out;
}

}  // namespace tollgate::adapters::gemini
