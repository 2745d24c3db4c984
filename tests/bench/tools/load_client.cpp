// Orders answers from a gateway on loopback and compares every byte of them with what was ordered.
//   closed loop: each connection orders again as soon as its answer is whole
//   --rate N:    N orders a second on a fixed schedule, on connections that are free
//   --hold:      orders once per connection, says "held" when every stream has begun, waits for a
//                line on stdin and leaves in the middle
// Prints one line of JSON: answers and stream chunks that were right, answers that were not.
#include "loopback.hpp"
#include "order.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <poll.h>
#include <sys/timerfd.h>
#include <vector>

namespace {

using namespace tollgate::bench;

struct Options {
    std::uint16_t port = 0;
    unsigned connections = 64;
    unsigned rate = 0;     ///< orders a second; 0: closed loop
    unsigned ramp_ms = 0;  ///< connections begin one after another within this time
    double seconds = 1;
    unsigned chunks = 0;
    unsigned interval_ms = 0;
    std::size_t prompt = 600;
    bool hold = false;
};

/// One connection and the answer that it is waiting for.
struct Connection {
    int fd = -1;
    bool busy = false;
    Order order;
    std::string out;
    std::size_t sent = 0;
    std::string head;
    bool in_body = false;
    bool is_chunked = false;
    std::size_t body_left = 0;  ///< of the body, or of the current chunk
    std::string chunk_line;     ///< between chunks: what has come of the next size line
    unsigned piece = 0;         ///< the piece that is being compared
    std::string expected;       ///< its bytes
    std::size_t compared = 0;
};

class Client {
public:
    explicit Client(const Options& options) : options_(options), filler_(options.prompt, 'x') {}
    int run();

private:
    void open(Connection& connection);
    void order(Connection& connection);
    void order_next();
    void send_rest(Connection& connection);
    void read(Connection& connection);
    bool take(Connection& connection, std::string_view bytes);
    bool take_head(Connection& connection, std::string_view& bytes);
    bool take_body(Connection& connection, std::string_view& bytes);
    bool take_chunked(Connection& connection, std::string_view& bytes);
    bool compare(Connection& connection, std::string_view bytes);
    void finished(Connection& connection, bool is_right, const char* why);
    void start_timer();
    void on_timer();
    void poll_once();
    void hold_and_leave();
    [[nodiscard]] bool is_over() const;

    Options options_;
    std::string filler_;
    int epoll_ = -1;
    int timer_ = -1;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<Connection*> by_fd_;
    std::vector<Connection*> idle_;
    std::uint64_t next_id_ = 0;
    std::uint64_t owed_ = 0;  // orders of the schedule that wait for a connection
    std::size_t begun_ = 0;   // connections that have ordered at least once
    std::size_t streaming_ = 0;
    std::size_t busy_ = 0;
    std::uint64_t right_ = 0;
    std::uint64_t wrong_ = 0;
    std::uint64_t chunks_ = 0;
    std::int64_t stop_ = 0;
};

void Client::open(Connection& connection) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(options_.port);
    if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        die("connect");
    }
    no_delay(fd);
    connection.fd = fd;
    by_fd_.resize(std::max(by_fd_.size(), static_cast<std::size_t>(fd) + 1));
    by_fd_[static_cast<std::size_t>(fd)] = &connection;
    watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN);
}

void Client::order(Connection& connection) {
    if (connection.fd < 0) {
        open(connection);
    }
    Order order;
    order.id = ++next_id_;
    order.chunks = options_.chunks;
    order.interval_ms = options_.interval_ms;
    std::string body = R"({"model":"gpt-4o-mini","temperature":0.7,"max_tokens":256,)";
    body.append(order.chunks > 0 ? R"("stream":true,)" : R"("stream":false,)");
    body.append(R"("messages":[{"role":"system","content":"You are a terse assistant."},)");
    body.append(R"({"role":"user","content":")").append(order_text(order)).append(filler_);
    body.append("\"}]}");
    connection.out.assign(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        "Content-Type: application/json\r\nUser-Agent: OpenAI/Python 1.97.0\r\n"
        "X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.97.0\r\n"
        "X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
        "Authorization: Bearer sk-bench\r\nContent-Length: ");
    connection.out.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    connection.sent = 0;
    connection.order = order;
    connection.busy = true;
    connection.head.clear();
    connection.in_body = false;
    connection.chunk_line.clear();
    connection.piece = 0;
    connection.compared = 0;
    connection.expected.clear();
    append_piece(connection.expected, order, 0);
    ++busy_;
    send_rest(connection);
}

void Client::send_rest(Connection& connection) {
    while (connection.sent < connection.out.size()) {
        const ssize_t size =
            send(connection.fd, connection.out.data() + connection.sent,
                 connection.out.size() - connection.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) {
            watch(epoll_, EPOLL_CTL_MOD, connection.fd, EPOLLIN | EPOLLOUT);
            return;
        }
        if (size <= 0) {
            finished(connection, false, "sending failed");
            return;
        }
        connection.sent += static_cast<std::size_t>(size);
    }
}

