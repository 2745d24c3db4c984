// One worker thread's event loop: Boost.Asio's io_context, plus deadlines that cost nothing to
// move.
#pragma once

#include "server/io/interrupt.hpp"
#include "server/io/poller.hpp"

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace tollgate::server {

using Clock = std::chrono::steady_clock;

/// A point in time at which something happens unless it is moved or cleared first.  Moving it later
/// is one store: the queue looks at it again when the earlier time comes.  Single-threaded; dies
/// before its Reactor.
class Deadline {
public:
    explicit Deadline(Reactor& reactor) noexcept : reactor_(reactor) {}
    virtual ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    void set(Clock::time_point when);
    void clear() noexcept { when_ = Clock::time_point::max(); }
    [[nodiscard]] bool is_set() const noexcept { return when_ != Clock::time_point::max(); }
    [[nodiscard]] Clock::time_point when() const noexcept { return when_; }

protected:
    /// Called once from the event loop when the time has come; the deadline is cleared before.
    virtual void expired() = 0;

private:
    friend class Reactor;
    Reactor& reactor_;
    Clock::time_point when_ = Clock::time_point::max();  // what the owner wants
    Clock::time_point queued_ =
        Clock::time_point::max();  // what the queue knows; never later than when_
    std::size_t index_ = kNotQueued;
    static constexpr std::size_t kNotQueued = static_cast<std::size_t>(-1);
};

/// A deadline that fires an Interrupt with a cause chosen when it is set.
class InterruptDeadline final : public Deadline {
public:
    InterruptDeadline(Reactor& reactor, Interrupt& interrupt) noexcept
        : Deadline(reactor), interrupt_(interrupt) {}
    void arm(Cause cause, Clock::time_point when) {
        cause_ = cause;
        set(when);
    }
    [[nodiscard]] Cause cause() const noexcept { return cause_; }

private:
    void expired() override { interrupt_.fire(cause_); }
    Interrupt& interrupt_;
    Cause cause_ = Cause::none;
};

class Reactor {
public:
    Reactor();
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    /// Runs until stop().  Everything below is for this thread only, except post_external() and
    /// stop().
    void run();
    void stop() noexcept;

    /// Queues work behind what is ready now.
    void post(std::coroutine_handle<> handle);
    /// Lets everything else that is ready have its turn.
    struct YieldAwaiter {
        Reactor& reactor;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) const { reactor.post(handle); }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] YieldAwaiter yield() noexcept { return YieldAwaiter{*this}; }
    /// From any thread.
    void post_external(std::function<void()> work);

    [[nodiscard]] boost::asio::io_context& context() noexcept { return *context_; }
    [[nodiscard]] Poller& poller() noexcept { return poller_; }
    [[nodiscard]] static Clock::time_point now() noexcept { return Clock::now(); }

    /// Suspends until `when` or until `interrupt` fires (then Wake::interrupted).
    class SleepAwaiter final : public Waiter, private Deadline {
    public:
        SleepAwaiter(Reactor& reactor, Interrupt& interrupt, Clock::time_point when)
            : Deadline(reactor), target_(interrupt), until_(when) {}
        bool await_ready() const noexcept { return target_.fired(); }
        void await_suspend(std::coroutine_handle<> handle) {
            suspend(target_, handle);
            set(until_);
        }
        Wake await_resume() const noexcept { return target_.fired() ? Wake::interrupted : wake_; }

    private:
        void expired() override { wake_ready(); }
        void abandon() noexcept override { clear(); }
        Interrupt& target_;
        Clock::time_point until_;
    };
    [[nodiscard]] SleepAwaiter sleep_until(Clock::time_point when, Interrupt& interrupt) {
        return SleepAwaiter(*this, interrupt, when);
    }

private:
    friend class Deadline;
    struct Timer;
    void enqueue(Deadline& deadline);
    void remove(Deadline& deadline) noexcept;
    void place(std::size_t index, Deadline* deadline) noexcept;
    void sift_up(std::size_t index) noexcept;
    void sift_down(std::size_t index) noexcept;
    void arm_timer();
    void expire();

    std::unique_ptr<boost::asio::io_context> context_;
    Poller poller_;
    std::unique_ptr<Timer> timer_;
    std::vector<Deadline*> heap_;  // binary heap by queued_
};

/// Coroutines that wait for something inside the same worker; woken one by one in order of arrival.
class WaitList {
public:
    class Awaiter final : public Waiter {
    public:
        Awaiter(WaitList& list, Interrupt& interrupt) noexcept : list_(list), target_(interrupt) {}
        bool await_ready() const noexcept { return target_.fired(); }
        void await_suspend(std::coroutine_handle<> handle) {
            suspend(target_, handle);
            list_.waiters_.push_back(this);
        }
        Wake await_resume() const noexcept { return target_.fired() ? Wake::interrupted : wake_; }

    private:
        friend class WaitList;
        void abandon() noexcept override { std::erase(list_.waiters_, this); }
        WaitList& list_;
        Interrupt& target_;
    };
    [[nodiscard]] Awaiter wait(Interrupt& interrupt) noexcept { return Awaiter(*this, interrupt); }
    /// Resumes the longest waiting coroutine at once; false when nobody waits.
    bool wake_one();
    void wake_all();
    [[nodiscard]] std::size_t size() const noexcept { return waiters_.size(); }

private:
    std::vector<Waiter*> waiters_;
};

}  // namespace tollgate::server
