// adapters/ollama.cpp — Ollama, native NDJSON protocol.
// Source: https://github.com/ollama/ollama/blob/main/docs/api.md, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kUrls[]{"OLLAMA_HOST", "OLLAMA_API_BASE"};
}  // namespace

using namespace adapters;

extern constinit const Vendor ollama{
    .name = "ollama",
    .display = "Ollama",
    .kind = VendorKind::local,
    .region = Region::any,
    .base_url = "http://localhost:11434",
    .base_url_env = kUrls,
    .dialect = DialectName::ollama,
    .auth = Auth::optional_bearer,
    .operations = Op::chat | Op::completions | Op::embeddings | Op::models,
    .docs = "https://github.com/ollama/ollama/blob/main/docs/api.md",
};

}  // namespace tollgate::vendors
