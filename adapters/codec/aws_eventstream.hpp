// application/vnd.amazon.eventstream: binary frames pushed in as they arrive, handed out one whole,
// checked frame at a time. Layout (big-endian): u32 total, u32 headers, u32 crc of those 8 bytes,
// headers, payload, u32 crc of all before it. Source:
// https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream,
// read 2026-08.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tollgate::codec {

/// Value types of frame headers, by their number on the wire.
enum class AwsHeaderType : std::uint8_t {
    true_,
    false_,
    int8,
    int16,
    int32,
    int64,
    bytes,
    string,
    timestamp,
    uuid,
};

/// One header of a frame to write.  `value` holds the value's bytes without the length that
/// precedes bytes and string.
struct AwsHeader {
    std::string_view name;
    std::string_view value;
    AwsHeaderType type = AwsHeaderType::string;
};

/// One frame: the headers that carry meaning, and the payload.  Views die with the next call to the
/// parser.
struct AwsFrame {
    std::string_view message_type;  ///< "event", "exception", "error"; empty when absent
    std::string_view event_type;
    std::string_view exception_type;
    std::string_view content_type;
    std::string_view error_code;
    std::string_view error_message;
    std::string_view payload;
};

/// Push parser with the manner of SseParser:
///   parser.push(bytes);  AwsFrame frame;  while (parser.next(frame)) { … }  then ask failure().
/// A frame that lies whole inside one push is viewed in place; only an unfinished one is copied.
class AwsEventStreamParser {
public:
    static constexpr std::size_t kMaxHeaders = 128 * 1024;  ///< the protocol's own limits
    static constexpr std::size_t kMaxPayload = 24 * 1024 * 1024;

    /// `limit`: bytes that one frame may have; a longer one is refused by its prelude, before it is
    /// buffered.
    explicit AwsEventStreamParser(std::size_t limit = 8 * 1024 * 1024) : limit_(limit) {}

    /// `bytes` must stay alive until next() has returned false.
    void push(std::string_view bytes);
    /// Takes the next complete frame.  False: more bytes are needed, or the stream is broken for
    /// good (see failure()).
    [[nodiscard]] bool next(AwsFrame& frame);
    /// Why the stream cannot be read on (checksum, limit, header layout); empty while all is well.
    /// Static storage.
    [[nodiscard]] std::string_view failure() const noexcept { return failure_; }
    /// Bytes of an unfinished frame are waiting: at the end of the input this means that the stream
    /// was cut.
    [[nodiscard]] bool pending() const noexcept { return !tail_taken_ && !tail_.empty(); }

private:
    bool break_off(std::string_view reason);
    [[nodiscard]] bool prelude_is_good(std::string_view prelude);
    bool take(std::string_view whole, AwsFrame& frame);
    void fill_tail(std::size_t wanted);
    std::size_t limit_;
    std::string tail_;        // an unfinished frame from earlier pushes
    std::string_view input_;  // not yet consumed bytes of the current push
    std::string_view failure_;
    bool tail_taken_ = false;  // tail_ backs the frame given out last; cleared by the next call
    bool prelude_checked_ = false;  // of the frame in tail_
};

/// Appends one frame.  For tests, the fake upstream and anything else that has to speak the
/// protocol. Names are cut at 255 bytes and values at 65535, the most that the layout can say.
void append_aws_frame(std::string& out, std::span<const AwsHeader> headers,
                      std::string_view payload);
/// A whole `event` frame with a JSON payload, headers in the order that Bedrock sends.
[[nodiscard]] std::string aws_event(std::string_view event_type, std::string_view payload);
/// A whole `exception` frame with a JSON payload.
[[nodiscard]] std::string aws_exception(std::string_view exception_type, std::string_view payload);

}  // namespace tollgate::codec
