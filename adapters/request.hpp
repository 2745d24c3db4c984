// The client's request as the gateway sees it: bytes, plus the places in them that matter.
#pragma once

#include "failover/failure.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::adapters {

/// What the client asks for; one per endpoint.  Values index small tables, so the order is part of
/// the contract.
enum class Operation : std::uint8_t { chat, completions, embeddings };
inline constexpr std::size_t kOperations = 3;
[[nodiscard]] std::string_view to_string(Operation operation) noexcept;

/// A half-open range of byte offsets.
struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
    [[nodiscard]] bool empty() const noexcept { return begin == end; }
    [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

/// One top-level member of the request object, as ranges of the body.
struct Member {
    std::string_view key;  ///< without quotes, as written (escapes in keys are refused by peek)
    Range key_range;       ///< with quotes
    Range value;           ///< the value's exact bytes
};

/// A peeked request: nothing is copied, every view points into `body`, which must outlive it.  May
/// be copied and moved.
struct Request {
    Operation operation = Operation::chat;
    std::string_view body;
    std::vector<Member> members;  ///< in source order; duplicates are refused by peek
    std::string_view model;       ///< as the client wrote it, unescaped
    std::shared_ptr<const std::string>
        unescaped_model;  ///< owns `model` where the client wrote it with escapes
    bool stream = false;
    bool include_usage = false;               ///< the client set stream_options.include_usage
    std::optional<std::uint64_t> max_output;  ///< max_completion_tokens, else max_tokens

    [[nodiscard]] const Member* find(std::string_view key) const noexcept;
    [[nodiscard]] std::string_view raw(const Member& member) const noexcept {
        return body.substr(member.value.begin, member.value.size());
    }

    /// Reads `body` once and checks the whole of it: JSON syntax, UTF-8, depth, duplicate top-level
    /// keys, `model` present and a string, `messages` / `prompt` / `input` present and of the right
    /// kind, `stream` a boolean. `body` must have kBodySlack readable bytes after its end. Failures
    /// are bad_request, with `param` set where one field is at fault.
    [[nodiscard]] static Result<Request> peek(Operation operation, std::string_view body,
                                              std::size_t depth_limit);
};

/// Readable bytes that must follow a body given to Request::peek (simdjson reads whole vectors).
inline constexpr std::size_t kBodySlack = 64;

}  // namespace tollgate::adapters
