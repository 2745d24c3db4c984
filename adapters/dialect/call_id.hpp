// Ids of tool calls: what one vendor hides in them, and what another takes.  Both the call and its
// result go through the same function, so that they still belong together.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tollgate::adapters {

/// Gemini's thought signature, which that vendor wants back, travels in the id:
/// "<id>__thought__<base64url>".  Ids are the one part of a tool call that every client returns
/// unchanged; fields beside it are dropped by many frameworks.
inline constexpr std::string_view kSignatureMark = "__thought__";
[[nodiscard]] std::string join_signature(std::string_view id, std::string_view signature);
/// The id without the mark, and the signature in Google's base64 (empty: none).
[[nodiscard]] std::pair<std::string_view, std::string> split_signature(std::string_view id);

/// The id as other vendors may see it.
[[nodiscard]] std::string_view without_signature(std::string_view id) noexcept;

/// `prefix` and a digest of the id, in 32 hexadecimal digits: for vendors that take only short ids.
[[nodiscard]] std::string digest_id(std::string_view prefix, std::string_view id);

}  // namespace tollgate::adapters
