// adapters/deepseek.cpp — DeepSeek, OpenAI-shaped; finish reasons and cache counters of its own.
// Source: https://api-docs.deepseek.com/api/create-chat-completion, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"deepseek-ai"};
constexpr std::string_view kKeys[]{"DEEPSEEK_API_KEY"};
constexpr std::string_view kUrls[]{"DEEPSEEK_API_BASE"};
constexpr adapters::Rename kRenames[]{{"user", "user_id"}};
constexpr std::string_view kDrop[]{"service_tier", "verbosity", "store", "metadata",
                                   "parallel_tool_calls"};
}  // namespace

using namespace adapters;

extern constinit const Vendor deepseek{
    .name = "deepseek",
    .display = "DeepSeek",
    .aliases = kAliases,
    .region = Region::china,
    .base_url = "https://api.deepseek.com",
    .key_env = kKeys,
    .base_url_env = kUrls,
    .request = {.rename = kRenames,
                .drop = kDrop,
                .token_field = TokenField::max_tokens,
                .developer_as_system = true,
                .json_schema_as_object = true,
                .single_choice = true,
                .longest_call_id = 64},  // its own are shorter; Gemini's carry a signature
    .default_model = "deepseek-v4-flash",
    .docs = "https://api-docs.deepseek.com/api/create-chat-completion",
};

}  // namespace tollgate::vendors
