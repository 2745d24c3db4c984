// reasoning_effort in the words of each model family.
#include "adapters/dialect/bedrock.hpp"

#include <algorithm>
#include <array>

namespace tollgate::adapters::bedrock {
namespace {

// thinking.budget_tokens has this minimum; effort levels are spread above it.
constexpr std::uint64_t kMinBudget = 1024;
// Room for the answer itself where the client set no limit.
constexpr std::uint64_t kAnswerTokens = 4096;

struct Effort {
    std::string_view word;
    std::uint64_t budget;
    std::string_view adaptive;
    std::string_view nova;
};
constexpr std::array kEfforts{
    Effort{"minimal", 1024, "low", "low"},      Effort{"low", 1024, "low", "low"},
    Effort{"medium", 2048, "medium", "medium"}, Effort{"high", 4096, "high", "high"},
    Effort{"xhigh", 8192, "xhigh", "high"},     Effort{"max", 16384, "max", "high"},
};

class Planner {
public:
    Planner(json::Value root, std::optional<std::uint64_t> max_tokens, const ModelTraits& traits)
        : root_(root), traits_(traits) {
        reasoning_.max_tokens = max_tokens;
    }

    Result<Reasoning> plan(bool unsigned_tool_turn) {
        const json::Value own = root_["thinking"].exists()
                                    ? root_["thinking"]
                                    : root_["additionalModelRequestFields"]["thinking"];
        if (own.is_object()) {
            const std::string_view type = own["type"].string();
            reasoning_.is_on = type == "enabled" || type == "adaptive";
            leave_room(own["budget_tokens"].count());
            return std::move(reasoning_);
        }
        const json::Value asked = root_["reasoning_effort"];
        if (!asked.exists() || asked.is_null()) {
            return std::move(reasoning_);
        }
        const std::string_view word = asked.string();
        const auto effort = std::ranges::find(kEfforts, word, &Effort::word);
        if (word == "none") {
            switch_off();
        } else if (effort == kEfforts.end()) {
            return fail_param(
                "reasoning_effort",
                "reasoning_effort must be none, minimal, low, medium, high, xhigh or max.");
        } else if (!traits_.anthropic_fields || !unsigned_tool_turn) {
            // Anthropic's models refuse to think on after a tool turn whose signed reasoning is
            // missing.
            switch_on(*effort);
        }
        return std::move(reasoning_);
    }

private:
    void switch_off() {
        if (traits_.thinking == Thinking::adaptive) {
            reasoning_.fields.emplace_back("thinking", R"({"type":"disabled"})");
        } else if (traits_.thinking == Thinking::nova) {
            reasoning_.fields.emplace_back("reasoningConfig", R"({"type":"disabled"})");
        }
    }

    void switch_on(const Effort& effort) {
        switch (traits_.thinking) {
            case Thinking::none:
                return;
            case Thinking::budget:
                return switch_on_budget(effort.budget);
            case Thinking::adaptive: {
                const bool is_too_high = effort.adaptive == "xhigh" && !traits_.xhigh;
                reasoning_.fields.emplace_back("thinking", R"({"type":"adaptive"})");
                reasoning_.fields.emplace_back(
                    "output_config",
                    object_of({{"effort", is_too_high ? "high" : effort.adaptive}}));
                reasoning_.is_on = true;
                return;
            }
            case Thinking::nova: {
                // "high" takes no maxTokens: the client's limit wins over the effort.
                reasoning_.no_samplers = effort.nova == "high" && !reasoning_.max_tokens;
                const bool is_too_high = effort.nova == "high" && !reasoning_.no_samplers;
                reasoning_.fields.emplace_back(
                    "reasoningConfig",
                    object_of({{"type", "enabled"},
                               {"maxReasoningEffort", is_too_high ? "medium" : effort.nova}}));
                return;
            }
            case Thinking::effort: {
                const std::string_view word = effort.budget > 4096 ? "high" : effort.adaptive;
                std::string value;
                json::append_string(value, word);
                reasoning_.fields.emplace_back("reasoning_effort", std::move(value));
                return;
            }
        }
    }

    // The budget counts within the client's limit.  A limit too small for any budget wins over the
    // effort: the limit is about money, the effort only tunes.
    void switch_on_budget(std::uint64_t budget) {
        if (reasoning_.max_tokens) {
            if (*reasoning_.max_tokens <= kMinBudget) {
                return;
            }
            budget = std::min(budget, *reasoning_.max_tokens - 1);
        }
        leave_room(budget);
        std::string value = R"({"type":"enabled","budget_tokens":)";
        value.append(std::to_string(budget)).push_back('}');
        reasoning_.fields.emplace_back("thinking", std::move(value));
        reasoning_.is_on = true;
    }

    // maxTokens must exceed the budget; the vendor's default may not.
    void leave_room(std::uint64_t budget) {
        if (!reasoning_.max_tokens && budget != 0 &&
            !root_["inferenceConfig"]["maxTokens"].exists()) {
            reasoning_.max_tokens = budget + kAnswerTokens;
        }
    }

    json::Value root_;
    const ModelTraits& traits_;
    Reasoning reasoning_;
};

}  // namespace

Result<Reasoning> read_reasoning(json::Value root, std::optional<std::uint64_t> max_tokens,
                                 const ModelTraits& traits, bool unsigned_tool_turn) {
    return Planner(root, max_tokens, traits).plan(unsigned_tool_turn);
}

std::string object_of(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    for (const auto& [name, value] : members) {
        writer.member(name, value);
    }
    writer.end_object();
    return out;
}

}  // namespace tollgate::adapters::bedrock
