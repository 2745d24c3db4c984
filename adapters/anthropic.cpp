// adapters/anthropic.cpp — Anthropic, Messages protocol.
// Source: https://docs.anthropic.com/en/api/messages, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"claude"};
constexpr std::string_view kKeys[]{"ANTHROPIC_API_KEY"};
constexpr std::string_view kUrls[]{"ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"};
}  // namespace

using namespace adapters;

extern constinit const Vendor anthropic{
    .name = "anthropic",
    .display = "Anthropic",
    .aliases = kAliases,
    .base_url = "https://api.anthropic.com",
    .key_env = kKeys,
    .base_url_env = kUrls,
    .dialect = DialectName::anthropic,
    .auth = Auth::api_key_header,
    .auth_header = "x-api-key",
    .default_model = "claude-sonnet-4-5",
    .api_version = "2023-06-01",
    .docs = "https://docs.anthropic.com/en/api/messages",
};

}  // namespace tollgate::vendors
