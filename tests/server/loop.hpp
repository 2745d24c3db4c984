// Runs coroutines on a reactor in the test's own thread.
// Never await within CHECK: Catch2 repeats its argument in an operand that g++ 12 evaluates in
// coroutines.
#pragma once

#include "server/io/reactor.hpp"
#include "server/io/task.hpp"
#include "server/io/task_group.hpp"
#include "tests/support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace tollgate::server::tests {

using std::chrono::milliseconds;

/// Ends the process, loudly, when a loop hangs: the coroutines in it cannot be taken down from
/// outside.
class Watchdog final : public Deadline {
public:
    explicit Watchdog(Reactor& reactor) : Deadline(reactor) {
        set(Reactor::now() + std::chrono::seconds(30));
    }

private:
    void expired() override {
        std::fputs("a coroutine under test hangs\n", stderr);
        std::abort();
    }
};

class Loop {
public:
    Reactor reactor;
    std::string bugs;  ///< exceptions that reached a root

    /// Starts a coroutine that run() waits for as well.
    void spawn(Task<void> task) { tasks_.spawn(std::move(task)); }

    /// Runs `body` (a callable that gives a Task<void>) and everything spawned to the end.
    template <class Body>
    void run(Body body) {
        const Watchdog watchdog(reactor);
        reactor.context().restart();  // of the run before
        tasks_.spawn(body());
        root_.spawn(stop_when_empty());
        reactor.run();
        CHECK(bugs == "");
    }

private:
    Task<void> stop_when_empty() {
        Interrupt never(reactor);
        co_await tasks_.wait_empty(never);
        reactor.stop();
    }
    TaskGroup tasks_{reactor, [this](std::string_view what) { bugs += what; }};
    TaskGroup root_{reactor, [this](std::string_view what) { bugs += what; }};
};

/// Suspends for a moment of real time.
inline Task<void> pause(Reactor& reactor, Clock::duration time) {
    Interrupt never(reactor);
    co_await reactor.sleep_until(Reactor::now() + time, never);
}

}  // namespace tollgate::server::tests
