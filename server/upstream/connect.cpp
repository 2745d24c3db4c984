#include "server/upstream/connect.hpp"

#include "server/io/task_group.hpp"
#include "server/upstream/proxy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tollgate::server::upstream {
namespace {

constexpr std::chrono::milliseconds kStagger{250};  // RFC 8305 section 5: connection attempt delay
constexpr std::size_t kMostAddresses = 8;

// The attempts of one happy-eyeballs race.
struct Race {
    explicit Race(Reactor& r) : reactor(r) {}
    Reactor& reactor;
    Socket winner;
    std::string error = "no address";
    std::deque<Interrupt> attempts;  // one per child, to cancel the losers
    std::size_t running = 0;
    WaitList change;  // a child has ended
};

int open_socket(const Address& address) noexcept {
    const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    return fd;
}

// Zero, or the errno of the attempt.
Task<int> connect_one(Reactor& reactor, const Address& address, Socket& out, Interrupt& interrupt) {
    const int fd = open_socket(address);
    if (fd < 0) {
        co_return errno;
    }
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) {
        out = Socket(reactor, fd);
        co_return 0;
    }
    if (errno != EINPROGRESS) {
        const int error = errno;
        ::close(fd);
        co_return error;
    }
    Socket socket(reactor, fd);
    socket.note_blocked();
    const Wake wake = co_await socket.writable(interrupt);
    if (wake == Wake::interrupted) {
        co_return ECANCELED;
    }
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == ECONNRESET) {
        // Accepted, and reset since (a SYN that is answered by RST is ECONNREFUSED).  Whether that
        // is seen now or at the first write is chance: whoever writes is told of it.
        error = 0;
    }
    if (error == 0) {
        out = std::move(socket);
    }
    co_return error;
}

Task<void> run_attempt(Race& race, const Address& address, Interrupt& interrupt) {
    Socket socket;
    const int error = co_await connect_one(race.reactor, address, socket, interrupt);
    --race.running;
    if (error == 0 && !race.winner.is_open()) {
        race.winner = std::move(socket);
    } else if (error != 0 && error != ECANCELED) {
        race.error = address.text() + ": " + std::strerror(error);
    }
    race.change.wake_all();
}

// Starts the addresses one after another, the next as soon as one fails or kStagger has passed; the
// first to connect wins.
Task<void> run_race(Race& race, const std::vector<Address>& addresses, TaskGroup& children,
                    Interrupt& interrupt) {
    const std::size_t count = std::min(addresses.size(), kMostAddresses);
    for (std::size_t next = 0;
         !race.winner.is_open() && !interrupt.fired() && (next < count || race.running > 0);) {
        if (next < count) {
            race.attempts.emplace_back(race.reactor);
            ++race.running;
            children.spawn(run_attempt(race, addresses[next++], race.attempts.back()));
            if (race.winner.is_open() || race.running == 0) {
                continue;
            }
        }
        // Wait for a child to end, but no longer than the stagger while there are further
        // addresses.
        Interrupt bounded(race.reactor);
        InterruptDeadline stagger(race.reactor, bounded);
        if (next < count) {
            stagger.arm(Cause::elapsed, Reactor::now() + kStagger);
        }
        const InterruptLink link(interrupt, bounded);
        co_await race.change.wait(bounded);
    }
    for (Interrupt& attempt : race.attempts) {
        attempt.fire(Cause::loser);
    }
    Interrupt never(race.reactor);  // the children only have to notice that they lost
    co_await children.wait_empty(never);
}

Task<Result<Socket>> connect_tcp(Reactor& reactor, const std::vector<Address>& addresses,
                                 Interrupt& interrupt) {
    Race race(reactor);
    if (addresses.size() == 1) {
        const int error = co_await connect_one(reactor, addresses[0], race.winner, interrupt);
        if (error != 0) {
            race.error = addresses[0].text() + ": " + std::strerror(error);
        }
    } else {
        TaskGroup children(reactor, [](std::string_view) {});
        co_await run_race(race, addresses, children, interrupt);
    }
    if (!race.winner.is_open()) {
        co_return fail(FailureKind::connect_failed, "cannot connect to " + race.error);
    }
    co_return std::move(race.winner);
}

Task<Result<void>> start_tls(ConnectWiring& wiring, Channel& channel, const std::string& name,
                             TlsSessionSlot& sessions, Interrupt& interrupt) {
    Result<SslPtr> ssl = wiring.tls->connect(channel.socket().fd(), name, sessions);
    if (!ssl) {
        co_return std::unexpected(std::move(ssl.error()));
    }
    // The hop to a proxy, which has the other slot, is always HTTP/1.1: it carries a CONNECT.
    if (wiring.offer_http2 && &sessions == wiring.sessions) {
        TlsClientContext::offer_http2(ssl->get());
    }
    const IoResult outcome = co_await channel.handshake(std::move(*ssl), interrupt);
    if (outcome.status != IoStatus::ok) {
        const std::string reason = outcome.error == EPROTO ? channel.handshake_error()
                                   : outcome.error != 0    ? std::strerror(outcome.error)
                                                           : "the peer closed the connection in "
                                                             "the middle of it";
        co_return fail(FailureKind::connect_failed,
                       "TLS handshake with " + name + " failed: " + reason);
    }
    co_return Result<void>();
}

}  // namespace

Task<Result<Channel>> connect(ConnectWiring& wiring, Interrupt& interrupt) {
    const OriginSpec& origin = wiring.origin;
    const bool proxied = origin.proxy.has_value();
    Result<std::vector<Address>> addresses =
        co_await wiring.resolver.resolve(proxied ? origin.proxy->host : origin.host,
                                         proxied ? origin.proxy->port : origin.port, interrupt);
    if (!addresses) {
        co_return std::unexpected(std::move(addresses.error()));
    }
    Result<Socket> socket = co_await connect_tcp(wiring.reactor, *addresses, interrupt);
    if (!socket) {
        co_return std::unexpected(std::move(socket.error()));
    }
    Channel channel(std::move(*socket));
    if (proxied) {
        if (origin.proxy->kind == Proxy::Kind::https) {
            Result<void> secured = co_await start_tls(wiring, channel, origin.proxy->host,
                                                      *wiring.proxy_sessions, interrupt);
            if (!secured) {
                co_return std::unexpected(std::move(secured.error()));
            }
        }
        Result<void> tunnel = co_await open_tunnel(channel, origin, interrupt);
        if (!tunnel) {
            co_return std::unexpected(std::move(tunnel.error()));
        }
    }
    if (origin.tls) {
        Result<void> secured =
            co_await start_tls(wiring, channel, origin.server_name, *wiring.sessions, interrupt);
        if (!secured) {
            co_return std::unexpected(std::move(secured.error()));
        }
    }
    co_return channel;
}

}  // namespace tollgate::server::upstream
