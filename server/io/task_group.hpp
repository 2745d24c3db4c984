// The parents of coroutines: nothing runs that a TaskGroup does not know.
#pragma once

#include "server/io/reactor.hpp"
#include "server/io/task.hpp"

#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace tollgate::server {

/// Owns running root coroutines of one worker.  Single-threaded; must be empty when it dies.
class TaskGroup {
public:
    /// `on_bug` is told what() of an exception that reached a root: a bug, since failures travel as
    /// Results.
    TaskGroup(Reactor& reactor, std::function<void(std::string_view)> on_bug)
        : state_{reactor, std::move(on_bug), 0, {}} {}
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup();

    /// Starts `task` at once, until its first suspension.
    void spawn(Task<void> task);
    /// Starts the task of `object` (its run()) and keeps the object until the task has ended.
    template <class T>
    void spawn_object(std::unique_ptr<T> object) {
        spawn(run_object(std::move(object)));
    }

    [[nodiscard]] std::size_t size() const noexcept { return state_.running; }
    /// Suspends until no child is left.
    [[nodiscard]] Task<Wake> wait_empty(Interrupt& interrupt);

private:
    struct State {
        Reactor& reactor;
        std::function<void(std::string_view)> on_bug;
        std::size_t running = 0;
        WaitList empty;
    };
    struct Root {
        struct promise_type {
            static void* operator new(std::size_t size) { return allocate_frame(size); }
            static void operator delete(void* frame, std::size_t size) noexcept {
                free_frame(frame, size);
            }
            Root get_return_object() noexcept { return {}; }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_never final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() const noexcept { std::terminate(); }
        };
    };
    static Root run_root(Task<void> task, State& state);
    template <class T>
    static Task<void> run_object(std::unique_ptr<T> object) {
        co_await object->run();
    }
    State state_;
};

}  // namespace tollgate::server
