#include "server/h2/frame_guard.hpp"

#include <algorithm>
#include <cstring>

namespace tollgate::server::h2 {
namespace {

using metrics::Attack;

// RFC 9113 section 6.
enum Type : std::uint8_t {
    kData = 0,
    kHeaders = 1,
    kPriority = 2,
    kRstStream = 3,
    kSettings = 4,
    kPushPromise = 5,
    kPing = 6,
    kGoaway = 7,
    kWindowUpdate = 8,
    kContinuation = 9,
};
constexpr std::uint8_t kAck = 0x1;
constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kEndHeaders = 0x4;
constexpr std::uint8_t kPadded = 0x8;
constexpr std::uint8_t kHasPriority = 0x20;

// SETTINGS_MAX_FRAME_SIZE is left at its initial value.
constexpr std::size_t kMostPayload = 16384;
// Beyond those that a full block of the largest frames takes.
constexpr std::size_t kSpareContinuations = 8;
// As many as may have been open at the same time and reset at once, with room.
constexpr std::size_t kResetsRemembered = 256;
constexpr std::size_t kGapsRemembered = 64;

constexpr ConnectionFault violation(std::string_view reason,
                                    ErrorCode code = ErrorCode::protocol_error) noexcept {
    return {.code = code, .kind = Attack::protocol_error, .reason = reason};
}

constexpr ConnectionFault flood(Attack kind, std::string_view reason) noexcept {
    return {.code = ErrorCode::enhance_your_calm, .kind = kind, .reason = reason};
}

std::uint32_t read32(const unsigned char* at) noexcept {
    return (std::uint32_t{at[0]} << 24) | (std::uint32_t{at[1]} << 16) |
           (std::uint32_t{at[2]} << 8) | at[3];
}

std::int32_t stream_id(const unsigned char* at) noexcept {
    return static_cast<std::int32_t>(read32(at) & 0x7fffffffU);
}

}  // namespace

FrameGuard::Verdict FrameGuard::feed(std::string_view bytes, Time now) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const std::size_t start = at;
        if (have_ < kHeaderSize) {
            const std::size_t take = std::min(kHeaderSize - have_, bytes.size() - at);
            std::memcpy(head_.data() + have_, bytes.data() + at, take);
            have_ += take;
            at += take;
            if (have_ < kHeaderSize) {
                break;
            }
            if (const ConnectionFault fault = begin_frame(now)) {
                return {.passed = start, .fault = fault};
            }
        }
        const std::size_t whole = kHeaderSize + length_;
        const std::size_t take = std::min(whole - have_, bytes.size() - at);
        if (wants_peek() && have_ < head_.size()) {
            const std::size_t seen = std::min(take, head_.size() - have_);
            std::memcpy(head_.data() + have_, bytes.data() + at, seen);
            if (have_ + seen == std::min(whole, head_.size())) {
                if (const ConnectionFault fault = check_dependency()) {
                    return {.passed = start, .fault = fault};
                }
            }
        }
        have_ += take;
        at += take;
        if (have_ == whole) {
            have_ = 0;
            ++frames_;
        }
    }
    return {.passed = at};
}

ConnectionFault FrameGuard::begin_frame(Time now) {
    length_ = (std::size_t{head_[0]} << 16) | (std::size_t{head_[1]} << 8) | head_[2];
    type_ = head_[3];
    flags_ = head_[4];
    stream_ = stream_id(head_.data() + 5);
    if (!settings_seen_) {  // section 3.4
        if (type_ != kSettings || (flags_ & kAck) != 0) {
            return violation("the first frame is not SETTINGS");
        }
        settings_seen_ = true;
    }
    if (length_ > kMostPayload) {
        return violation("a frame is larger than SETTINGS_MAX_FRAME_SIZE",
                         ErrorCode::frame_size_error);
    }
    if (block_stream_ != 0 && (type_ != kContinuation || stream_ != block_stream_)) {
        return violation("a header block is interrupted");  // section 4.3
    }
    if (const ConnectionFault fault = check_size()) {
        return fault;
    }
    if (const ConnectionFault fault = check_stream()) {
        return fault;
    }
    switch (type_) {
        case kData:
            return begin_data(now);
        case kHeaders:
            return begin_headers();
        case kContinuation:
            return begin_continuation();
        case kRstStream:
            close_receiving(stream_);
            break;
        default:
            break;
    }
    return check_rate(now);
}

