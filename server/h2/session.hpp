// The HTTP/2 protocol of one client connection without its socket: bytes in, requests out; answers
// in, bytes out.  Wraps nghttp2, which is not shown here.
#pragma once

#include "server/h2/frame_guard.hpp"
#include "server/h2/request_head.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace tollgate::server::h2 {

/// One stream as its session sees it.  All calls come from within Session::feed() or fill(), in the
/// frames of a C library: they record, and neither resume a coroutine nor throw.
class StreamPort {
public:
    virtual void on_body(std::string_view bytes) = 0;
    virtual void on_request_end() = 0;
    virtual void on_answer_sent() noexcept = 0;  ///< all of it, with END_STREAM
    /// The stream is over; the session forgets the port.
    virtual void on_close(ErrorCode code) noexcept = 0;

    struct Outgoing {
        std::size_t bytes = 0;
        bool last = false;    ///< nothing will follow
        bool broken = false;  ///< after these bytes the stream is to be reset
    };
    /// What there is to send.  Nothing, not even an end: the session waits for resume().
    [[nodiscard]] virtual Outgoing outgoing() noexcept = 0;
    /// Copies the next `size` bytes of it.
    virtual void take(char* to, std::size_t size) noexcept = 0;

protected:
    ~StreamPort() = default;
};

/// What a session reports.  The same rules as for StreamPort.
class SessionEvents {
public:
    /// A request whose head is complete: accepted, or refused and to be answered so.  Returns its
    /// port.
    [[nodiscard]] virtual StreamPort* on_request(std::int32_t stream, IncomingHead&& head,
                                                 const HeadVerdict& verdict, bool ended) = 0;
    virtual void on_ping_answered() noexcept = 0;
    /// A client did what clients must not do; the stream or the connection ends for it.
    virtual void on_attack(metrics::Attack kind) noexcept = 0;

protected:
    ~SessionEvents() = default;
};

struct SessionLimits {
    HeadLimits head = {};
    std::uint32_t max_streams = 128;
    std::uint32_t header_table = 4096;
    std::uint32_t stream_window = 256 * 1024;
    std::int32_t connection_window = 1024 * 1024;
};

class Session {
public:
    using Time = FrameGuard::Time;

    /// Throws std::bad_alloc.
    Session(const SessionLimits& limits, SessionEvents& events);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Takes the request of an `Upgrade: h2c` as stream 1.  `settings`: the decoded value of
    /// HTTP2-Settings.  False: they are not valid, and the session is of no use.
    [[nodiscard]] bool upgrade(std::string_view settings, bool head_only, StreamPort& port);

    // ---- bytes ----
    /// Takes what the client has sent.
    void feed(std::string_view bytes, Time now);
    /// Writes frames to `out` (at least kLeastRoom) and returns how many bytes; 0: nothing to send.
    [[nodiscard]] std::size_t fill(std::span<char> out);
    static constexpr std::size_t kLeastRoom = 34 * 1024;
    [[nodiscard]] bool wants_write() const noexcept;
    /// Nothing more will be read or sent: close.
    [[nodiscard]] bool is_finished() const noexcept;
    /// Why the client's connection ends, where it is at fault.
    [[nodiscard]] const ConnectionFault& fault() const noexcept { return fault_; }

    // ---- answers ----
    /// `head`: three digits of status, then "name: value\r\n" lines.
    void submit_head(std::int32_t stream, std::string_view head, bool has_body);
    /// The port is no more, although its stream is.
    void detach(std::int32_t stream) noexcept;
    void submit_continue(std::int32_t stream);
    /// There is more to send than there was.
    void resume(std::int32_t stream) noexcept;
    void reset(std::int32_t stream, ErrorCode code) noexcept;
    /// Lets the client send so much more; stream 0: on the connection alone.
    void credit(std::int32_t stream, std::size_t bytes) noexcept;

    // ---- the connection ----
    void ping() noexcept;
    /// A first GOAWAY that refuses nothing yet.
    void announce_end() noexcept;
    /// The last stream served is the last: GOAWAY.
    void end() noexcept;
    void terminate(const ConnectionFault& fault) noexcept;

    // ---- for timeouts ----
    /// The client owes the rest of its preface, a frame or a header block.
    [[nodiscard]] bool is_owed() const noexcept { return preface_left_ > 0 || guard_.is_owed(); }
    [[nodiscard]] std::uint64_t frames() const noexcept { return guard_.frames(); }

private:
    struct Callbacks;
    struct Delete {
        void operator()(nghttp2_session* session) const noexcept;
    };
    void receive(std::string_view bytes);
    void finish_head(std::int32_t stream, bool ended);
    void count_provoked(bool refused_stream) noexcept;
    [[nodiscard]] int open_stream(std::int32_t stream) noexcept;
    void submit_settings(const SessionLimits& limits);
    void tell_max_streams(std::span<char> frame) const noexcept;

    SessionEvents& events_;
    FrameGuard guard_;
    HeadBuilder builder_;
    std::unique_ptr<nghttp2_session, Delete> nghttp2_;
    std::size_t preface_left_;
    std::uint32_t max_streams_;
    std::uint32_t open_streams_ = 0;  // those that are refused count until they are reset
    bool opened_ = false;             // our SETTINGS have gone out
    Time now_{};
    ConnectionFault fault_;
    ConnectionFault found_;  // by a callback, acted upon when nghttp2 has returned
    std::span<char> out_;    // during fill()
    std::size_t filled_ = 0;
};

}  // namespace tollgate::server::h2
