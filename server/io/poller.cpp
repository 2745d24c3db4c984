#include "server/io/poller.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

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

Poller::Poller(asio::io_context& context, const std::size_t& posted)
    : posted_(posted), fd_(::epoll_create1(EPOLL_CLOEXEC)) {
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

void Poller::wait() {
    outer_->descriptor.async_wait(Outer::Descriptor::wait_read,
                                  [this](const boost::system::error_code& ec) {
                                      if (!ec) {
                                          dispatch();
                                          wait();
                                      }
                                  });
}

// Under load the next events come within microseconds: waiting for them here, for a moment, saves
// the way through the outer set.  Asio's own work (timers, look-ups, posts of other threads) is
// late by no more than that moment, and has its turn after kRounds in any case.
void Poller::dispatch() {
    constexpr int kMomentMs = 1;
    constexpr unsigned kRounds = 16;
    std::array<epoll_event, 256> events;
    for (unsigned round = 0; round < kRounds && (round == 0 || posted_ == 0); ++round) {
        const int count = ::epoll_wait(fd_, events.data(), static_cast<int>(events.size()),
                                       round == 0 ? 0 : kMomentMs);
        if (count <= 0) {
            break;
        }
        dispatching_ = true;
        for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
            static_cast<Target*>(event.data.ptr)->ready(event.events);
        }
        dispatching_ = false;
        retired_.clear();
    }
}

}  // namespace tollgate::server
