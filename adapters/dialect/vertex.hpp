// Vertex AI: Google's Gemini models and other makers' models behind one host, each in the protocol
// of its maker.
#pragma once

#include "adapters/dialect.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::adapters::vertex {

/// The host of a location, for endpoints without a configured base_url: "global" (also when empty),
/// the multi-regions "us" and "eu", or a region such as "europe-west4".
[[nodiscard]] std::string default_base_url(std::string_view location);

/// The protocol that a model speaks here.
enum class Protocol : std::uint8_t {
    gemini,      ///< publishers/google, and tuned models on endpoints of their own
    anthropic,   ///< publishers/anthropic: rawPredict with Anthropic's body
    raw_openai,  ///< publishers that take OpenAI's shape by rawPredict (Mistral, AI21)
    openapi,     ///< "publisher/model": endpoints/openapi, OpenAI's shape
};

/// Where a model lives, read from its name.
struct Place {
    Protocol protocol = Protocol::gemini;
    std::string_view publisher = "google";
    std::string model;         ///< id as the path has it; openapi: as the body has it
    bool is_endpoint = false;  ///< a deployed model: endpoints/<model> instead of publishers/…
};
[[nodiscard]] Place place_of(std::string_view model);

/// The body of an embeddings request and the verb of its path.
struct EmbeddingBody {
    std::string json;
    std::string_view verb;  ///< ":predict" or ":embedContent"
};
[[nodiscard]] Result<EmbeddingBody> encode_embeddings(const Request& request,
                                                      std::string_view model);
/// The answer to either verb, or OpenAI's own shape (endpoints/openapi), in OpenAI's shape.
[[nodiscard]] Result<std::string> decode_embeddings(std::string_view body, const Request& request,
                                                    std::string_view model, Usage& usage);

}  // namespace tollgate::adapters::vertex
