#include "adapters/dialect/anthropic_facts.hpp"

#include <array>

namespace tollgate::adapters::anthropic {
namespace {

using enum ThinkingForm;

// docs.anthropic.com/en/docs/about-claude/models and
// …/build-with-claude/{extended-thinking,structured-outputs}. The first row that is a prefix
// stands, so longer prefixes come first.
constexpr std::array kFacts{
    //          prefix              output  thinking  schema one_s  xhigh
    ModelFacts{"claude-3-haiku", 4096, none, false, false, false},
    ModelFacts{"claude-3-opus", 4096, none, false, false, false},
    ModelFacts{"claude-3-sonnet", 4096, none, false, false, false},
    ModelFacts{"claude-3-5-", 8192, none, false, false, false},
    ModelFacts{"claude-3-7-", 64000, budget, false, false, false},
    ModelFacts{"claude-haiku-4-5", 64000, budget, true, true, false},
    ModelFacts{"claude-sonnet-4-5", 64000, budget, true, true, false},
    ModelFacts{"claude-sonnet-4-6", 64000, adaptive, true, true, false},
    ModelFacts{"claude-opus-4-1", 32000, budget, false, true, false},
    ModelFacts{"claude-opus-4-5", 64000, budget, true, true, false},
    ModelFacts{"claude-opus-4-6", 128000, adaptive, true, true, false},
    ModelFacts{"claude-opus-4-7", 128000, adaptive, true, true, true},
    // Dated and undated ids of version 4 itself, but not a later 4.x, which is as the newest.
    ModelFacts{"claude-sonnet-4-2", 64000, budget, false, false, false},
    ModelFacts{"claude-sonnet-4-0", 64000, budget, false, false, false},
    ModelFacts{"claude-sonnet-4@", 64000, budget, false, false, false},
    ModelFacts{"claude-opus-4-2", 32000, budget, false, false, false},
    ModelFacts{"claude-opus-4-0", 32000, budget, false, false, false},
    ModelFacts{"claude-opus-4@", 32000, budget, false, false, false},
    ModelFacts{"claude-2", 4096, none, false, false, false},
    ModelFacts{"claude-instant", 4096, none, false, false, false},
    ModelFacts{"claude-", 64000, adaptive, true, true, true},
};
// Other makers' models behind the same protocol (DeepSeek, Zhipu, MiniMax and more have such an
// endpoint).
constexpr ModelFacts kOther{"", 4096, budget, false, false, false};

}  // namespace

const ModelFacts& facts_of(std::string_view model) noexcept {
    const std::size_t begin = model.find("claude-");
    if (begin == std::string_view::npos) {
        return kOther;
    }
    model.remove_prefix(begin);
    for (const ModelFacts& row : kFacts) {
        if (model.starts_with(row.prefix)) {
            return row;
        }
    }
    return kFacts.back();  // not reached: the last prefix is the one that was searched for
}

}  // namespace tollgate::adapters::anthropic
