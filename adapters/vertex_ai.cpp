// adapters/vertex_ai.cpp — Google Vertex AI: Gemini, Claude and open models.  Read 2026-11.
// Source: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"vertex", "vertex-ai", "google-vertex", "gcp_vertex"};
}  // namespace

using namespace adapters;

extern constinit const Vendor vertex_ai{
    .name = "vertex_ai",
    .display = "Google Vertex AI",
    .aliases = kAliases,
    .dialect = DialectName::vertex,
    .auth = Auth::google,
    .operations = Op::chat | Op::embeddings,
    .default_model = "gemini-2.5-flash",
    .docs = "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
};

}  // namespace tollgate::vendors