void Client::read(Connection& connection) {
    char buffer[64 * 1024];
    const ssize_t size = recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    if (size <= 0) {
        if (connection.busy) {
            finished(connection, false, "the connection was closed");
        } else {
            ::close(connection.fd);
            connection.fd = -1;
        }
        return;
    }
    if (!connection.busy || !take(connection, {buffer, static_cast<std::size_t>(size)})) {
        finished(connection, false, "wrong bytes, status or framing");
    }
}

bool Client::take(Connection& connection, std::string_view bytes) {
    if (!connection.in_body && !take_head(connection, bytes)) {
        return false;
    }
    if (!connection.in_body) {
        return true;
    }
    if (!(connection.is_chunked ? take_chunked(connection, bytes) : take_body(connection, bytes))) {
        return false;
    }
    return bytes.empty();  // anything behind the answer is wrong
}

bool Client::take_head(Connection& connection, std::string_view& bytes) {
    const std::size_t had = connection.head.size();
    connection.head.append(bytes);
    const std::size_t end = connection.head.find("\r\n\r\n");
    if (end == std::string::npos) {
        bytes = {};
        return connection.head.size() < 64UL * 1024;
    }
    bytes.remove_prefix(end + 4 - had);
    const std::string_view head = std::string_view(connection.head).substr(0, end + 2);
    connection.in_body = true;
    connection.is_chunked = header(head, "transfer-encoding:") == "chunked";
    connection.body_left = connection.is_chunked ? 0 : to_number(header(head, "content-length:"));
    return head.starts_with("HTTP/1.1 200 ");
}

bool Client::take_body(Connection& connection, std::string_view& bytes) {
    const std::string_view body = bytes.substr(0, connection.body_left);
    bytes.remove_prefix(body.size());
    connection.body_left -= body.size();
    if (!compare(connection, body)) {
        return false;
    }
    if (connection.body_left == 0) {
        finished(connection, connection.piece == connection.order.pieces(), "too short");
    }
    return true;
}

/// Sizes and their line ends are gathered in chunk_line; trailers are not expected.
bool Client::take_chunked(Connection& connection, std::string_view& bytes) {
    while (!bytes.empty()) {
        if (connection.body_left > 0) {
            const std::string_view body = bytes.substr(0, connection.body_left);
            bytes.remove_prefix(body.size());
            connection.body_left -= body.size();
            if (!compare(connection, body)) {
                return false;
            }
            continue;
        }
        std::string& line = connection.chunk_line;
        line.push_back(bytes.front());
        bytes.remove_prefix(1);
        if (line == "\r\n") {  // behind a chunk's data
            line.clear();
        } else if (line == "0\r\n\r\n") {
            finished(connection, connection.piece == connection.order.pieces(), "too short");
            return true;
        } else if (line.ends_with("\r\n") && line != "0\r\n") {
            connection.body_left = std::strtoul(line.c_str(), nullptr, 16);
            line.clear();
        } else if (line.size() > 32) {
            return false;
        }
    }
    return true;
}

bool Client::compare(Connection& connection, std::string_view bytes) {
    while (!bytes.empty()) {
        if (connection.piece == connection.order.pieces()) {
            return false;
        }
        const std::string_view rest =
            std::string_view(connection.expected).substr(connection.compared);
        const std::size_t size = std::min(rest.size(), bytes.size());
        if (std::memcmp(rest.data(), bytes.data(), size) != 0) {
            return false;
        }
        bytes.remove_prefix(size);
        connection.compared += size;
        if (size < rest.size()) {
            break;
        }
        if (connection.order.chunks > 0) {
            ++chunks_;
            streaming_ += connection.piece == 0 ? 1 : 0;
        }
        connection.compared = 0;
        connection.expected.clear();
        if (++connection.piece < connection.order.pieces()) {
            append_piece(connection.expected, connection.order, connection.piece);
        }
    }
    return true;
}

void Client::finished(Connection& connection, bool is_right, const char* why) {
    if (connection.busy) {
        connection.busy = false;
        --busy_;
    }
    if (is_right) {
        ++right_;
    } else {
        if (wrong_++ == 0) {
            std::fprintf(stderr, "answer %llu: %s\n",
                         static_cast<unsigned long long>(connection.order.id), why);
        }
        ::close(connection.fd);
        connection.fd = -1;
    }
    if (options_.hold || now_ns() >= stop_ || wrong_ > 100) {
        return;
    }
    if (options_.rate > 0) {
        idle_.push_back(&connection);
        order_next();
    } else {
        order(connection);
    }
}

void Client::order_next() {
    while (owed_ > 0 && !idle_.empty()) {
        --owed_;
        Connection* connection = idle_.back();
        idle_.pop_back();
        order(*connection);
    }
}

