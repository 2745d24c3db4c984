// A vendor of OpenAI's shape that answers at once or paced, as the order in the prompt says.  One
// thread, loopback only; prints its port.  GET /stats: the streams that were broken off, and when.
#include "loopback.hpp"
#include "order.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

namespace {

using namespace tollgate::bench;

struct Connection {
    int fd = -1;
    std::uint64_t serial = 0;
    std::string in;
    std::string out;
    std::size_t sent = 0;
    bool waits_for_room = false;
    bool is_streaming = false;
    bool wants_usage = false;
    Order order;
    unsigned next = 0;
};

struct Due {
    std::int64_t time = 0;
    int fd = -1;
    std::uint64_t serial = 0;
    bool operator>(const Due& other) const { return time > other.time; }
};

class Mock {
public:
    void run();

private:
    void accept_all();
    void close(Connection& connection);
    void read(Connection& connection);
    bool take_request(Connection& connection);
    void answer(Connection& connection, std::string_view body);
    void stats(Connection& connection);
    void add_piece(Connection& connection);
    void go_on(Connection& connection, std::int64_t now);
    void flush(Connection& connection);
    void run_due();
    void wait();

    int listener_ = -1;
    int epoll_ = -1;
    std::uint64_t serials_ = 0;
    std::uint64_t broken_off_ = 0;
    std::int64_t last_broken_off_ = 0;
    std::uint64_t streams_ = 0;
    std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    std::string piece_;
};

void Mock::accept_all() {
    for (;;) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        no_delay(fd);
        if (connections_.size() <= static_cast<std::size_t>(fd)) {
            connections_.resize(static_cast<std::size_t>(fd) + 1);
        }
        auto connection = std::make_unique<Connection>();
        connection->fd = fd;
        connection->serial = ++serials_;
        connections_[static_cast<std::size_t>(fd)] = std::move(connection);
        watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

void Mock::close(Connection& connection) {
    if (connection.is_streaming) {
        --streams_;
        ++broken_off_;
        last_broken_off_ = now_ns();
    }
    const int fd = connection.fd;
    connections_[static_cast<std::size_t>(fd)].reset();
    ::close(fd);
}

void Mock::read(Connection& connection) {
    char buffer[64 * 1024];
    const ssize_t size = recv(connection.fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    if (size <= 0) {
        close(connection);
        return;
    }
    connection.in.append(buffer, static_cast<std::size_t>(size));
    while (!connection.is_streaming && take_request(connection)) {}
    flush(connection);
}

bool Mock::take_request(Connection& connection) {
    const std::string_view in = connection.in;
    const std::size_t end = in.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return false;
    }
    const std::string_view head = in.substr(0, end + 2);
    const std::size_t size = to_number(header(head, "content-length:"));
    if (in.size() < end + 4 + size) {
        return false;
    }
    if (head.starts_with("GET ")) {
        stats(connection);
    } else {
        answer(connection, in.substr(end + 4, size));
    }
    connection.in.erase(0, end + 4 + size);
    return true;
}

void Mock::stats(Connection& connection) {
    char body[160];
    const int size = std::snprintf(
        body, sizeof body, "{\"streams\":%llu,\"broken_off\":%llu,\"last_broken_off_ns\":%lld}",
        static_cast<unsigned long long>(streams_), static_cast<unsigned long long>(broken_off_),
        static_cast<long long>(last_broken_off_));
    connection.out.append("HTTP/1.1 200 OK\r\nContent-Length: ").append(std::to_string(size));
    connection.out.append("\r\n\r\n").append(body, static_cast<std::size_t>(size));
}

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nDate: Mon, 10 Mar 2025 01:25:52 GMT\r\nServer: mock\r\n"
    "openai-version: 2020-10-01\r\nopenai-processing-ms: 412\r\n"
    "x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 199847\r\n"
    "x-request-id: req_8c1f2a7d3b5e49f0a6d2c4b8e7f19035\r\n";

void Mock::answer(Connection& connection, std::string_view body) {
    Order order;
    if (!read_order(body, order)) {
        connection.out.append("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    connection.out.append(kHead);
    if (order.chunks == 0) {
        piece_.clear();
        append_piece(piece_, order, 0);
        connection.out.append("Content-Type: application/json\r\nContent-Length: ");
        connection.out.append(std::to_string(piece_.size())).append("\r\n\r\n").append(piece_);
        return;
    }
    connection.out.append("Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.order = order;
    connection.next = 0;
    connection.wants_usage = body.find("\"include_usage\":true") != std::string_view::npos;
    connection.is_streaming = true;
    ++streams_;
    go_on(connection, now_ns());
}

void Mock::add_piece(Connection& connection) {
    piece_.clear();
    if (connection.next == connection.order.chunks + 1 && connection.wants_usage) {
        append_usage(piece_, connection.order);
    }
    append_piece(piece_, connection.order, connection.next++);
    char size[16];
    const int digits = std::snprintf(size, sizeof size, "%zx\r\n", piece_.size());
    connection.out.append(size, static_cast<std::size_t>(digits)).append(piece_).append("\r\n");
}

void Mock::go_on(Connection& connection, std::int64_t now) {
    const Order& order = connection.order;
    do {
        add_piece(connection);
    } while ((order.interval_ms == 0 || connection.next >= order.chunks) &&
             connection.next < order.pieces());
    if (connection.next == order.pieces()) {
        connection.out.append("0\r\n\r\n");
        connection.is_streaming = false;
        --streams_;
    } else {
        due_.push({.time = now + std::int64_t{order.interval_ms} * 1'000'000,
                   .fd = connection.fd,
                   .serial = connection.serial});
    }
}

void Mock::flush(Connection& connection) {
    while (connection.sent < connection.out.size()) {
        const ssize_t size = send(connection.fd, connection.out.data() + connection.sent,
                                  connection.out.size() - connection.sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EAGAIN) {
            break;
        }
        if (size <= 0) {
            close(connection);
            return;
        }
        connection.sent += static_cast<std::size_t>(size);
    }
    const bool is_full = connection.sent < connection.out.size();
    if (!is_full) {
        connection.out.clear();
        connection.sent = 0;
    }
    if (is_full != connection.waits_for_room) {
        connection.waits_for_room = is_full;
        watch(epoll_, EPOLL_CTL_MOD, connection.fd, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

void Mock::run_due() {
    const std::int64_t now = now_ns();
    while (!due_.empty() && due_.top().time <= now) {
        const Due due = due_.top();
        due_.pop();
        Connection* connection = connections_[static_cast<std::size_t>(due.fd)].get();
        if (connection != nullptr && connection->serial == due.serial) {
            go_on(*connection, due.time);
            flush(*connection);
        }
    }
}

void Mock::wait() {
    timespec timeout{};
    if (!due_.empty()) {
        const std::int64_t left = std::max<std::int64_t>(0, due_.top().time - now_ns());
        timeout.tv_sec = left / 1'000'000'000;
        timeout.tv_nsec = left % 1'000'000'000;
    }
    epoll_event events[256];
    const int count = epoll_pwait2(epoll_, events, 256, due_.empty() ? nullptr : &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) {
            accept_all();
        } else if (Connection* connection = connections_[static_cast<std::size_t>(fd)].get()) {
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                read(*connection);
            } else {
                flush(*connection);
            }
        }
    }
}

void Mock::run() {
    raise_descriptor_limit();
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listener_, 4096) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        die("listen");
    }
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll_, EPOLL_CTL_ADD, listener_, EPOLLIN);
    std::printf("%u\n", unsigned{ntohs(address.sin_port)});
    std::fflush(stdout);
    for (;;) {
        wait();
        run_due();
    }
}

}  // namespace

int main() {
    Mock().run();
}
