// adapters/openai_compat.cpp — Any server of OpenAI shape; what deviates is configured.
// Source: https://platform.openai.com/docs/api-reference, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"openai-compatible", "generic"};
}  // namespace

using namespace adapters;

extern constinit const Vendor openai_compat{
    .name = "openai_compat",
    .display = "OpenAI-compatible server",
    .aliases = kAliases,
    .kind = VendorKind::cloud,
    .region = Region::any,
    .auth = Auth::optional_bearer,
    .operations = Op::chat | Op::completions | Op::embeddings | Op::models,
    .docs = "https://platform.openai.com/docs/api-reference",
};

}  // namespace tollgate::vendors
