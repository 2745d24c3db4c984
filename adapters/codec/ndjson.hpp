// Newline-delimited JSON: bytes in, one line out at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tollgate::codec {

/// Push parser with the same manner as SseParser.  Empty lines are skipped, CR before LF is
/// removed.
class LineParser {
public:
    explicit LineParser(std::size_t limit = 8 * 1024 * 1024) : limit_(limit) {}
    /// `bytes` must stay alive until next() has returned false.
    void push(std::string_view bytes);
    /// The view dies with the next call.
    [[nodiscard]] bool next(std::string_view& line);
    /// At the end of the input: a last line without its newline.
    [[nodiscard]] bool finish(std::string_view& line);
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }

private:
    std::size_t limit_;
    std::string tail_;         // an unfinished line from earlier pushes
    std::string_view input_;   // bytes of the current push that are not consumed
    bool tail_taken_ = false;  // the last line handed out views tail_
    bool overflowed_ = false;
};

}  // namespace tollgate::codec