// Frames of fixed size (sections 6.3 to 6.9).
ConnectionFault FrameGuard::check_size() const noexcept {
    bool good = true;
    switch (type_) {
        case kPriority:
            good = length_ == 5;
            break;
        case kRstStream:
        case kWindowUpdate:
            good = length_ == 4;
            break;
        case kSettings:
            good = (flags_ & kAck) != 0 ? length_ == 0 : length_ % 6 == 0;
            break;
        case kPing:
            good = length_ == 8;
            break;
        case kGoaway:
            good = length_ >= 8;
            break;
        default:
            break;
    }
    return good ? ConnectionFault{}
                : violation("a frame has not the size of its type", ErrorCode::frame_size_error);
}

// Which streams a frame may name, given those that exist (sections 5.1 and 6).
ConnectionFault FrameGuard::check_stream() const noexcept {
    switch (type_) {
        case kSettings:
        case kPing:
        case kGoaway:
            return stream_ == 0 ? ConnectionFault{}
                                : violation("a frame of the connection names a stream");
        case kPushPromise:
            return violation("a client sent PUSH_PROMISE");
        case kPriority:
            return stream_ != 0 ? ConnectionFault{}
                                : violation("a frame of a stream names no stream");
        case kWindowUpdate:
            if (stream_ == 0) {
                return {};
            }
            break;
        case kData:
        case kHeaders:
        case kRstStream:
        case kContinuation:
            break;
        default:
            return {};  // unknown types are ignored, whatever they name (section 5.5)
    }
    if (stream_ == 0) {
        return violation("a frame of a stream names no stream");
    }
    if (stream_ % 2 == 0) {  // ours, and we open none
        return violation("a client uses an even stream id");
    }
    if (stream_ > last_stream_ && type_ != kHeaders) {
        return violation("a frame on an idle stream");
    }
    return {};
}

ConnectionFault FrameGuard::check_rate(Time now) noexcept {
    switch (type_) {
        case kRstStream:
            return resets_.spend(now) ? ConnectionFault{}
                                      : flood(Attack::rapid_reset, "too many RST_STREAM frames");
        case kSettings:
            return settings_.spend(now) ? ConnectionFault{}
                                        : flood(Attack::settings_flood, "too many SETTINGS frames");
        case kPing:
            return pings_.spend(now) ? ConnectionFault{}
                                     : flood(Attack::ping_flood, "too many PING frames");
        case kWindowUpdate:
            return window_updates_.spend(now)
                       ? ConnectionFault{}
                       : flood(Attack::window_update_flood, "too many WINDOW_UPDATE frames");
        case kGoaway:
        default:  // PRIORITY, and what we do not know
            return priorities_.spend(now)
                       ? ConnectionFault{}
                       : flood(Attack::priority_flood, "too many PRIORITY or unknown frames");
    }
}

ConnectionFault FrameGuard::begin_data(Time now) noexcept {
    if (!is_receiving(stream_)) {
        return check_closed();
    }
    if ((flags_ & kEndStream) != 0) {
        close_receiving(stream_);
        return {};
    }
    // Padding alone moves nothing either; its length byte comes later, so small counts as empty.
    const bool is_empty = length_ == 0 || ((flags_ & kPadded) != 0 && length_ <= 256);
    if (is_empty && !empty_.spend(now)) {
        return flood(Attack::empty_frame_flood, "too many DATA frames without data");
    }
    return {};
}

