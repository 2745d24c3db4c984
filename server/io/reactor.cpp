#include "server/io/reactor.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <utility>

namespace tollgate::server {

namespace asio = boost::asio;

struct Reactor::Timer {
    explicit Timer(asio::io_context& context) : timer(context), work(context.get_executor()) {}
    asio::steady_timer timer;
    asio::executor_work_guard<asio::io_context::executor_type> work;
    Clock::time_point armed = Clock::time_point::max();
};

Reactor::Reactor()
    // One thread runs this context, so per-descriptor locks are off; posting from other threads
    // stays safe.
    : context_(std::make_unique<asio::io_context>(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO)),
      poller_(*context_),
      timer_(std::make_unique<Timer>(*context_)) {}

Reactor::~Reactor() = default;

void Reactor::run() {
    context_->run();
}

void Reactor::stop() noexcept {
    context_->stop();
}

void Reactor::post(std::coroutine_handle<> handle) {
    asio::post(*context_, [handle] { handle.resume(); });
}

void Reactor::post_external(std::function<void()> work) {
    asio::post(*context_, std::move(work));
}

// ---- deadlines: a binary heap ordered by queued_, one Asio timer for the earliest ----

void Reactor::place(std::size_t index, Deadline* deadline) noexcept {
    heap_[index] = deadline;
    deadline->index_ = index;
}

void Reactor::sift_up(std::size_t index) noexcept {
    Deadline* const moving = heap_[index];
    while (index > 0) {
        const std::size_t parent = (index - 1) / 2;
        if (heap_[parent]->queued_ <= moving->queued_) {
            break;
        }
        place(index, heap_[parent]);
        index = parent;
    }
    place(index, moving);
}

void Reactor::sift_down(std::size_t index) noexcept {
    Deadline* const moving = heap_[index];
    for (;;) {
        std::size_t child = 2 * index + 1;
        if (child >= heap_.size()) {
            break;
        }
        if (child + 1 < heap_.size() && heap_[child + 1]->queued_ < heap_[child]->queued_) {
            ++child;
        }
        if (moving->queued_ <= heap_[child]->queued_) {
            break;
        }
        place(index, heap_[child]);
        index = child;
    }
    place(index, moving);
}

void Reactor::enqueue(Deadline& deadline) {
    if (deadline.index_ == Deadline::kNotQueued) {
        deadline.queued_ = deadline.when_;
        heap_.push_back(&deadline);
        sift_up(heap_.size() - 1);
    } else {
        const bool earlier = deadline.when_ < deadline.queued_;
        deadline.queued_ = deadline.when_;
        earlier ? sift_up(deadline.index_) : sift_down(deadline.index_);
    }
    arm_timer();
}

void Reactor::remove(Deadline& deadline) noexcept {
    const std::size_t index = deadline.index_;
    Deadline* const last = heap_.back();
    heap_.pop_back();
    deadline.index_ = Deadline::kNotQueued;
    if (last != &deadline) {
        place(index, last);
        sift_up(index);
        sift_down(last->index_);
    }
}

void Reactor::arm_timer() {
    if (heap_.empty() || heap_.front()->queued_ >= timer_->armed) {
        return;  // an armed timer that comes too early is harmless
    }
    timer_->armed = heap_.front()->queued_;
    timer_->timer.expires_at(timer_->armed);
    timer_->timer.async_wait([this](const boost::system::error_code& ec) {
        if (!ec) {
            expire();
        }
    });
}

void Reactor::expire() {
    timer_->armed = Clock::time_point::max();
    const Clock::time_point time = now();
    while (!heap_.empty() && heap_.front()->queued_ <= time) {
        Deadline& first = *heap_.front();
        if (first.when_ > time) {
            if (first.is_set()) {  // moved later since it was queued
                first.queued_ = first.when_;
                sift_down(0);
            } else {
                remove(first);
            }
            continue;
        }
        remove(first);
        first.clear();
        first.expired();
    }
    arm_timer();
}

Deadline::~Deadline() {
    if (index_ != kNotQueued) {
        reactor_.remove(*this);
    }
}

void Deadline::set(Clock::time_point when) {
    when_ = when;
    if (index_ == kNotQueued || when < queued_) {
        reactor_.enqueue(*this);
    }
}

// ---- waits ----

void Waiter::suspend(Interrupt& interrupt, std::coroutine_handle<> handle) noexcept {
    handle_ = handle;
    interrupt_ = &interrupt;
    wake_ = Wake::ready;
    interrupt.waiter_ = this;
}

void Waiter::wake_ready() {
    interrupt_->waiter_ = nullptr;
    wake_ = Wake::ready;
    handle_.resume();
}

Interrupt::~Interrupt() = default;

void Interrupt::fire(Cause cause) noexcept {
    if (cause_ != Cause::none) {
        cause_ = server::is_final(cause) && !server::is_final(cause_) ? cause : cause_;
        return;
    }
    cause_ = cause;
    if (inner_ != nullptr) {
        inner_->fire(cause);
    }
    if (waiter_ != nullptr) {
        Waiter& waiter = *std::exchange(waiter_, nullptr);
        waiter.abandon();
        waiter.wake_ = Wake::interrupted;
        reactor_.post(waiter.handle_);
    }
}

bool WaitList::wake_one() {
    if (waiters_.empty()) {
        return false;
    }
    Waiter* const first = waiters_.front();
    waiters_.erase(waiters_.begin());
    first->wake_ready();
    return true;
}

void WaitList::wake_all() {
    // By count, not by a copy: a resumed coroutine may interrupt, and so unlist, one of the others.
    for (std::size_t left = waiters_.size(); left > 0 && wake_one(); --left) {}
}

}  // namespace tollgate::server
