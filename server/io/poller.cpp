#include "server/io/poller.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <sys/epoll.h>
#include <system_error>

namespace tollgate::server {

namespace asio = boost::asio;

struct Poller::Outer {
    using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
    Outer(asio::io_context& context, int fd) : descriptor(context, fd) {}
    Descriptor descriptor;  // owns the inner epoll descriptor
};

Poller::Poller(asio::io_context& context) : context_(context), fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
    outer_ = std::make_unique<Outer>(context, fd_);
    wait();
}

Poller::~Poller() = default;

void Poller::add(int fd, Target& target) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &target;
    if (::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
}

void Poller::retire(Target& target) noexcept {
    retired_.emplace_back(&target);
    if (!dispatching_) {
        retired_.clear();
    }
}

void Poller::at_batch_end(BatchEnd& waiting) {
    if (std::find(ending_.begin(), ending_.end(), &waiting) != ending_.end()) {
        return;
    }
    ending_.push_back(&waiting);
    if (!dispatching_ && !posted_) {
        posted_ = true;
        asio::post(context_, [this] {
            posted_ = false;
            dispatching_ = true;
            end_batch();
        });
    }
}

void Poller::forget(BatchEnd& waiting) noexcept {
    std::erase(ending_, &waiting);
}

// What one of them does may bring another into the list, or take one off it.
void Poller::end_batch() {
    while (!ending_.empty()) {
        BatchEnd* const next = ending_.back();
        ending_.pop_back();
        next->batch_ended();
    }
    dispatching_ = false;
    retired_.clear();
}

void Poller::wait() {
    outer_->descriptor.async_wait(Outer::Descriptor::wait_read,
                                  [this](const boost::system::error_code& ec) {
                                      if (!ec) {
                                          dispatch();
                                          wait();
                                      }
                                  });
}

void Poller::dispatch() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(fd_, events.data(), static_cast<int>(events.size()), 0);
    dispatching_ = true;
    for (const epoll_event& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
        static_cast<Target*>(event.data.ptr)->ready(event.events);
    }
    end_batch();
}

}  // namespace tollgate::server
