// Why and how a waiting coroutine is woken before the thing it waits for has happened.
#pragma once

#include <coroutine>
#include <cstdint>

namespace tollgate::server {

/// What cut a wait short.  One cause per Interrupt: the first wins until reset().
enum class Cause : std::uint8_t {
    none,
    client_gone,          ///< the client closed its side
    header_timeout,       ///< the client was too slow with its head
    body_timeout,         ///< … with its body
    write_timeout,        ///< … reading our answer
    idle_timeout,         ///< a kept-alive connection had nothing to do
    connect_timeout,      ///< the vendor's address did not accept in time
    first_byte_timeout,   ///< the vendor sent no first byte in time
    first_token_timeout,  ///< … no first good event
    stream_timeout,       ///< the vendor was silent for too long between bytes
    total_timeout,        ///< the whole attempt took too long
    shutdown,             ///< the process is stopping and the grace time is over
    loser,                ///< another attempt of the same race has won
    elapsed,              ///< a sleep or bounded wait is over; not an error
};

/// Causes after which nothing further can be done for the client; they replace a lesser one that
/// nobody has looked at yet.
[[nodiscard]] constexpr bool is_final(Cause cause) noexcept {
    return cause == Cause::client_gone || cause == Cause::shutdown || cause == Cause::write_timeout;
}

enum class Wake : std::uint8_t { ready, interrupted };

class Interrupt;

/// A suspended coroutine that an Interrupt can wake.  Lives in the awaiter, in the coroutine's
/// frame.
class Waiter {
public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    /// The awaited thing has happened: detaches from the interrupt and resumes the coroutine, at
    /// once.
    void wake_ready();

protected:
    ~Waiter() = default;
    friend class Interrupt;
    /// Takes the waiter off whatever it waits for; called before an interrupted wake.
    virtual void abandon() noexcept = 0;
    /// Registers with `interrupt` for the time of the wait.
    void suspend(Interrupt& interrupt, std::coroutine_handle<> handle) noexcept;

    std::coroutine_handle<> handle_;
    Interrupt* interrupt_ = nullptr;
    Wake wake_ = Wake::ready;
};

class Reactor;

/// One coroutine chain's point of interruption: an exchange, a connection attempt.  At most one
/// wait at a time. Single-threaded.  The first cause stands, unless a final one follows.  After
/// fire() every further wait returns `interrupted` at once, until reset().
class Interrupt {
public:
    explicit Interrupt(Reactor& reactor) noexcept : reactor_(reactor) {}
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    /// Wakes the current wait, if any, through the reactor's queue: never inside the caller's
    /// stack.
    void fire(Cause cause) noexcept;
    void reset() noexcept { cause_ = Cause::none; }
    [[nodiscard]] bool fired() const noexcept { return cause_ != Cause::none; }
    [[nodiscard]] Cause cause() const noexcept { return cause_; }
    [[nodiscard]] Reactor& reactor() const noexcept { return reactor_; }

private:
    friend class Waiter;
    friend class InterruptLink;
    Reactor& reactor_;
    Waiter* waiter_ = nullptr;
    Interrupt* inner_ = nullptr;
    Cause cause_ = Cause::none;
};

/// While it lives, firing `outer` also fires `inner`: for a bounded wait, or a child task, inside a
/// longer operation. One link per outer at a time.
class InterruptLink {
public:
    InterruptLink(Interrupt& outer, Interrupt& inner) noexcept : outer_(outer) {
        outer.inner_ = &inner;
        if (outer.fired()) {
            inner.fire(outer.cause());
        }
    }
    ~InterruptLink() { outer_.inner_ = nullptr; }
    InterruptLink(const InterruptLink&) = delete;
    InterruptLink& operator=(const InterruptLink&) = delete;

private:
    Interrupt& outer_;
};

}  // namespace tollgate::server
