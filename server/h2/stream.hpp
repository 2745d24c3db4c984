// One request on an HTTP/2 connection, with its answer: the Exchange's two ends.
#pragma once

#include "server/exchange.hpp"
#include "server/h2/session.hpp"
#include "server/io/frame_cache.hpp"
#include "server/io/reactor.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tollgate::server::h2 {

class Connection;

/// Lives from the request's head until the stream is over on both sides, owned by the coroutine
/// that run() is.  What the session tells it is recorded; wake() then resumes whoever waits.
class Stream final : public server::Responder, public BodySource, public StreamPort {
public:
    Stream(Connection& connection, std::int32_t id, IncomingHead&& head, bool ended);
    ~Stream();

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* stream, std::size_t size) noexcept {
        free_frame(stream, size);
    }

    /// The request is not to be served but answered so.
    void refuse(const HeadVerdict& verdict);
    /// Serves the request and sees the answer off.
    [[nodiscard]] Task<void> run();

    /// Something was recorded: lets the coroutine look.
    void wake() { waiting_.wake_one(); }
    /// The connection is gone.
    void lose() noexcept;
    /// The grace time is over.
    void cut() noexcept { interrupt_.fire(Cause::shutdown); }

    [[nodiscard]] bool is_closed() const noexcept { return closed_; }

    // ---- the connection's notes ----
    std::size_t place = 0;    ///< in its list of streams
    bool is_touched = false;  ///< on its list of those to wake

    // ---- Responder ----
    void start(ResponseHead head) override;
    [[nodiscard]] bool write(std::span<const std::string_view> pieces, bool last) override;
    [[nodiscard]] bool congested() const noexcept override;
    [[nodiscard]] Task<bool> drain() override;
    void abort() noexcept override;
    [[nodiscard]] bool started() const noexcept override { return started_; }

    // ---- BodySource ----
    [[nodiscard]] bool take_at_once(BodyBuffer& out) override;
    [[nodiscard]] Task<Result<void>> read_all(BodyBuffer& out, std::uint64_t limit) override;

    // ---- StreamPort ----
    void on_body(std::string_view bytes) override;
    void on_request_end() override;
    void on_answer_sent() noexcept override;
    void on_close(ErrorCode code) noexcept override;
    [[nodiscard]] Outgoing outgoing() noexcept override;
    void take(char* to, std::size_t size) noexcept override;

private:
    enum class Reading : std::uint8_t {
        not_yet,  ///< what comes is kept, without credit for more
        now,      ///< read_all() collects it
        never,    ///< what comes is dropped
    };
    void send_head(bool has_body);
    [[nodiscard]] Task<Wake> wait(Cause timeout, Clock::duration time);
    [[nodiscard]] Task<void> see_off();
    [[nodiscard]] Task<void> let_upload_end();
    void stop_reading();
    void give_credit();

    Connection& connection_;
    std::int32_t id_;
    IncomingHead incoming_;
    std::unique_ptr<const Failure> refusal_;
    Interrupt interrupt_;
    InterruptDeadline deadline_;
    WaitList waiting_;  // the one coroutine of this stream, for news of either direction

    // the request's body
    BodyBuffer body_;
    std::uint64_t body_limit_ = 0;
    std::uint32_t uncredited_ = 0;  // bytes received and not yet allowed anew
    std::uint32_t dropped_ = 0;
    Reading reading_ = Reading::not_yet;
    bool ended_;

    // the answer
    bool started_ = false;
    bool head_submitted_ = false;
    bool last_written_ = false;
    bool broken_ = false;
    bool is_idle_ = false;  // the session waits for resume()
    bool answer_sent_ = false;
    std::optional<std::uint64_t> content_length_;
    std::string head_;
    std::string queue_;
    std::size_t taken_ = 0;  // bytes of queue_ that have gone

    bool closed_ = false;     // nothing more can be sent or come
    bool forgotten_ = false;  // … and the session has no stream of that id
};

}  // namespace tollgate::server::h2