ConnectionFault FrameGuard::begin_headers() {
    if (stream_ > last_stream_) {
        if (stream_ > last_stream_ + 2) {
            const std::int32_t first = last_stream_ == 0 ? 1 : last_stream_ + 2;
            if (skipped_.size() == kGapsRemembered) {
                skipped_.erase(skipped_.begin());
            }
            if (first < stream_) {
                skipped_.emplace_back(first, stream_ - 2);
            }
        }
        last_stream_ = stream_;
        receiving_.push_back(stream_);
    } else if (!is_receiving(stream_)) {
        if (was_skipped(stream_)) {  // section 5.1.1
            return violation("a stream id is smaller than one that was used before");
        }
        if (const ConnectionFault fault = check_closed()) {
            return fault;
        }
    }
    block_stream_ = stream_;
    block_bytes_ = length_;
    continuations_ = 0;
    block_ends_stream_ = (flags_ & kEndStream) != 0;
    end_block(flags_);
    return {};
}

ConnectionFault FrameGuard::begin_continuation() noexcept {
    if (block_stream_ == 0) {
        return violation("CONTINUATION without a header block");
    }
    block_bytes_ += length_;
    ++continuations_;
    if (block_bytes_ > limits_.header_block ||
        continuations_ > limits_.header_block / kMostPayload + kSpareContinuations) {
        return flood(Attack::continuation_flood, "a header block has no end");
    }
    end_block(flags_);
    return {};
}

void FrameGuard::end_block(std::uint8_t flags) noexcept {
    if ((flags & kEndHeaders) != 0) {
        if (block_ends_stream_) {
            close_receiving(block_stream_);
        }
        block_stream_ = 0;
    }
}

bool FrameGuard::wants_peek() const noexcept {
    return type_ == kPriority || (type_ == kHeaders && (flags_ & kHasPriority) != 0);
}

// A stream that depends on itself: RFC 9113 no longer has dependencies, RFC 7540 section 5.3.1
// forbids it, and no client that means well sends it.
ConnectionFault FrameGuard::check_dependency() const noexcept {
    const bool padded = type_ == kHeaders && (flags_ & kPadded) != 0;
    const std::size_t at = padded ? 1 : 0;
    if (length_ < at + 5) {
        return violation("a frame is too small for its priority", ErrorCode::frame_size_error);
    }
    return stream_id(head_.data() + kHeaderSize + at) == stream_
               ? violation("a stream depends on itself")
               : ConnectionFault{};
}

// The client has ended the stream, or reset it: nothing but WINDOW_UPDATE, PRIORITY and RST_STREAM
// may follow.
ConnectionFault FrameGuard::check_closed() const noexcept {
    if (std::find(reset_.begin(), reset_.end(), stream_) != reset_.end()) {
        return {};  // it cannot have known yet (section 5.1, "closed")
    }
    return violation("a frame on a closed stream", ErrorCode::stream_closed);
}

void FrameGuard::note_reset(std::int32_t stream) {
    if (!is_receiving(stream)) {
        return;  // nothing more may come for it anyhow
    }
    close_receiving(stream);
    if (reset_.size() < kResetsRemembered) {
        reset_.push_back(stream);
    } else {
        reset_[reset_at_] = stream;
        reset_at_ = (reset_at_ + 1) % kResetsRemembered;
    }
}

void FrameGuard::close_receiving(std::int32_t stream) noexcept {
    const auto found = std::find(receiving_.begin(), receiving_.end(), stream);
    if (found != receiving_.end()) {
        *found = receiving_.back();
        receiving_.pop_back();
    }
}

bool FrameGuard::is_receiving(std::int32_t stream) const noexcept {
    return std::find(receiving_.begin(), receiving_.end(), stream) != receiving_.end();
}

bool FrameGuard::was_skipped(std::int32_t stream) const noexcept {
    return std::any_of(skipped_.begin(), skipped_.end(), [&](const auto& gap) {
        return gap.first <= stream && stream <= gap.second;
    });
}

}  // namespace tollgate::server::h2
