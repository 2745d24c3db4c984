// The parts of a request that tell what is asked for: who said what, and what comes with it. Reads
// the bytes that Request::peek has checked, and copies none.
#pragma once

#include "adapters/request.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace tollgate::router {

/// Text as it stands in the body, in at most kPieces strings without their quotes; JSON's escapes
/// are still in it.
struct RawText {
    static constexpr std::size_t kPieces = 8;
    std::array<std::string_view, kPieces> pieces{};
    std::size_t count = 0;
    void add(std::string_view piece) noexcept {
        // Of many parts the first and the last tell most; the middle makes room.
        if (count < kPieces) {
            pieces[count++] = piece;
            return;
        }
        for (std::size_t i = kPieces / 2; i + 1 < kPieces; ++i) {
            pieces[i] = pieces[i + 1];
        }
        pieces[kPieces - 1] = piece;
    }
    [[nodiscard]] bool empty() const noexcept { return count == 0; }
};

struct PromptOutline {
    RawText user;     ///< the last message of the user, or a completion's prompt
    RawText system;   ///< the first system or developer message
    RawText opening;  ///< the first message of the user, where that is not the last
    unsigned user_turns = 0;
    unsigned tool_messages = 0;  ///< results of tools, and calls of the assistant
    bool has_image = false;
    bool has_audio = false;
    bool offers_tools = false;     ///< and does not forbid them
    bool wants_json = false;       ///< response_format is a JSON schema or object
    bool wants_schema = false;     ///< response_format is a JSON schema
    std::uint64_t text_bytes = 0;  ///< of all messages, as they stand in the body; no media
};

/// Cost: one pass over the messages that skips strings by memchr.
[[nodiscard]] PromptOutline outline_prompt(const adapters::Request& request) noexcept;

/// Estimate of the prompt's length.  Four bytes of ASCII or two of another script make a token,
/// which errs high for prose: what it guards is a context window.
[[nodiscard]] std::uint64_t estimate_tokens(const PromptOutline& outline) noexcept;

}  // namespace tollgate::router