void Client::start_timer() {
    const bool paces = options_.rate > 0;
    if (!paces && options_.ramp_ms == 0) {
        for (const auto& connection : connections_) {
            ++begun_;
            order(*connection);
        }
        return;
    }
    const long interval = paces ? 1'000'000'000L / static_cast<long>(options_.rate)
                                : 1'000'000L * static_cast<long>(options_.ramp_ms) /
                                      static_cast<long>(options_.connections);
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    itimerspec schedule{};
    schedule.it_value.tv_nsec = schedule.it_interval.tv_nsec =
        std::clamp(interval, 1'000L, 999'999'999L);
    timerfd_settime(timer_, 0, &schedule, nullptr);
    watch(epoll_, EPOLL_CTL_ADD, timer_, EPOLLIN);
}

void Client::on_timer() {
    std::uint64_t ticks = 0;
    if (::read(timer_, &ticks, sizeof ticks) != sizeof ticks || now_ns() >= stop_) {
        return;
    }
    if (options_.rate > 0) {
        owed_ += ticks;
        order_next();
        return;
    }
    for (; ticks > 0 && begun_ < connections_.size(); --ticks) {
        order(*connections_[begun_++]);
    }
    if (begun_ == connections_.size()) {
        watch(epoll_, EPOLL_CTL_DEL, timer_, 0);
    }
}

void Client::poll_once() {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, 100);
    for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == timer_) {
            on_timer();
            continue;
        }
        Connection& connection = *by_fd_[static_cast<std::size_t>(fd)];
        if (connection.fd == fd && (events[i].events & EPOLLOUT) != 0) {
            watch(epoll_, EPOLL_CTL_MOD, fd, EPOLLIN);
            send_rest(connection);
        }
        if (connection.fd == fd && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            read(connection);
        }
    }
}

/// Serves the streams until there is a line on stdin, then leaves all at once.
void Client::hold_and_leave() {
    bool told = false;
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    while (wrong_ == 0 && now_ns() < stop_ && ::poll(&input, 1, 0) == 0) {
        poll_once();
        if (!told && streaming_ == connections_.size()) {
            told = true;
            std::puts("held");
            std::fflush(stdout);
        }
    }
    std::printf("{\"left_ns\":%lld,", static_cast<long long>(now_ns()));
    for (const auto& connection : connections_) {
        ::close(connection->fd);
    }
}

bool Client::is_over() const {
    const std::int64_t now = now_ns();
    constexpr std::int64_t kPatience = 20'000'000'000;
    return wrong_ > 100 || (now >= stop_ && (busy_ == 0 || now >= stop_ + kPatience));
}

int Client::run() {
    raise_descriptor_limit();
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < options_.connections; ++i) {
        connections_.push_back(std::make_unique<Connection>());
        idle_.push_back(connections_.back().get());
    }
    const std::int64_t start = now_ns();
    stop_ = start + static_cast<std::int64_t>(options_.seconds * 1e9);
    start_timer();
    if (options_.hold) {
        hold_and_leave();
    } else {
        while (!is_over()) {
            poll_once();
        }
        wrong_ += busy_;  // answers that never ended
        std::printf("{");
    }
    std::printf("\"right\":%llu,\"wrong\":%llu,\"chunks\":%llu,\"late\":%llu,\"seconds\":%.3f}\n",
                static_cast<unsigned long long>(right_), static_cast<unsigned long long>(wrong_),
                static_cast<unsigned long long>(chunks_), static_cast<unsigned long long>(owed_),
                static_cast<double>(now_ns() - start) / 1e9);
    return wrong_ == 0 ? 0 : 1;
}

bool set(Options& options, std::string_view name, const char* value) {
    const auto number = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    if (name == "--port") {
        options.port = static_cast<std::uint16_t>(number);
    } else if (name == "--connections") {
        options.connections = number;
    } else if (name == "--rate") {
        options.rate = number;
    } else if (name == "--ramp-ms") {
        options.ramp_ms = number;
    } else if (name == "--seconds") {
        options.seconds = std::min(120.0, std::strtod(value, nullptr));
    } else if (name == "--chunks") {
        options.chunks = number;
    } else if (name == "--interval-ms") {
        options.interval_ms = number;
    } else if (name == "--prompt") {
        options.prompt = number;
    } else if (name == "--hold") {
        options.hold = number != 0;
    } else {
        return false;
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!set(options, argv[i], argv[i + 1])) {
            std::fprintf(stderr, "unknown option %s\n", argv[i]);
            return 2;
        }
    }
    if (argc % 2 == 0 || options.port == 0 || options.connections == 0 ||
        options.connections > 10'000) {
        std::fprintf(stderr, "usage: load_client --port N [--NAME VALUE]...\n");
        return 2;
    }
    return Client(options).run();
}
