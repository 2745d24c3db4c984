// adapters/azure_openai.cpp — Azure OpenAI: OpenAI behind deployments and api-version.
// Source: https://learn.microsoft.com/azure/ai-services/openai/reference, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"azure", "azure-openai"};
constexpr std::string_view kKeys[]{"AZURE_OPENAI_API_KEY", "AZURE_API_KEY"};
constexpr std::string_view kUrls[]{"AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"};
// As for OpenAI (openai.cpp), whose models these are.
constexpr std::string_view kDrop[]{"thinking"};
constexpr std::string_view kForeign[]{
    "reasoning_content", "reasoning", "reasoning_details",       "thinking_blocks",
    "extra_content",     "signature", "provider_specific_fields"};
}  // namespace

using namespace adapters;

extern constinit const Vendor azure_openai{
    .name = "azure_openai",
    .display = "Azure OpenAI",
    .aliases = kAliases,
    .key_env = kKeys,
    .base_url_env = kUrls,
    .dialect = DialectName::azure,
    .auth = Auth::api_key_header,
    .auth_header = "api-key",
    .operations = Op::chat | Op::completions | Op::embeddings | Op::models,
    .request = {.drop = kDrop, .foreign = kForeign, .longest_call_id = 40},
    .api_version = "2024-10-21",
    .docs = "https://learn.microsoft.com/azure/ai-services/openai/reference",
};

}  // namespace tollgate::vendors
