// Cuts an SSE stream into whole events without reading them, so that a relay can pass the very
// bytes on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tollgate::codec {

/// Push splitter.  A block is the bytes of one event with its blank line; blocks laid end to end
/// are the stream.
///   blocks.push(bytes);  std::string_view block;  while (blocks.next(block)) { … }
class SseBlocks {
public:
    /// `limit`: bytes that one unfinished event may hold before overflowed() becomes true.
    explicit SseBlocks(std::size_t limit = 8 * 1024 * 1024) : limit_(limit) {}

    /// `bytes` must stay alive until next() has returned false.
    void push(std::string_view bytes);
    /// Views into the pushed bytes, or into this object for an event that began in an earlier push;
    /// dies with the next call.
    [[nodiscard]] bool next(std::string_view& block);
    /// What has come of an event that is not complete yet.
    [[nodiscard]] std::string_view tail() const noexcept { return tail_; }
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }

private:
    std::size_t limit_;
    std::string tail_;
    std::string joined_;   // an event completed by the current push, not handed out yet
    std::string current_;  // the one that was handed out
    std::string_view input_;
    bool overflowed_ = false;
};

/// The payload of a block with a single `data:` line and no other field (what nearly every vendor
/// sends), or an empty view where the block needs a real parser.
[[nodiscard]] std::string_view simple_data(std::string_view block) noexcept;

}  // namespace tollgate::codec
