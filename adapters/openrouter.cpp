// adapters/openrouter.cpp — OpenRouter, an aggregator of OpenAI shape.
// Source: https://openrouter.ai/docs/api-reference/overview, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kKeys[]{"OPENROUTER_API_KEY"};
}  // namespace

using namespace adapters;

extern constinit const Vendor openrouter{
    .name = "openrouter",
    .display = "OpenRouter",
    .kind = VendorKind::aggregator,
    .region = Region::any,
    .base_url = "https://openrouter.ai/api/v1",
    .key_env = kKeys,
    .operations = Op::chat | Op::completions | Op::embeddings | Op::models,
    // Behind it may be a vendor with short ids.
    .request = {.developer_as_system = true, .longest_call_id = 40, .takes_fallbacks = true},
    .default_model = "openrouter/auto",
    .docs = "https://openrouter.ai/docs/api-reference/overview",
};

}  // namespace tollgate::vendors
