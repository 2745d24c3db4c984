#include "server/listen.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace tollgate::server {
namespace {

constexpr int kBacklog = 4096;

std::unexpected<std::string> failed(const config::ListenAddress& address, std::string_view what) {
    const int error = errno;
    return std::unexpected("cannot listen on " + to_string(address) + ": " + std::string(what) +
                           ": " + std::strerror(error));
}

std::expected<int, std::string> open_unix(const config::ListenAddress& address) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (address.unix_path.size() >= sizeof where.sun_path) {
        return std::unexpected("cannot listen on " + to_string(address) + ": the path is too long");
    }
    address.unix_path.copy(where.sun_path, address.unix_path.size());
    struct stat status {};
    if (::stat(address.unix_path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
        ::unlink(address.unix_path.c_str());  // left behind by an earlier run
    }
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return failed(address, "socket");
    }
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        ::listen(fd, kBacklog) != 0) {
        auto error = failed(address, "bind");
        ::close(fd);
        return error;
    }
    return fd;
}

}  // namespace

std::expected<int, std::string> open_listener(const config::ListenAddress& address,
                                              PortSharing sharing) {
    if (!address.unix_path.empty()) {
        return open_unix(address);
    }
    sockaddr_storage where{};
    socklen_t size = sizeof(sockaddr_in);
    auto& v4 = reinterpret_cast<sockaddr_in&>(where);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(where);
    if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
    } else if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        size = sizeof(sockaddr_in6);
    } else {
        return std::unexpected("cannot listen on " + to_string(address) +
                               ": it is not an IP address");
    }
    const int fd = ::socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return failed(address, "socket");
    }
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sharing == PortSharing::shared) {
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&where), size) != 0 ||
        ::listen(fd, kBacklog) != 0) {
        auto error = failed(address, "bind");
        ::close(fd);
        return error;
    }
    return fd;
}

std::uint16_t bound_port(int fd) noexcept {
    sockaddr_storage where{};
    socklen_t size = sizeof where;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size);
    return ntohs(where.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(where).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(where).sin_port);
}

}  // namespace tollgate::server
