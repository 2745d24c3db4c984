// Names to addresses, without blocking the worker.
#pragma once

#include "failover/failure.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task.hpp"

#include <memory>
#include <string>
#include <sys/socket.h>
#include <unordered_map>
#include <vector>

namespace tollgate::server::upstream {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] int family() const noexcept { return storage.ss_family; }
    [[nodiscard]] std::string text() const;  ///< "127.0.0.1:80", "[::1]:80"
};

/// A literal address, when `host` is one.
[[nodiscard]] bool parse_address(const std::string& host, std::uint16_t port,
                                 Address& out) noexcept;

/// The system's resolver on Asio's helper thread, with a small cache.  getaddrinfo tells no
/// lifetime, so answers are kept for kCacheTime, and for as long again while a new look-up fails.
/// One per worker.
class Resolver {
public:
    static constexpr std::chrono::seconds kCacheTime{30};
    static constexpr std::size_t kMostNames = 1024;

    explicit Resolver(Reactor& reactor);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// All addresses of a name, IPv6 and IPv4 interleaved (RFC 8305 section 4).  Fails with
    /// connect_failed.
    [[nodiscard]] Task<Result<std::vector<Address>>> resolve(std::string host, std::uint16_t port,
                                                             Interrupt& interrupt);

private:
    struct Entry;
    struct Lookup;
    void start(const std::string& host, Entry& entry);
    Reactor& reactor_;
    std::unique_ptr<Lookup> lookup_;
    std::unordered_map<std::string, std::unique_ptr<Entry>> cache_;
};

}  // namespace tollgate::server::upstream
