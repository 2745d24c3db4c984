// What differs between Claude models, as data.
#pragma once

#include <cstdint>
#include <string_view>

namespace tollgate::adapters::anthropic {

/// Which `thinking` objects a model takes.
enum class ThinkingForm : std::uint8_t {
    none,      ///< it cannot think
    budget,    ///< {type: enabled, budget_tokens}
    adaptive,  ///< {type: adaptive} with output_config.effort
};

struct ModelFacts {
    std::string_view prefix;   ///< of the id, from "claude-" on
    std::uint32_t max_output;  ///< the ceiling of max_tokens, sent when the client names no limit
    ThinkingForm thinking;
    bool json_schema;         ///< takes output_config.format; else a forced tool stands in
    bool one_sampling_field;  ///< refuses temperature together with top_p
    bool xhigh_effort;        ///< takes effort "xhigh"; else "high" is the nearest
};

/// The facts for a model id; platforms' decorations ("us.anthropic.claude-…", "claude-…@2025…") are
/// looked through. Ids that are not known get what the newest models take; ids without "claude-"
/// get the common minimum.
[[nodiscard]] const ModelFacts& facts_of(std::string_view model) noexcept;

}  // namespace tollgate::adapters::anthropic
