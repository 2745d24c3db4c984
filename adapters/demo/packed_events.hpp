// The events of a demo stream until they are sent.  Thousands of streams are held at a time, and
// neighbouring events differ in a word: only that word is kept of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::demo {

/// A sequence that is read once, from front to back.
class PackedEvents {
public:
    PackedEvents() = default;
    explicit PackedEvents(std::span<const std::string> events);

    /// How many are left.
    [[nodiscard]] std::size_t size() const noexcept { return events_.size() - next_; }
    /// The next one; the view lives until the next call.  Not when none is left.
    [[nodiscard]] std::string_view next();

private:
    struct Event {
        std::uint32_t front;   ///< bytes that it begins with as the one before it
        std::uint32_t back;    ///< … that it ends with
        std::uint32_t middle;  ///< bytes of its own, in words_
    };
    std::vector<Event> events_;
    std::string words_;
    std::string current_;
    std::size_t next_ = 0;
    std::size_t at_ = 0;  // in words_
};

}  // namespace tollgate::demo
