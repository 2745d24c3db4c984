#include "adapters/codec/aws_eventstream.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>

namespace tollgate::codec {
namespace {

constexpr std::size_t kPrelude = 12;
constexpr std::size_t kOverhead = 16;  // prelude and the trailing checksum

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        number = (number << 8) | static_cast<unsigned char>(bytes[at + i]);
    }
    return number;
}

std::uint32_t checksum(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

void append_number(std::string& out, std::size_t number, unsigned bytes) {
    for (unsigned shift = bytes * 8; shift != 0; shift -= 8) {
        out.push_back(static_cast<char>((number >> (shift - 8)) & 0xFF));
    }
}

// Takes header entries off the front of a block.
class HeaderReader {
public:
    explicit HeaderReader(std::string_view block) : rest_(block) {}

    enum class Step { entry, end, unknown_type, malformed };

    Step next(AwsHeader& header) {
        if (rest_.empty()) {
            return Step::end;
        }
        const auto name = sized(1);
        const auto type = name ? cut(1) : std::nullopt;
        if (!type) {
            return Step::malformed;
        }
        const unsigned number = static_cast<unsigned char>(type->front());
        if (number > static_cast<unsigned>(AwsHeaderType::uuid)) {
            return Step::unknown_type;
        }
        header.name = *name;
        header.type = static_cast<AwsHeaderType>(number);
        const auto value = value_of(header.type);
        header.value = value.value_or(std::string_view{});
        return value ? Step::entry : Step::malformed;
    }

private:
    std::optional<std::string_view> value_of(AwsHeaderType type) {
        switch (type) {
            case AwsHeaderType::true_:
            case AwsHeaderType::false_:
                return cut(0);
            case AwsHeaderType::int8:
                return cut(1);
            case AwsHeaderType::int16:
                return cut(2);
            case AwsHeaderType::int32:
                return cut(4);
            case AwsHeaderType::int64:
            case AwsHeaderType::timestamp:
                return cut(8);
            case AwsHeaderType::uuid:
                return cut(16);
            case AwsHeaderType::bytes:
            case AwsHeaderType::string:
                return sized(2);
        }
        return std::nullopt;
    }

    std::optional<std::string_view> cut(std::size_t length) {
        if (length > rest_.size()) {
            return std::nullopt;
        }
        const std::string_view taken = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return taken;
    }

    // A field after its own length of one or two bytes.
    std::optional<std::string_view> sized(std::size_t length_bytes) {
        const auto length = cut(length_bytes);
        if (!length) {
            return std::nullopt;
        }
        std::size_t number = 0;
        for (const char byte : *length) {
            number = (number << 8) | static_cast<unsigned char>(byte);
        }
        return cut(number);
    }

    std::string_view rest_;
};

void note(AwsFrame& frame, const AwsHeader& header) {
    struct Known {
        std::string_view name;
        std::string_view AwsFrame::*field;
    };
    static constexpr std::array<Known, 6> kKnown{{
        {":message-type", &AwsFrame::message_type},
        {":event-type", &AwsFrame::event_type},
        {":exception-type", &AwsFrame::exception_type},
        {":content-type", &AwsFrame::content_type},
        {":error-code", &AwsFrame::error_code},
        {":error-message", &AwsFrame::error_message},
    }};
    if (header.type != AwsHeaderType::string) {
        return;
    }
    for (const Known& known : kKnown) {
        if (known.name == header.name) {
            frame.*known.field = header.value;
        }
    }
}

}  // namespace

void AwsEventStreamParser::push(std::string_view bytes) {
    input_ = bytes;
}

bool AwsEventStreamParser::break_off(std::string_view reason) {
    failure_ = reason;
    input_ = {};
    tail_ = {};
    return false;
}

bool AwsEventStreamParser::prelude_is_good(std::string_view prelude) {
    // The checksum comes first: lengths from a damaged prelude mean nothing.
    if (checksum(prelude.substr(0, 8)) != read_u32(prelude, 8)) {
        return break_off("the checksum of a frame's prelude does not fit");
    }
    const std::size_t total = read_u32(prelude, 0);
    const std::size_t headers = read_u32(prelude, 4);
    if (total < kOverhead || headers > total - kOverhead) {
        return break_off("a frame's lengths contradict each other");
    }
    if (headers > kMaxHeaders || total - kOverhead - headers > kMaxPayload || total > limit_) {
        return break_off("a frame is larger than the limit");
    }
    return true;
}

