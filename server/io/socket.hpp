// A non-blocking socket and the awaits "can be read", "can be written".  Reads and writes
// themselves are plain calls: what can be done at once is done at once, and a coroutine only
// suspends when the kernel says "would block".
#pragma once

#include "server/io/interrupt.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <sys/uio.h>
#include <utility>

namespace tollgate::server {

class Reactor;

/// The result of one read or write call.
enum class IoStatus : std::uint8_t {
    ok,          ///< `bytes` moved, at least one
    want_read,   ///< nothing moved: wait until readable
    want_write,  ///< nothing moved: wait until writable
    closed,      ///< the peer ended its side in good order
    failed,      ///< `error` says why (an errno value)
};
struct IoResult {
    IoStatus status = IoStatus::failed;
    std::size_t bytes = 0;
    int error = 0;
};

/// Told when a socket that nobody awaits becomes readable (bytes, end or error).
class ReadWatcher {
public:
    virtual void on_readable() = 0;

protected:
    ~ReadWatcher() = default;
};

/// Told when a socket that nobody awaits takes bytes again.
class WriteWatcher {
public:
    virtual void on_writable() = 0;

protected:
    ~WriteWatcher() = default;
};

/// Owns a file descriptor, registered with the worker's poller once for its whole life.  Waiting
/// costs no system call, an idle connection is watched for free, and the end of a peer is noticed
/// when it happens, whoever is waiting.
class Socket {
public:
    Socket() noexcept = default;
    /// Takes over `fd`, which must be non-blocking.
    Socket(Reactor& reactor, int fd);
    Socket(Socket&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~Socket() { close(); }

    [[nodiscard]] bool is_open() const noexcept { return core_ != nullptr; }
    [[nodiscard]] int fd() const noexcept;
    void close() noexcept;

    [[nodiscard]] IoResult read(char* data, std::size_t size) noexcept;
    [[nodiscard]] IoResult write(std::span<const iovec> pieces) noexcept;

    // ---- for those who read and write the descriptor themselves (TLS, accept) ----
    /// Tells what a read gave.  Without it the socket would still count as readable, and readable()
    /// would not wait.
    void note_read(const IoResult& result, std::size_t asked) noexcept;
    void note_blocked() noexcept;
    /// A read may have something to give: bytes, the end, or nothing after all.
    [[nodiscard]] bool may_read() const noexcept;

    class Core;
    class Awaiter final : public Waiter {
    public:
        enum class Side : std::uint8_t { read, write };
        Awaiter(Core& core, Side side, Interrupt& interrupt) noexcept
            : core_(core), target_(interrupt), side_(side) {}
        bool await_ready() const noexcept;
        void await_suspend(std::coroutine_handle<> handle);
        Wake await_resume() const noexcept { return target_.fired() ? Wake::interrupted : wake_; }

    private:
        void abandon() noexcept override;
        Core& core_;
        Interrupt& target_;
        Side side_;
    };
    /// Suspends until a read would not block, or `interrupt` fires.  One reader and one writer at a
    /// time.
    [[nodiscard]] Awaiter readable(Interrupt& interrupt) noexcept {
        return Awaiter(*core_, Awaiter::Side::read, interrupt);
    }
    [[nodiscard]] Awaiter writable(Interrupt& interrupt) noexcept {
        return Awaiter(*core_, Awaiter::Side::write, interrupt);
    }

    /// Calls `watcher` (until replaced by nullptr) when the socket becomes readable while nobody
    /// awaits that, at once when it is already.  The watcher reads, to the end of what there is, or
    /// replaces itself.
    void watch(ReadWatcher* watcher);
    /// Calls `watcher` (until replaced by nullptr) whenever the socket may take bytes again; also
    /// when it never stopped to.
    void watch_writable(WriteWatcher* watcher) noexcept;

private:
    Core* core_ = nullptr;  // freed by the poller, see socket.cpp
};

/// One segment of a gather write.
[[nodiscard]] inline iovec piece(std::string_view bytes) noexcept {
    return iovec{const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace tollgate::server
