// A vendor of HTTP/2 frames on loopback, in the test's own loop.  It checks nothing and knows no
// HPACK beyond writing literals: what it says to which frame is the test's.
#pragma once

#include "tests/server/fake_vendor.hpp"
#include "tests/server/h2/frames.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server::tests {

class FakeH2Vendor {
public:
    struct Frame {
        h2::Type type;
        std::uint8_t flags;
        std::uint32_t stream;
        std::string payload;
        [[nodiscard]] bool ends_request() const {
            return (type == h2::kHeaders || type == h2::kData) && (flags & h2::kEndStream) != 0;
        }
    };
    class Peer {
    public:
        Peer(Reactor& reactor, Socket socket, std::size_t n)
            : number(n), channel(std::move(socket)), interrupt(reactor) {}
        void say(std::string_view bytes) { output.append(bytes); }
        void close() { then = Script::Then::close; }
        void reset() { then = Script::Then::reset; }
        /// Frames of a type on a stream that have come.
        [[nodiscard]] std::size_t count(h2::Type type, std::uint32_t stream) const {
            return static_cast<std::size_t>(std::count_if(
                frames.begin(), frames.end(),
                [&](const Frame& f) { return f.type == type && f.stream == stream; }));
        }
        [[nodiscard]] std::size_t data_bytes(std::uint32_t stream) const {
            std::size_t sum = 0;
            for (const Frame& f : frames) {
                sum += f.type == h2::kData && f.stream == stream ? f.payload.size() : 0;
            }
            return sum;
        }
        std::size_t number;  ///< of the connection, from 0
        std::vector<Frame> frames;
        bool slowly = false;  ///< says what it says byte by byte

    private:
        friend class FakeH2Vendor;
        Channel channel;
        Interrupt interrupt;
        std::string input;
        std::string output;
        Script::Then then = Script::Then::keep;
    };
    using OnFrame = std::function<void(Peer&, const Frame&)>;

    FakeH2Vendor(Loop& loop, OnFrame on_frame, std::string first_settings = h2::settings())
        : loop_(loop),
          on_frame_(std::move(on_frame)),
          settings_(std::move(first_settings)),
          stop_(loop.reactor) {
        Fd fd = listen_on_loopback(port_);
        listener_ = Socket(loop.reactor, fd.release());
        loop.spawn(accept_loop());
    }

    [[nodiscard]] std::size_t connections() const { return peers_.size(); }
    [[nodiscard]] Peer& peer(std::size_t n) { return *peers_.at(n); }
    /// Sends what the peer was told to say since, outside of its turn.
    void nudge(std::size_t n) {
        Peer& peer = *peers_.at(n);
        const iovec one = piece(peer.output);
        CHECK(peer.channel.write(std::span(&one, 1)).bytes == peer.output.size());
        peer.output.clear();
    }
    void stop() {
        stop_.fire(Cause::shutdown);
        for (const auto& peer : peers_) {
            peer->interrupt.fire(Cause::shutdown);
        }
    }
    [[nodiscard]] upstream::OriginSpec spec() const {
        upstream::OriginSpec spec;
        spec.host = "127.0.0.1";
        spec.port = port_;
        spec.http2 = upstream::Http2Use::always;
        return spec;
    }

private:
    Task<void> accept_loop() {
        for (;;) {
            const int fd =
                ::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                peers_.push_back(std::make_unique<Peer>(loop_.reactor, Socket(loop_.reactor, fd),
                                                        peers_.size()));
                peers_.back()->say(settings_);
                loop_.spawn(serve(*peers_.back()));
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

    void take_frames(Peer& peer) {
        constexpr std::size_t kPreface = 24;
        if (peer.frames.empty() && peer.input.starts_with("PRI")) {
            if (peer.input.size() < kPreface) {
                return;
            }
            peer.input.erase(0, kPreface);
        }
        const auto byte = [&](std::size_t i) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(peer.input[i]));
        };
        while (peer.input.size() >= 9) {
            const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
            if (peer.input.size() < 9 + size) {
                return;
            }
            const Frame got{.type = static_cast<h2::Type>(byte(3)),
                            .flags = static_cast<std::uint8_t>(byte(4)),
                            .stream = byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8),
                            .payload = peer.input.substr(9, size)};
            peer.input.erase(0, 9 + size);
            peer.frames.push_back(got);
            if (got.type == h2::kSettings && (got.flags & h2::kAck) == 0) {
                peer.say(h2::frame(h2::kSettings, h2::kAck, 0, ""));
            }
            on_frame_(peer, got);
        }
    }

    Task<bool> flush(Peer& peer) {
        while (!peer.output.empty()) {
            const std::string_view all = peer.output;
            const iovec one = piece(peer.slowly ? all.substr(0, 1) : all);
            const IoResult result = peer.channel.write(std::span(&one, 1));
            if (result.status == IoStatus::ok) {
                peer.output.erase(0, result.bytes);
                if (peer.slowly) {
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

    Task<void> serve(Peer& peer) {
        std::vector<char> buffer(65536);
        for (;;) {
            const bool sent = co_await flush(peer);
            if (!sent || peer.then != Script::Then::keep) {
                break;
            }
            const IoResult result = peer.channel.read(buffer.data(), buffer.size());
            if (result.status == IoStatus::ok) {
                peer.input.append(buffer.data(), result.bytes);
                take_frames(peer);
                continue;
            }
            if (result.status != IoStatus::want_read) {
                break;
            }
            const Wake wake = co_await peer.channel.wait(result.status, peer.interrupt);
            if (wake == Wake::interrupted) {
                break;
            }
        }
        peer.then == Script::Then::reset ? peer.channel.reset() : peer.channel.close();
    }

    Loop& loop_;
    OnFrame on_frame_;
    std::string settings_;
    Interrupt stop_;
    Socket listener_;
    std::uint16_t port_ = 0;
    std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace tollgate::server::tests
