// adapters/llama_cpp.cpp — llama.cpp server, OpenAI-shaped.
// Source: https://github.com/ggml-org/llama.cpp/tree/master/tools/server, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"llamacpp", "llama.cpp", "llama-server"};
}  // namespace

using namespace adapters;

extern constinit const Vendor llama_cpp{
    .name = "llama_cpp",
    .display = "llama.cpp server",
    .aliases = kAliases,
    .kind = VendorKind::local,
    .region = Region::any,
    .base_url = "http://127.0.0.1:8080/v1",
    .auth = Auth::optional_bearer,
    .operations = Op::chat | Op::completions | Op::embeddings | Op::models,
    .request = {.token_field = TokenField::max_tokens, .developer_as_system = true},
    .docs = "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
};

}  // namespace tollgate::vendors