bool AwsEventStreamParser::take(std::string_view whole, AwsFrame& frame) {
    const std::size_t body = whole.size() - 4;
    if (checksum(whole.substr(0, body)) != read_u32(whole, body)) {
        return break_off("the checksum of a frame does not fit");
    }
    const std::size_t headers = read_u32(whole, 4);
    frame = {};
    frame.payload = whole.substr(kPrelude + headers, body - kPrelude - headers);
    HeaderReader reader(whole.substr(kPrelude, headers));
    AwsHeader header;
    for (;;) {
        switch (reader.next(header)) {
            case HeaderReader::Step::entry:
                note(frame, header);
                break;
            case HeaderReader::Step::end:
                return true;
            // A type from the future has a length that nobody here knows, so the headers behind it
            // stay unread; the payload is still where the prelude says.
            case HeaderReader::Step::unknown_type:
                return true;
            case HeaderReader::Step::malformed:
                return break_off("a frame's headers run over their end");
        }
    }
}

void AwsEventStreamParser::fill_tail(std::size_t wanted) {
    const std::size_t more = std::min(wanted - std::min(wanted, tail_.size()), input_.size());
    tail_.append(input_.substr(0, more));
    input_.remove_prefix(more);
}

bool AwsEventStreamParser::next(AwsFrame& frame) {
    if (tail_taken_) {
        tail_.clear();
        tail_taken_ = false;
        prelude_checked_ = false;
    }
    if (!failure_.empty()) {
        return false;
    }
    if (tail_.empty() && input_.size() >= kPrelude) {
        if (!prelude_is_good(input_.substr(0, kPrelude))) {
            return false;
        }
        const std::size_t total = read_u32(input_, 0);
        if (input_.size() >= total) {
            const std::string_view whole = input_.substr(0, total);
            input_.remove_prefix(total);
            return take(whole, frame);
        }
        prelude_checked_ = true;
    }
    if (tail_.size() < kPrelude) {
        fill_tail(kPrelude);
        if (tail_.size() < kPrelude) {
            return false;
        }
    }
    if (!prelude_checked_ && !prelude_is_good(tail_)) {
        return false;
    }
    prelude_checked_ = true;
    const std::size_t total = read_u32(tail_, 0);
    fill_tail(total);
    if (tail_.size() < total) {
        return false;
    }
    tail_taken_ = true;
    return take(tail_, frame);
}

void append_aws_frame(std::string& out, std::span<const AwsHeader> headers,
                      std::string_view payload) {
    std::string block;
    for (const AwsHeader& header : headers) {
        const std::string_view name = header.name.substr(0, 0xFF);
        const std::string_view value = header.value.substr(0, 0xFFFF);
        append_number(block, name.size(), 1);
        block.append(name);
        append_number(block, static_cast<std::size_t>(header.type), 1);
        if (header.type == AwsHeaderType::string || header.type == AwsHeaderType::bytes) {
            append_number(block, value.size(), 2);
        }
        block.append(value);
    }
    const std::size_t start = out.size();
    append_number(out, kOverhead + block.size() + payload.size(), 4);
    append_number(out, block.size(), 4);
    append_number(out, checksum(std::string_view(out).substr(start)), 4);
    out.append(block).append(payload);
    append_number(out, checksum(std::string_view(out).substr(start)), 4);
}

std::string aws_event(std::string_view event_type, std::string_view payload) {
    const std::array<AwsHeader, 3> headers{{{.name = ":event-type", .value = event_type},
                                            {.name = ":content-type", .value = "application/json"},
                                            {.name = ":message-type", .value = "event"}}};
    std::string out;
    append_aws_frame(out, headers, payload);
    return out;
}

std::string aws_exception(std::string_view exception_type, std::string_view payload) {
    const std::array<AwsHeader, 3> headers{{{.name = ":exception-type", .value = exception_type},
                                            {.name = ":content-type", .value = "application/json"},
                                            {.name = ":message-type", .value = "exception"}}};
    std::string out;
    append_aws_frame(out, headers, payload);
    return out;
}

}  // namespace tollgate::codec
