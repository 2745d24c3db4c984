#include "adapters/codec/sse_blocks.hpp"

#include <algorithm>

namespace tollgate::codec {
namespace {

// The end of the first blank line in `bytes` at or after `from`, else npos.  Line ends are LF, CRLF
// or CR. A CR at the very end is undecided, since its LF may follow.
std::size_t blank_line_end(std::string_view bytes, std::size_t from) noexcept {
    for (std::size_t at = bytes.find_first_of("\r\n", from); at != std::string_view::npos;
         at = bytes.find_first_of("\r\n", at)) {
        const auto line_end =
            [&](std::size_t i) -> std::size_t {  // behind the line end that starts at i; npos: none
            if (i >= bytes.size()) {
                return std::string_view::npos;
            }
            if (bytes[i] == '\n') {
                return i + 1;
            }
            if (bytes[i] != '\r' || i + 1 == bytes.size()) {
                return std::string_view::npos;
            }
            return bytes[i + 1] == '\n' ? i + 2 : i + 1;
        };
        const std::size_t second = line_end(at);
        if (second == std::string_view::npos) {
            return second;
        }
        const std::size_t end = line_end(second);
        if (end != std::string_view::npos) {
            return end;
        }
        at = second;
    }
    return std::string_view::npos;
}

// The common case first: LF LF by memchr, which is several times faster than looking for two
// characters.
std::size_t block_end(std::string_view bytes) noexcept {
    std::size_t begin = 0;
    for (;;) {
        const std::size_t at = bytes.find('\n', begin);
        const bool found = at != std::string_view::npos;
        if (bytes.substr(begin, found ? at - begin : at).contains('\r')) {
            return blank_line_end(bytes, begin > 0 ? begin - 1 : 0);
        }
        if (!found) {
            return at;
        }
        if (at + 1 < bytes.size() && bytes[at + 1] == '\n') {
            return at + 2;
        }
        begin = at + 1;
    }
}

}  // namespace

void SseBlocks::push(std::string_view bytes) {
    input_ = bytes;
    if (tail_.empty() || bytes.empty()) {
        return;
    }
    // An event began earlier: look for its end where it can be, from a few bytes before the seam.
    const std::size_t seam = tail_.size();
    const std::size_t overlap = std::min<std::size_t>(seam, 3);
    std::string window = tail_.substr(seam - overlap);
    std::size_t end = std::string::npos;
    std::size_t taken = 0;
    while (taken < bytes.size() &&
           end ==
               std::string::npos) {  // in steps, so that a burst is not copied for its first event
        const std::size_t step = std::min<std::size_t>(bytes.size() - taken, 4096);
        window.append(bytes.substr(taken, step));
        taken += step;
        end = blank_line_end(window, 0);
    }
    if (end == std::string::npos) {
        tail_.append(bytes);
        input_ = {};
        overflowed_ = overflowed_ || tail_.size() > limit_;
        return;
    }
    const std::size_t used = end > overlap ? end - overlap : 0;
    joined_ = std::move(tail_);
    joined_.append(bytes.substr(0, used));
    tail_.clear();
    input_ = bytes.substr(used);
}

bool SseBlocks::next(std::string_view& block) {
    if (!joined_.empty()) {
        current_ = std::move(joined_);  // keeps the bytes alive as long as the view
        joined_.clear();
        block = current_;
        return true;
    }
    if (input_.empty()) {
        return false;
    }
    const std::size_t end = block_end(input_);
    if (end == std::string_view::npos) {
        tail_.assign(input_);
        input_ = {};
        overflowed_ = overflowed_ || tail_.size() > limit_;
        return false;
    }
    block = input_.substr(0, end);
    input_.remove_prefix(end);
    return true;
}

std::string_view simple_data(std::string_view block) noexcept {
    if (!block.starts_with("data:")) {
        return {};
    }
    std::string_view data = block.substr(block.size() > 5 && block[5] == ' ' ? 6 : 5);
    while (!data.empty() && (data.back() == '\n' || data.back() == '\r')) {
        data.remove_suffix(1);
    }
    // Two searches for one character each are several times faster than one for either.
    const bool one_line =
        data.find('\n') == std::string_view::npos && data.find('\r') == std::string_view::npos;
    return one_line ? data : std::string_view();
}

}  // namespace tollgate::codec
