// adapters/groq.cpp — Groq, OpenAI-shaped.
// Source: https://console.groq.com/docs/api-reference, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kKeys[]{"GROQ_API_KEY"};
constexpr std::string_view kDrop[]{"thinking"};
// "property 'reasoning_content' is unsupported" (seen 2026-05 to 2026-09 in reports of several
// clients); `reasoning` is the vendor's own.
constexpr std::string_view kForeign[]{"reasoning_content", "reasoning_details",
                                      "thinking_blocks",   "extra_content",
                                      "signature",         "provider_specific_fields"};
constexpr std::string_view kRefuse[]{"logprobs", "top_logprobs", "logit_bias"};
}  // namespace

using namespace adapters;

extern constinit const Vendor groq{
    .name = "groq",
    .display = "Groq",
    .base_url = "https://api.groq.com/openai/v1",
    .key_env = kKeys,
    .request = {.drop = kDrop,
                .refuse = kRefuse,  // the vendor answers 400
                .token_field = TokenField::max_completion_tokens,
                .developer_as_system = true,
                .single_choice = true,
                .foreign = kForeign,
                .longest_call_id = 40},
    .usage_in = UsageIn::x_groq,
    .default_model = "llama-3.3-70b-versatile",
    .docs = "https://console.groq.com/docs/api-reference",
};

}  // namespace tollgate::vendors
