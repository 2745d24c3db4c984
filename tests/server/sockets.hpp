// Sockets of a test: pairs, plain blocking clients, small buffers.
#pragma once

#include "server/io/reactor.hpp"
#include "server/io/socket.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace tollgate::server::tests {

/// Owns a descriptor.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() { close(); }
    void close() {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

inline void set_non_blocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/// Two ends that are connected: ours is a Socket, the peer's a plain descriptor (non-blocking as
/// well).
struct Pair {
    explicit Pair(Reactor& reactor, int buffer_bytes = 0) {
        int fds[2] = {-1, -1};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        if (buffer_bytes > 0) {
            ::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
        }
        ours = Socket(reactor, fds[0]);
        peer = Fd(fds[1]);
    }
    Socket ours;
    Fd peer;

    void send(std::string_view bytes) const {
        REQUIRE(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// What the peer has received so far.
    [[nodiscard]] std::string received(std::size_t most = 1 << 20) const {
        std::string bytes(most, '\0');
        const ssize_t n = ::recv(peer.get(), bytes.data(), bytes.size(), 0);
        bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return bytes;
    }
};

}  // namespace tollgate::server::tests
