// The coroutine type of the server: lazy, single-threaded, owned by whoever awaits it.
// docs/decisions/0001 says why it is ours and not asio::awaitable.
#pragma once

#include "failover/failure.hpp"
#include "server/io/frame_cache.hpp"

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace tollgate::server {

template <class T>
class Task;

namespace detail {

struct TaskPromiseBase {
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::exception_ptr error;

    std::suspend_always initial_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }

    struct FinalAwaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            return self.promise().continuation;
        }
        void await_resume() const noexcept {}
    };
    FinalAwaiter final_suspend() const noexcept { return {}; }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
    std::optional<T> value;
    Task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        if (error) {
            std::rethrow_exception(error);
        }
        return std::move(*value);
    }
};

/// Failures are rare and large: apart, so that they take no room in each frame that waits.
template <class T>
struct TaskPromise<Result<T>> : TaskPromiseBase {
    std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
    std::unique_ptr<Failure> failure;
    Task<Result<T>> get_return_object() noexcept;
    template <class U = Result<T>>
    void return_value(U&& result) {
        Result<T> made(std::forward<U>(result));
        if (!made) {
            failure = std::make_unique<Failure>(std::move(made.error()));
        } else if constexpr (!std::is_void_v<T>) {
            value.emplace(std::move(*made));
        }
    }
    Result<T> take() {
        if (error) {
            std::rethrow_exception(error);
        }
        if (failure) {
            return std::unexpected(std::move(*failure));
        }
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return std::move(*value);
        }
    }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const {
        if (error) {
            std::rethrow_exception(error);
        }
    }
};

}  // namespace detail

/// A coroutine that starts when awaited and resumes its awaiter when done.  The frame dies with the
/// Task, so a Task that is awaited in the expression that made it cannot leak.  References given to
/// it must outlive the await.
template <class T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::TaskPromise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Task() {
        if (handle_) {
            handle_.destroy();
        }
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
        handle_.promise().continuation = awaiter;
        return handle_;
    }
    T await_resume() { return handle_.promise().take(); }

private:
    Handle handle_;
};

namespace detail {
template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
template <class T>
Task<Result<T>> TaskPromise<Result<T>>::get_return_object() noexcept {
    return Task<Result<T>>(std::coroutine_handle<TaskPromise<Result<T>>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}
}  // namespace detail

}  // namespace tollgate::server
