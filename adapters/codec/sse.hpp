// Server-sent events, pushed in as they arrive and handed out one complete event at a time.
// Grammar: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
// (LF, CRLF and CR ends, comments, multi-line data, BOM), tolerant in addition of vendors' habits:
// no space after the colon, text without a field name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tollgate::codec {

/// One event.  Views die with the next call to the parser.
struct SseEvent {
    std::string_view name;  ///< the `event:` field, empty when there was none
    std::string_view data;  ///< `data:` lines joined with '\n'
};

/// Push parser: give it bytes with push(), then take events with next() until that returns false.
///   parser.push(bytes);  SseEvent event;  while (parser.next(event)) { … }
/// Bytes are viewed in place where an event is whole inside one push; only an unfinished tail is
/// copied.
class SseParser {
public:
    /// `limit`: bytes that one unfinished event may hold before overflowed() becomes true.
    explicit SseParser(std::size_t limit = 8 * 1024 * 1024) : limit_(limit) {}

    /// `bytes` must stay alive until next() has returned false.
    void push(std::string_view bytes);
    /// Takes the next complete event with data or a name; comments and empty events are skipped.
    [[nodiscard]] bool next(SseEvent& event);
    /// At the end of the input: an event that lacks only its blank line (several vendors omit it).
    [[nodiscard]] bool finish(SseEvent& event);
    /// Text of lines that are no SSE field at all (Gemini and Wenxin send bare JSON errors that
    /// way), joined with '\n'; bounded.
    [[nodiscard]] std::string_view stray() const noexcept { return stray_; }
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }

private:
    [[nodiscard]] bool next_line(std::string_view& line);
    [[nodiscard]] bool take_line(std::string_view line, SseEvent& event);
    [[nodiscard]] bool dispatch(SseEvent& event) noexcept;
    void add_data(std::string_view value);
    void add_stray(std::string_view line);
    void keep_unfinished();

    std::size_t limit_;
    std::string_view input_;    // bytes of the current push
    std::size_t position_ = 0;  // first byte of input_ that is not consumed
    std::size_t next_lf_ =
        0;  // first LF and CR at or after position_, found once each so that a long push
    std::size_t next_cr_ = 0;  // without one of them is not searched again for every line
    std::string tail_;         // an unfinished line from earlier pushes
    std::string line_;         // that line once it is complete
    std::string_view
        name_;  // fields of the event under way; both view input_, line_ or the stores below
    std::string_view data_;
    std::string name_store_;
    std::string data_store_;  // multi-line data, or data kept across pushes
    std::string stray_;
    bool has_data_ = false;
    bool skip_lf_ = false;  // the last push ended in CR, whose LF may follow
    bool started_ = false;  // the BOM is only skipped at the very start
    bool overflowed_ = false;
};

}  // namespace tollgate::codec
