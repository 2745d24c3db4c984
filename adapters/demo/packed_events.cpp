#include "adapters/demo/packed_events.hpp"

#include <algorithm>

namespace tollgate::demo {

PackedEvents::PackedEvents(std::span<const std::string> events) {
    events_.reserve(events.size());
    std::string_view before;
    for (const std::string& event : events) {
        const std::string_view text = event;
        const std::size_t most = std::min(before.size(), text.size());
        const auto front = static_cast<std::size_t>(
            std::mismatch(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(most),
                          before.begin())
                .first -
            text.begin());
        const auto back = static_cast<std::size_t>(
            std::mismatch(text.rbegin(), text.rbegin() + static_cast<std::ptrdiff_t>(most - front),
                          before.rbegin())
                .first -
            text.rbegin());
        const std::string_view middle = text.substr(front, text.size() - front - back);
        events_.push_back({.front = static_cast<std::uint32_t>(front),
                           .back = static_cast<std::uint32_t>(back),
                           .middle = static_cast<std::uint32_t>(middle.size())});
        words_.append(middle);
        before = text;
    }
    words_.shrink_to_fit();
}

std::string_view PackedEvents::next() {
    const Event& event = events_[next_++];
    current_.replace(event.front, current_.size() - event.front - event.back, words_, at_,
                     event.middle);
    at_ += event.middle;
    return current_;
}

}  // namespace tollgate::demo
