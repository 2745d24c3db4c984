// One exchange on an HTTP/2 connection: what has come, what has been handed out, how it ended.
#pragma once

#include "adapters/dialect.hpp"
#include "server/upstream/call.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tollgate::server::upstream {

class H2Session;

/// A reserved place among the streams of a connection.  The connection's object stays while there
/// is one, even when the connection is dead; then the stream that takes the place fails.
class H2Place {
public:
    H2Place() = default;
    explicit H2Place(H2Session& session) noexcept;
    H2Place(H2Place&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
    H2Place& operator=(H2Place&& other) noexcept {
        std::swap(session_, other.session_);
        return *this;
    }
    ~H2Place();
    explicit operator bool() const noexcept { return session_ != nullptr; }
    [[nodiscard]] H2Session* session() const noexcept { return session_; }

private:
    H2Session* session_ = nullptr;
};

/// Destroying it while it is open resets the stream (CANCEL); the connection stays.
class H2Stream {
public:
    H2Stream() = default;
    H2Stream(const H2Stream&) = delete;
    H2Stream& operator=(const H2Stream&) = delete;
    ~H2Stream();

    /// Queues the request for sending.  `request` must live until the head is here and
    /// upload_done(), or abandon_upload() was called.
    void open(H2Place place, const adapters::UpstreamRequest& request);

    [[nodiscard]] bool has_head() const noexcept { return head_done_; }
    [[nodiscard]] CallHead& head() noexcept { return head_; }
    /// END_STREAM came: nothing is missing.
    [[nodiscard]] bool has_ended() const noexcept { return ended_; }
    [[nodiscard]] bool has_bytes() const noexcept { return !arrived_.empty(); }
    [[nodiscard]] bool upload_done() const noexcept { return upload_ == nullptr; }
    /// The rest of the request is not sent; the answer is received none the less.
    void abandon_upload() noexcept { upload_ = nullptr; }
    /// Body bytes that have come; they live until the next take() or wait().  Empty: none now.
    [[nodiscard]] std::string_view take();
    /// What was handed out has been dealt with: the vendor may send as much again.
    void give_back_window() noexcept;

    /// Why nothing more comes; null while the stream is open, or when it ended well.
    [[nodiscard]] const Failure* failure() const noexcept {
        return failure_ ? &*failure_ : nullptr;
    }
    /// How safe it is to send the request again.
    enum class Fate : std::uint8_t {
        unknown,      ///< the vendor may have acted on it
        unprocessed,  ///< the vendor says that it has not (RFC 9113 section 8.7)
        unheard,      ///< a kept connection was dead: not a byte came since the request was sent
    };
    [[nodiscard]] Fate fate() const noexcept { return fate_; }
    /// The connection that failed it had served nobody: trying again is not likely to help.
    [[nodiscard]] bool was_first() const noexcept { return was_first_; }

    /// Suspends until something has come or the stream has ended.
    class Awaiter final : public Waiter {
    public:
        Awaiter(H2Stream& stream, Interrupt& interrupt) noexcept
            : stream_(stream), target_(interrupt) {}
        bool await_ready() const noexcept { return target_.fired(); }
        void await_suspend(std::coroutine_handle<> handle) noexcept {
            suspend(target_, handle);
            stream_.waiter_ = this;
        }
        Wake await_resume() const noexcept { return target_.fired() ? Wake::interrupted : wake_; }

    private:
        void abandon() noexcept override { stream_.waiter_ = nullptr; }
        H2Stream& stream_;
        Interrupt& target_;
    };
    [[nodiscard]] Awaiter wait(Interrupt& interrupt) noexcept { return Awaiter(*this, interrupt); }

private:
    friend class H2Session;
    void fail(FailureKind kind, std::string detail, Fate fate);
    [[nodiscard]] bool take_head() noexcept;
    /// False: the stream has failed by it.
    [[nodiscard]] bool field(std::string_view name, std::string_view value);
    [[nodiscard]] std::size_t read_upload(char* out, std::size_t size, bool& last) noexcept;

    H2Session* session_ = nullptr;  // while it is open there
    std::int32_t id_ = 0;
    Fate fate_ = Fate::unknown;
    bool head_done_ = false;
    bool ended_ = false;
    bool was_first_ = true;
    bool peer_reset_ = false;
    bool begun_ = false;              // the request's head has been serialised
    bool reused_ = false;             // the connection had carried an answer before
    H2Session* listed_in_ = nullptr;  // which is about to wake it
    Waiter* waiter_ = nullptr;
    std::uint64_t heard_ = 0;  // what the session had heard when this began
    CallHead head_;
    std::size_t head_bytes_ = 0;
    std::string arrived_;
    std::string handed_;
    std::size_t owed_ = 0;  // handed out and not yet given back to the window
    const adapters::BodyPieces* upload_ = nullptr;
    std::size_t upload_piece_ = 0;
    std::size_t upload_offset_ = 0;
    std::optional<Failure> failure_;
};

}  // namespace tollgate::server::upstream
