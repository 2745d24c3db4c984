#include "server/io/socket.hpp"

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include "server/io/reactor.hpp"

namespace tollgate::server {

namespace asio = boost::asio;

// Lives until the Socket has closed it and the last outstanding Asio wait has completed.
class Socket::Core {
public:
    Core(Reactor& reactor, int fd) : descriptor_(reactor.context(), fd) { descriptor_.native_non_blocking(true); }

    [[nodiscard]] int fd() noexcept { return descriptor_.native_handle(); }

    void close() noexcept {
        closed_ = true;
        watcher_ = nullptr;
        boost::system::error_code ignored;
        descriptor_.close(ignored);
        release();
    }

    void arm_read() {
        if (!read_armed_) {
            read_armed_ = true;
            ++users_;
            descriptor_.async_wait(Descriptor::wait_read, ReadReady{this});
        }
    }
    void arm_write() {
        if (!write_armed_) {
            write_armed_ = true;
            ++users_;
            descriptor_.async_wait(Descriptor::wait_write, WriteReady{this});
        }
    }

    Waiter* reader_ = nullptr;
    Waiter* writer_ = nullptr;
    ReadWatcher* watcher_ = nullptr;
    bool read_pending_ = false;    // became readable while nobody waited

private:
    using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

    // Asio allocates one object per wait; the read wait is armed once per message, so its place is kept here.
    struct Slot {
        alignas(std::max_align_t) std::array<std::byte, 128> bytes;
        bool used = false;
    };
    template <class T>
    struct SlotAllocator {
        using value_type = T;
        Slot* slot;
        explicit SlotAllocator(Slot* s) noexcept : slot(s) {}
        template <class U>
        SlotAllocator(const SlotAllocator<U>& other) noexcept : slot(other.slot) {}
        T* allocate(std::size_t n) {
            if (!slot->used && n * sizeof(T) <= slot->bytes.size()) {
                slot->used = true;
                return reinterpret_cast<T*>(slot->bytes.data());
            }
            return static_cast<T*>(::operator new(n * sizeof(T)));
        }
        void deallocate(T* p, std::size_t) noexcept {
            if (reinterpret_cast<std::byte*>(p) == slot->bytes.data()) {
                slot->used = false;
            } else {
                ::operator delete(p);
            }
        }
        template <class U>
        bool operator==(const SlotAllocator<U>& other) const noexcept {
            return slot == other.slot;
        }
    };

    struct ReadReady {
        Core* core;
        using allocator_type = SlotAllocator<std::byte>;
        [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(&core->read_slot_); }
        void operator()(const boost::system::error_code&) const { core->read_ready(); }
    };
    struct WriteReady {
        Core* core;
        void operator()(const boost::system::error_code&) const { core->write_ready(); }
    };

    void read_ready() {
        read_armed_ = false;
        if (!closed_) {
            if (reader_ != nullptr) {
                std::exchange(reader_, nullptr)->wake_ready();
            } else if (watcher_ != nullptr) {
                watcher_->on_readable();
            } else {
                read_pending_ = true;
            }
        }
        release();
    }
    void write_ready() {
        write_armed_ = false;
        if (!closed_ && writer_ != nullptr) {
            std::exchange(writer_, nullptr)->wake_ready();
        }
        release();
    }
    void release() noexcept {
        if (--users_ == 0) {
            delete this;
        }
    }

    Descriptor descriptor_;
    Slot read_slot_;
    unsigned users_ = 1;   // the Socket, and each outstanding wait
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool closed_ = false;
};

Socket::Socket(Reactor& reactor, int fd) : core_(new Core(reactor, fd)) {}

int Socket::fd() const noexcept {
    return core_ != nullptr ? core_->fd() : -1;
}

void Socket::close() noexcept {
    if (core_ != nullptr) {
        std::exchange(core_, nullptr)->close();
    }
}

IoResult Socket::read(char* data, std::size_t size) noexcept {
    for (;;) {
        const ssize_t n = ::recv(core_->fd(), data, size, 0);
        if (n > 0) {
            return {.status = IoStatus::ok, .bytes = static_cast<std::size_t>(n)};
        }
        if (n == 0) {
            return {.status = IoStatus::closed};
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return {.status = IoStatus::want_read};
        }
        if (errno != EINTR) {
            return {.status = IoStatus::failed, .error = errno};
        }
    }
}

IoResult Socket::write(std::span<const iovec> pieces) noexcept {
    constexpr std::size_t kMost = 64;   // well under IOV_MAX; the caller comes back for the rest
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = std::min(pieces.size(), kMost);
    for (;;) {
        const ssize_t n = ::sendmsg(core_->fd(), &message, MSG_NOSIGNAL);
        if (n >= 0) {
            return {.status = IoStatus::ok, .bytes = static_cast<std::size_t>(n)};
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return {.status = IoStatus::want_write};
        }
        if (errno != EINTR) {
            return {.status = IoStatus::failed, .error = errno};
        }
    }
}

void Socket::watch(ReadWatcher* watcher) {
    core_->watcher_ = watcher;
    if (watcher == nullptr) {
        return;
    }
    if (core_->read_pending_) {
        core_->read_pending_ = false;
        watcher->on_readable();
    } else {
        core_->arm_read();
    }
}

bool Socket::Awaiter::await_ready() const noexcept {
    if (target_.fired()) {
        return true;
    }
    return side_ == Side::read && std::exchange(core_.read_pending_, false);
}

void Socket::Awaiter::await_suspend(std::coroutine_handle<> handle) {
    suspend(target_, handle);
    if (side_ == Side::read) {
        core_.reader_ = this;
        core_.arm_read();
    } else {
        core_.writer_ = this;
        core_.arm_write();
    }
}

void Socket::Awaiter::abandon() noexcept {
    (side_ == Side::read ? core_.reader_ : core_.writer_) = nullptr;
}

}  // namespace tollgate::server
