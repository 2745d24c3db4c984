// adapters/cohere.cpp — Cohere, v2 chat.
// Source: https://docs.cohere.com/reference/chat, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"cohere_chat", "co"};
constexpr std::string_view kKeys[]{"COHERE_API_KEY", "CO_API_KEY"};
constexpr std::string_view kUrls[]{"CO_API_URL", "COHERE_API_BASE"};
}  // namespace

using namespace adapters;

extern constinit const Vendor cohere{
    .name = "cohere",
    .display = "Cohere",
    .aliases = kAliases,
    .base_url = "https://api.cohere.com",
    .key_env = kKeys,
    .base_url_env = kUrls,
    .dialect = DialectName::cohere,
    .operations = Op::chat | Op::embeddings | Op::models,
    .default_model = "command-a-03-2025",
    .docs = "https://docs.cohere.com/reference/chat",
};

}  // namespace tollgate::vendors
