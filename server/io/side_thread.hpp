// One thread for work that blocks (SQLite, files), so that no worker waits for a disk.
#pragma once

#include "failover/failure.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace tollgate::server {

/// Jobs run one after another, in the order in which they were posted.
class SideThread {
public:
    explicit SideThread(std::size_t most_waiting);
    /// Does what is waiting, then ends the thread.
    ~SideThread();
    SideThread(const SideThread&) = delete;
    SideThread& operator=(const SideThread&) = delete;

    /// From any thread; false, with nothing done, when too many jobs wait.
    [[nodiscard]] bool post(std::function<void()> job);

private:
    void run();

    const std::size_t most_waiting_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

/// Runs `job` on the side thread while this worker serves others, and gives back what it returned.
/// Fails with overloaded when the thread has too much to do, with internal when the job threw.  An
/// interrupted caller goes on at once (client_gone); the job is finished all the same, so it must
/// own what it uses.
template <class T>
[[nodiscard]] Task<Result<T>> run_aside(SideThread& side, Interrupt& interrupt,
                                        std::function<T()> job) {
    struct State {
        WaitList done;
        std::optional<T> value;
    };
    auto state = std::make_shared<State>();
    Reactor& reactor = interrupt.reactor();
    const bool posted = side.post([state, &reactor, job = std::move(job)] {
        try {
            state->value.emplace(job());
        } catch (...) {  // out of memory, or a bug: the value stays empty
        }
        reactor.post_external([state] { state->done.wake_all(); });
    });
    if (!posted) {
        co_return fail(FailureKind::overloaded, "Too many administrative requests wait.");
    }
    const Wake wake = co_await state->done.wait(interrupt);
    if (wake == Wake::interrupted) {
        co_return fail(FailureKind::client_gone, "The client closed the connection.");
    }
    if (!state->value) {
        co_return fail(FailureKind::internal, "The gateway failed on this request.");
    }
    co_return std::move(*state->value);
}

}  // namespace tollgate::server
