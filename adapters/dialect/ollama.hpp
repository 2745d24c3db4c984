// Ollama's native protocol, in the pieces that make up the dialect.
// Facts: https://github.com/ollama/ollama/blob/main/docs/api.md (2026-08).
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tollgate::adapters::ollama {

inline constexpr std::string_view kVendor = "Ollama";

/// The body of POST /api/chat (chat) or /api/generate (completions).
[[nodiscard]] Result<std::string> encode_chat(const Request& request, std::string_view model);
/// The elements of `messages`, inside an open array.
[[nodiscard]] Result<void> write_messages(json::Writer& writer, json::Value messages);
/// The body of POST /api/embed.
[[nodiscard]] Result<std::string> encode_embed(const Request& request, std::string_view model);

[[nodiscard]] std::unique_ptr<Decoder> decoder(Delivery delivery, const DecodeContext& context);

/// Unix seconds of "2025-01-15T09:30:00.123456789+01:00"; 0 when it is no such time.
[[nodiscard]] std::int64_t unix_seconds(std::string_view rfc3339) noexcept;

}  // namespace tollgate::adapters::ollama
