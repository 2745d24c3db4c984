// https://ai.google.dev/api/generate-content#UsageMetadata
#include "adapters/dialect/gemini_usage.hpp"

#include <algorithm>

namespace tollgate::adapters::gemini {
namespace {

void take_audio(json::Value details, std::uint64_t& into) {
    if (!details.is_array()) {
        return;
    }
    into = 0;
    for (const json::Value detail : details) {
        if (detail["modality"].string() == "AUDIO") {
            into += detail["tokenCount"].count();
        }
    }
}

}  // namespace

bool UsageCounters::merge(json::Value metadata) {
    bool any = false;
    const auto take = [&](std::string_view name, std::uint64_t& into) {
        if (const json::Value value = metadata[name]; value.is_number()) {
            into = value.count();
            any = true;
        }
    };
    take("promptTokenCount", prompt_);
    take("toolUsePromptTokenCount", tool_use_);
    take("cachedContentTokenCount", cached_);
    take("candidatesTokenCount", candidates_);
    take("thoughtsTokenCount", thoughts_);
    take("totalTokenCount", total_);
    take_audio(metadata["promptTokensDetails"], audio_prompt_);
    take_audio(metadata["cacheTokensDetails"], audio_cached_);
    take_audio(metadata["candidatesTokensDetails"], audio_output_);
    return any;
}

Usage UsageCounters::usage() const noexcept {
    Usage usage;
    usage.reported = true;
    const std::uint64_t prompt = prompt_ + tool_use_;
    usage.cache_read = std::min(cached_, prompt);
    const std::uint64_t fresh = prompt - usage.cache_read;
    usage.audio_input = std::min(audio_prompt_ - std::min(audio_cached_, audio_prompt_), fresh);
    usage.input = fresh - usage.audio_input;
    usage.reasoning = thoughts_;
    std::uint64_t visible = candidates_;
    // Some versions count the thoughts among the candidates; the total tells.
    if (thoughts_ != 0 && visible >= thoughts_ && total_ == prompt + candidates_) {
        visible -= thoughts_;
    }
    usage.audio_output = std::min(audio_output_, visible);
    usage.output = visible - usage.audio_output;
    return usage;
}

}  // namespace tollgate::adapters::gemini
