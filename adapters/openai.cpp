// adapters/openai.cpp — OpenAI, the shape that the others are measured by.
// Source: https://platform.openai.com/docs/api-reference, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"oai"};
constexpr std::string_view kKeys[]{"OPENAI_API_KEY"};
constexpr std::string_view kUrls[]{"OPENAI_BASE_URL", "OPENAI_API_BASE"};
// Other vendors' parameter and what their answers carry; this one refuses what it does not know.
constexpr std::string_view kDrop[]{"thinking"};
constexpr std::string_view kForeign[]{
    "reasoning_content", "reasoning", "reasoning_details",       "thinking_blocks",
    "extra_content",     "signature", "provider_specific_fields"};
}  // namespace

using namespace adapters;

extern constinit const Vendor openai{
    .name = "openai",
    .display = "OpenAI",
    .aliases = kAliases,
    .base_url = "https://api.openai.com/v1",
    .key_env = kKeys,
    .base_url_env = kUrls,
    .operations = Op::chat | Op::completions | Op::embeddings | Op::models,
    .request = {.drop = kDrop, .foreign = kForeign, .longest_call_id = 40},
    .default_model = "gpt-4o-mini",
    .docs = "https://platform.openai.com/docs/api-reference",
};

}  // namespace tollgate::vendors
