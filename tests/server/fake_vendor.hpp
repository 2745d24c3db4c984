// A vendor on loopback, in the test's own loop, that does to each request what a script says.
#pragma once

#include "server/io/channel.hpp"
#include "server/upstream/pool.hpp"
#include "tests/server/loop.hpp"
#include "tests/server/sockets.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <vector>

namespace tollgate::server::tests {

/// What happens to one request.
struct Script {
    enum class Then { keep, close, reset, stay_silent };
    std::string answer = {};
    Then then = Then::keep;
    std::size_t request_bytes = std::string::npos;  ///< reads only so many; default: all of it
    bool slowly = false;  ///< sends byte by byte, in turns with the client
};

/// "HTTP/1.1 200 OK" with a length.
inline std::string plain_answer(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}

/// A listening socket on a free port of 127.0.0.1.
inline Fd listen_on_loopback(std::uint16_t& port) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(fd.get(), 64) == 0);
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return fd;
}

class FakeVendor {
public:
    /// `script` is asked once per request, with the number of the connection and of the request on
    /// it, from 0.
    FakeVendor(Loop& loop,
               std::function<Script(std::size_t connection, std::size_t request)> script)
        : loop_(loop), script_(std::move(script)), stop_(loop.reactor) {
        Fd fd = listen_on_loopback(port_);
        listener_ = Socket(loop.reactor, fd.release());
        loop.spawn(accept_loop());
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::size_t connections() const { return peers_.size(); }
    [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }
    /// Ends everything; without it the loop never does.
    void stop() {
        stop_.fire(Cause::shutdown);
        for (const auto& peer : peers_) {
            peer->interrupt.fire(Cause::shutdown);
        }
    }
    /// Sends on a connection that is idle.
    void say(std::size_t connection, std::string_view bytes) {
        const iovec one = piece(bytes);
        CHECK(peers_[connection]->channel.write(std::span(&one, 1)).status == IoStatus::ok);
    }
    /// Closes a connection that is idle.
    void hang_up(std::size_t connection) { peers_[connection]->interrupt.fire(Cause::client_gone); }

    [[nodiscard]] upstream::OriginSpec spec() const {
        upstream::OriginSpec spec;
        spec.host = "127.0.0.1";
        spec.port = port_;
        return spec;
    }

private:
    struct Peer {
        Peer(Reactor& reactor, Socket socket) : channel(std::move(socket)), interrupt(reactor) {}
        Channel channel;
        Interrupt interrupt;
        std::string input;
    };

    Task<void> accept_loop() {
        for (;;) {
            const int fd =
                ::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                peers_.push_back(std::make_unique<Peer>(loop_.reactor, Socket(loop_.reactor, fd)));
                loop_.spawn(serve(*peers_.back(), peers_.size() - 1));
                continue;
            }
            listener_.note_read({.status = IoStatus::want_read}, 1);
            const Wake wake = co_await listener_.readable(stop_);
            if (wake == Wake::interrupted) {
                break;
            }
        }
        listener_.close();
    }

    // False at the end of the connection.
    Task<bool> read_request(Peer& peer, std::size_t most) {
        std::array<char, 65536> buffer;
        while (peer.input.size() < std::min(most, request_size(peer.input))) {
            const std::size_t room = std::min(buffer.size(), most - peer.input.size());
            const IoResult result = peer.channel.read(buffer.data(), room);
            if (result.status == IoStatus::ok) {
                peer.input.append(buffer.data(), result.bytes);
                continue;
            }
            if (result.status != IoStatus::want_read) {
                co_return false;
            }
            const Wake wake = co_await peer.channel.wait(result.status, peer.interrupt);
            if (wake == Wake::interrupted) {
                co_return false;
            }
        }
        co_return true;
    }

    static std::size_t request_size(const std::string& input) {
        const std::size_t end = input.find("\r\n\r\n");
        if (end == std::string::npos) {
            return std::string::npos;
        }
        const std::size_t length = input.find("content-length: ");
        return end + 4 +
               (length < end ? std::strtoul(input.c_str() + length + 16, nullptr, 10) : 0);
    }

    Task<bool> send(Peer& peer, std::string_view bytes, bool slowly) {
        while (!bytes.empty()) {
            const iovec one = piece(slowly ? bytes.substr(0, 1) : bytes);
            const IoResult result = peer.channel.write(std::span(&one, 1));
            if (result.status == IoStatus::ok) {
                bytes.remove_prefix(result.bytes);
                if (slowly) {
                    co_await loop_.reactor.yield();
                }
                continue;
            }
            if (result.status != IoStatus::want_write) {
                co_return false;
            }
            const Wake wake = co_await peer.channel.wait(result.status, peer.interrupt);
            if (wake == Wake::interrupted) {
                co_return false;
            }
        }
        co_return true;
    }

    Task<void> serve(Peer& peer, std::size_t connection) {
        for (std::size_t request = 0;; ++request) {
            const Script script = script_(connection, request);
            const bool read = co_await read_request(peer, script.request_bytes);
            if (!read) {
                break;
            }
            requests_.push_back(std::exchange(peer.input, {}));
            const bool sent = co_await send(peer, script.answer, script.slowly);
            if (!sent || script.then == Script::Then::close) {
                break;
            }
            if (script.then == Script::Then::reset) {
                peer.channel.reset();
                co_return;
            }
            if (script.then == Script::Then::stay_silent) {
                co_await loop_.reactor.sleep_until(Reactor::now() + std::chrono::hours(1),
                                                   peer.interrupt);
                break;
            }
        }
        peer.channel.close();
    }

    Loop& loop_;
    std::function<Script(std::size_t, std::size_t)> script_;
    Interrupt stop_;
    Socket listener_;
    std::uint16_t port_ = 0;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::vector<std::string> requests_;
};

/// Counts what a pool tells, and that its gauges add up.
class Gauges final : public upstream::PoolObserver {
public:
    void upstream_connections(const upstream::Origin&, int active_change,
                              int idle_change) override {
        active += active_change;
        idle += idle_change;
    }
    void pool_event(const upstream::Origin&, upstream::PoolEvent event) override {
        ++events[static_cast<std::size_t>(event)];
    }
    [[nodiscard]] int count(upstream::PoolEvent event) const {
        return events[static_cast<std::size_t>(event)];
    }
    int active = 0;
    int idle = 0;
    std::array<int, 8> events{};
};

}  // namespace tollgate::server::tests
