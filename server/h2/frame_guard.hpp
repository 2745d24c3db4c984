// The gate in front of nghttp2: follows the frames that a client sends and ends the connection
// where nghttp2 1.52 is lenient (frames on closed streams, PRIORITY on itself) or has no limit of
// its own (PING, SETTINGS, PRIORITY, WINDOW_UPDATE and empty DATA by the thousand).  RFC 9113
// sections 3.4, 4, 5.1, 6 and 10.5.
#pragma once

#include "metrics/shard.hpp"
#include "server/h2/allowance.hpp"
#include "server/h2/error_code.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server::h2 {

struct FrameLimits {
    std::size_t header_block = 64 * 1024;  ///< bytes of HEADERS and its CONTINUATIONs together
};

/// Why a connection has to end.
struct ConnectionFault {
    ErrorCode code = ErrorCode::no_error;
    metrics::Attack kind = metrics::Attack::protocol_error;
    std::string_view reason = {};  ///< static storage
    [[nodiscard]] explicit operator bool() const noexcept { return code != ErrorCode::no_error; }
};

/// One connection's frames, from the byte after the client's preface.  Sees each byte once; keeps
/// no payload.
class FrameGuard {
public:
    using Time = Allowance::Time;
    explicit FrameGuard(const FrameLimits& limits) noexcept : limits_(limits) {}

    struct Verdict {
        std::size_t passed = 0;  ///< bytes that may be handed on
        ConnectionFault fault = {};
    };
    /// Follows the next bytes.  After a fault nothing more may be fed.
    [[nodiscard]] Verdict feed(std::string_view bytes, Time now);

    // ---- what the other side of the connection does ----
    /// The request of an Upgrade is stream 1, and complete.
    void begin_upgraded() noexcept { last_stream_ = 1; }
    /// We have reset the stream: frames for it may still be on their way.
    void note_reset(std::int32_t stream);
    /// … because of something that the client did wrong; false: too often.
    [[nodiscard]] bool note_provoked_reset(Time now) noexcept { return provoked_.spend(now); }
    /// … because there were too many streams; false: too often.
    [[nodiscard]] bool note_refused(Time now) noexcept { return refused_.spend(now); }
    /// We have sent a DATA frame, which a client may answer with two WINDOW_UPDATEs.
    void note_data_sent() noexcept { window_updates_.earn(2); }

    // ---- for timeouts ----
    /// The client's SETTINGS, or the rest of a frame other than DATA or of a header block.
    [[nodiscard]] bool is_owed() const noexcept {
        return !settings_seen_ || block_stream_ != 0 ||
               (have_ > 0 && (have_ < kHeaderSize || type_ != 0));
    }
    /// Grows with each frame that has come to its end.
    [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

private:
    static constexpr std::size_t kHeaderSize = 9;
    static constexpr std::size_t kPeek = 6;  // pad length, dependency, weight

    [[nodiscard]] ConnectionFault begin_frame(Time now);
    [[nodiscard]] ConnectionFault check_size() const noexcept;
    [[nodiscard]] ConnectionFault check_stream() const noexcept;
    [[nodiscard]] ConnectionFault check_rate(Time now) noexcept;
    [[nodiscard]] ConnectionFault begin_data(Time now) noexcept;
    [[nodiscard]] ConnectionFault begin_headers();
    [[nodiscard]] ConnectionFault begin_continuation() noexcept;
    [[nodiscard]] ConnectionFault check_dependency() const noexcept;
    [[nodiscard]] bool wants_peek() const noexcept;
    [[nodiscard]] ConnectionFault check_closed() const noexcept;
    void end_block(std::uint8_t flags) noexcept;
    void close_receiving(std::int32_t stream) noexcept;
    [[nodiscard]] bool is_receiving(std::int32_t stream) const noexcept;
    [[nodiscard]] bool was_skipped(std::int32_t stream) const noexcept;

    FrameLimits limits_;
    // the frame being followed
    std::array<unsigned char, kHeaderSize + kPeek> head_{};
    std::size_t have_ = 0;  // bytes of it seen
    std::size_t length_ = 0;
    std::uint8_t type_ = 0;
    std::uint8_t flags_ = 0;
    std::int32_t stream_ = 0;
    // the header block being followed
    std::int32_t block_stream_ = 0;
    std::size_t block_bytes_ = 0;
    std::size_t continuations_ = 0;
    bool block_ends_stream_ = false;
    // the connection
    bool settings_seen_ = false;
    std::int32_t last_stream_ = 0;
    std::uint64_t frames_ = 0;
    std::vector<std::int32_t> receiving_;  // the client has not ended these
    std::vector<std::int32_t> reset_;      // ring of those that we have reset
    std::size_t reset_at_ = 0;
    std::vector<std::pair<std::int32_t, std::int32_t>> skipped_;  // ids that were never used
    // Bursts that no sound client comes near; what a client may do per second for ever costs less
    // than a request.
    Allowance resets_{200, 50};
    Allowance provoked_{100, 20};
    Allowance refused_{1000, 100};  // a client may not have seen our limit yet
    Allowance settings_{50, 2};
    Allowance pings_{100, 20};
    Allowance priorities_{500, 200};
    Allowance window_updates_{2000, 500};
    Allowance empty_{100, 20};
};

}  // namespace tollgate::server::h2
