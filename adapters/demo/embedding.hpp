// The demo model's embeddings: texts that share words point in similar directions.
#pragma once

#include "adapters/codec/json.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tollgate::demo {

inline constexpr std::size_t kDefaultDimensions = 256;
inline constexpr std::size_t kMostDimensions = 3072;
inline constexpr std::size_t kMostInputs = 2048;  // OpenAI's own limit for one request

/// One unit vector.  `words` are hashes of the text's words, or token ids.
[[nodiscard]] std::vector<float> embed(const std::vector<std::uint64_t>& words,
                                       std::size_t dimensions);

/// A whole answer to an embeddings request.  Failures are bad_request with `param`.
[[nodiscard]] Result<std::string> answer_embeddings(json::Value request, std::string_view model);

}  // namespace tollgate::demo
