// Cohere's v2 protocol, in the pieces that make up the dialect.
// Facts: https://docs.cohere.com/reference/chat, …/chat-stream, …/embed, and Cohere's own Python
// SDK (2026-08).
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tollgate::adapters::cohere {

inline constexpr std::string_view kVendor = "Cohere";

/// The body of POST /v2/chat for a chat or completions request.
[[nodiscard]] Result<std::string> encode_chat(const Request& request, std::string_view model);
/// The elements of `messages`, inside an open array.
[[nodiscard]] Result<void> write_messages(json::Writer& writer, json::Value messages);
/// The body of POST /v2/embed.
[[nodiscard]] Result<std::string> encode_embed(const Request& request, std::string_view model);

[[nodiscard]] std::unique_ptr<Decoder> decoder(Delivery delivery, const DecodeContext& context);

}  // namespace tollgate::adapters::cohere
