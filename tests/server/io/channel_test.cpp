#include "server/io/channel.hpp"

#include "tests/server/loop.hpp"
#include "tests/server/sockets.hpp"

#include <array>
#include <string>
#include <vector>

namespace tollgate::server::tests {
namespace {

struct Wire {
    explicit Wire(Reactor& reactor, int buffer = 0)
        : pair(reactor, buffer), channel(std::move(pair.ours)) {}
    Pair pair;
    Channel channel;
};

std::string numbered(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i) {
        text += std::to_string(i) + " ";
    }
    text.resize(size);
    return text;
}

}  // namespace

TEST_CASE("what fits goes out at once and nothing is queued") {
    Loop loop;
    Wire wire(loop.reactor);
    WriteQueue queue;
    const std::array<iovec, 3> pieces{piece("a"), piece("bc"), piece("def")};
    CHECK(queue.write(wire.channel, pieces));
    CHECK(queue.queued() == 0);
    CHECK(queue.write(wire.channel, {}));
    CHECK(wire.pair.received() == "abcdef");
    std::vector<std::string> texts(100, "0123456789");
    std::vector<iovec> many;
    for (const std::string& text : texts) {
        many.push_back(piece(text));
    }
    CHECK(queue.write(wire.channel, many));
    CHECK(queue.queued() == 0);
    CHECK(wire.pair.received().size() == 1000);
}

TEST_CASE("what the peer does not take is kept in order and drained") {
    for (const std::size_t piece_size :
         {std::size_t{1}, std::size_t{100}, std::size_t{5000}, std::size_t{100'000}}) {
        INFO(piece_size);
        Loop loop;
        Wire wire(loop.reactor, 4096);
        Interrupt interrupt(loop.reactor);
        const std::string all = numbered(200'000);
        std::string received;
        WriteQueue queue;
        loop.run([&]() -> Task<void> {
            for (std::size_t at = 0; at < all.size(); at += 20 * piece_size) {
                std::vector<iovec> pieces;
                for (std::size_t i = 0; i < 20 && at + i * piece_size < all.size(); ++i) {
                    pieces.push_back(
                        piece(std::string_view(all).substr(at + i * piece_size, piece_size)));
                }
                CHECK(queue.write(wire.channel, pieces));
                if (at % 3 == 0) {
                    received += wire.pair.received(10);
                }
            }
            CHECK(queue.queued() > 0);
            while (queue.queued() > 0) {
                received += wire.pair.received();
                {
                    const auto done = co_await queue.drain_some(wire.channel, interrupt);
                    CHECK(done);
                }
            }
            {
                const auto done = co_await queue.drain_some(wire.channel, interrupt);
                CHECK(done);
            }  // nothing to do
        });
        for (std::string some = wire.pair.received(); !some.empty(); some = wire.pair.received()) {
            received += some;
        }
        CHECK(received == all);
    }
}

TEST_CASE("a drain ends when it is interrupted and keeps what is queued") {
    Loop loop;
    Wire wire(loop.reactor, 4096);
    Interrupt interrupt(loop.reactor);
    InterruptDeadline deadline(loop.reactor, interrupt);
    WriteQueue queue;
    const std::string all = numbered(100'000);
    loop.run([&]() -> Task<void> {
        const iovec one = piece(all);
        CHECK(queue.write(wire.channel, std::span(&one, 1)));
        const std::size_t before = queue.queued();
        CHECK(before > 0);
        deadline.arm(Cause::write_timeout, Reactor::now() + milliseconds(1));
        {
            const auto done = co_await queue.drain_some(wire.channel, interrupt);
            CHECK_FALSE(done);
        }
        CHECK(interrupt.cause() == Cause::write_timeout);
        CHECK(queue.queued() == before);
    });
}

TEST_CASE("a dead peer is an error, at once or while draining") {
    Loop loop;
    Wire wire(loop.reactor, 4096);
    Interrupt interrupt(loop.reactor);
    WriteQueue queue;
    const std::string all = numbered(100'000);
    const iovec one = piece(all);
    loop.run([&]() -> Task<void> {
        CHECK(queue.write(wire.channel, std::span(&one, 1)));
        wire.pair.peer.close();
        bool alive = true;
        for (int i = 0; i < 10 && alive; ++i) {
            alive = co_await queue.drain_some(wire.channel, interrupt);
        }
        CHECK_FALSE(alive);
        CHECK(queue.error() != 0);
    });
    WriteQueue fresh;
    CHECK_FALSE(fresh.write(wire.channel, std::span(&one, 1)));
    CHECK(fresh.error() == EPIPE);
}

TEST_CASE("a closed or reset channel is not open") {
    Loop loop;
    Wire closed(loop.reactor);
    closed.channel.close();
    CHECK_FALSE(closed.channel.is_open());
    closed.channel.close();
    Wire reset(loop.reactor);
    reset.channel.reset();
    CHECK_FALSE(reset.channel.is_open());
    CHECK_FALSE(reset.channel.is_tls());
    reset.channel.reset();
    Channel none;
    CHECK_FALSE(none.is_open());
    none.close();
}

}  // namespace tollgate::server::tests
