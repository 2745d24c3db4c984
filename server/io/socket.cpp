#include "server/io/socket.hpp"

#include "server/io/poller.hpp"
#include "server/io/reactor.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tollgate::server {

// Registered once, edge-triggered: the flags below remember what the kernel has said and what has
// been consumed since. An event that was fetched before its socket closed still points here, so the
// poller frees it after the batch.
class Socket::Core final : public Poller::Target {
public:
    Core(Poller& poller, int fd) : poller_(poller), fd_(fd) { poller_.add(fd, *this); }

    [[nodiscard]] int fd() const noexcept { return fd_; }

    void close() noexcept {
        ::close(fd_);
        fd_ = -1;
        reader_ = nullptr;
        writer_ = nullptr;
        watcher_ = nullptr;
        write_watcher_ = nullptr;
        poller_.retire(*this);
    }

    void ready(std::uint32_t events) override {
        // The peer's end stays readable for ever; no further edge will say so.
        ended_ = ended_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
            readable_ = true;
            if (reader_ != nullptr) {
                std::exchange(reader_, nullptr)->wake_ready();
            } else if (watcher_ != nullptr) {
                watcher_->on_readable();
            }
        }
        if (fd_ >= 0 && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
            writable_ = true;
            if (writer_ != nullptr) {
                std::exchange(writer_, nullptr)->wake_ready();
            } else if (write_watcher_ != nullptr) {
                write_watcher_->on_writable();
            }
        }
    }

    /// After a read of `got` out of `asked` bytes: less than asked means that the kernel has no
    /// more.
    void consumed(std::size_t got, std::size_t asked) noexcept {
        readable_ = got == asked || ended_;
    }
    void exhausted() noexcept { readable_ = false; }
    void blocked() noexcept { writable_ = false; }

    [[nodiscard]] bool is_readable() const noexcept { return readable_; }
    [[nodiscard]] bool is_writable() const noexcept { return writable_; }

    Waiter* reader_ = nullptr;
    Waiter* writer_ = nullptr;
    ReadWatcher* watcher_ = nullptr;
    WriteWatcher* write_watcher_ = nullptr;

private:
    Poller& poller_;
    int fd_;
    bool readable_ = true;  // not known: the first read tells
    bool writable_ = true;
    bool ended_ = false;
};

Socket::Socket(Reactor& reactor, int fd) : core_(new Core(reactor.poller(), fd)) {}

int Socket::fd() const noexcept {
    return core_ != nullptr ? core_->fd() : -1;
}

void Socket::close() noexcept {
    if (core_ != nullptr) {
        std::exchange(core_, nullptr)->close();
    }
}

bool Socket::may_read() const noexcept {
    return core_->is_readable();
}

void Socket::note_read(const IoResult& result, std::size_t asked) noexcept {
    if (result.status == IoStatus::ok) {
        core_->consumed(result.bytes, asked);
    } else if (result.status == IoStatus::want_read) {
        core_->exhausted();
    }
}

void Socket::note_blocked() noexcept {
    core_->blocked();
}

IoResult Socket::read(char* data, std::size_t size) noexcept {
    IoResult result;
    for (;;) {
        const ssize_t n = ::recv(core_->fd(), data, size, 0);
        if (n > 0) {
            result = {.status = IoStatus::ok, .bytes = static_cast<std::size_t>(n)};
        } else if (n == 0) {
            result = {.status = IoStatus::closed};
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            result = {.status = IoStatus::want_read};
        } else if (errno == EINTR) {
            continue;
        } else {
            result = {.status = IoStatus::failed, .error = errno};
        }
        note_read(result, size);
        return result;
    }
}

IoResult Socket::write(std::span<const iovec> pieces) noexcept {
    constexpr std::size_t kMost = 64;  // well under IOV_MAX; the caller comes back for the rest
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = std::min(pieces.size(), kMost);
    for (;;) {
        const ssize_t n = ::sendmsg(core_->fd(), &message, MSG_NOSIGNAL);
        if (n >= 0) {
            return {.status = IoStatus::ok, .bytes = static_cast<std::size_t>(n)};
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            note_blocked();
            return {.status = IoStatus::want_write};
        }
        if (errno != EINTR) {
            return {.status = IoStatus::failed, .error = errno};
        }
    }
}

void Socket::watch(ReadWatcher* watcher) {
    core_->watcher_ = watcher;
    if (watcher != nullptr && core_->is_readable()) {
        watcher->on_readable();
    }
}

void Socket::watch_writable(WriteWatcher* watcher) noexcept {
    core_->write_watcher_ = watcher;
}

bool Socket::Awaiter::await_ready() const noexcept {
    return target_.fired() || (side_ == Side::read ? core_.is_readable() : core_.is_writable());
}

void Socket::Awaiter::await_suspend(std::coroutine_handle<> handle) {
    suspend(target_, handle);
    (side_ == Side::read ? core_.reader_ : core_.writer_) = this;
}

void Socket::Awaiter::abandon() noexcept {
    (side_ == Side::read ? core_.reader_ : core_.writer_) = nullptr;
}

}  // namespace tollgate::server
