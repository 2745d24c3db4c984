// Sockets and clocks for the two programs of the macro run; loopback only.
#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace tollgate::bench {

[[noreturn]] inline void die(const char* what) {
    std::perror(what);
    std::exit(2);
}

inline std::int64_t now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

inline void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

inline void no_delay(int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline void watch(int epoll, int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll, operation, fd, &event) != 0) {
        die("epoll_ctl");
    }
}

/// The value of a header field, ASCII case ignored in its name, which is given in lower case with
/// its colon; empty when absent.
inline std::string_view header(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
         at = head.find("\r\n", at + 2)) {
        std::string_view line = head.substr(at + 2);
        if (line.size() < name.size()) {
            break;
        }
        bool same = true;
        for (std::size_t i = 0; i < name.size() && same; ++i) {
            const char c = line[i];
            same = (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) == name[i];
        }
        if (same) {
            line = line.substr(name.size(), line.find("\r\n") - name.size());
            while (!line.empty() && line.front() == ' ') {
                line.remove_prefix(1);
            }
            return line;
        }
    }
    return {};
}

inline std::size_t to_number(std::string_view digits) {
    std::size_t number = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') {
            break;
        }
        number = number * 10 + static_cast<std::size_t>(c - '0');
    }
    return number;
}

}  // namespace tollgate::bench
