// adapters/gemini.cpp — Google Gemini API (generativelanguage).
// Source: https://ai.google.dev/api/generate-content, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"google", "google_ai_studio", "google-ai-studio",
                                      "generativelanguage"};
constexpr std::string_view kKeys[]{"GOOGLE_API_KEY", "GEMINI_API_KEY",
                                   "GOOGLE_GENERATIVE_AI_API_KEY"};
constexpr std::string_view kUrls[]{"GOOGLE_GEMINI_BASE_URL", "GEMINI_API_BASE"};
}  // namespace

using namespace adapters;

extern constinit const Vendor gemini{
    .name = "gemini",
    .display = "Google Gemini",
    .aliases = kAliases,
    .base_url = "https://generativelanguage.googleapis.com",
    .key_env = kKeys,
    .base_url_env = kUrls,
    .dialect = DialectName::gemini,
    .auth = Auth::google,
    .operations = Op::chat | Op::embeddings | Op::models,
    .default_model = "gemini-2.5-flash",
    .docs = "https://ai.google.dev/api/generate-content",
};

}  // namespace tollgate::vendors
