#include "server/io/socket.hpp"

#include "tests/server/loop.hpp"
#include "tests/server/sockets.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace tollgate::server::tests {
namespace {

std::string read_some(Socket& socket, IoStatus expected = IoStatus::ok) {
    std::array<char, 100> buffer;
    const IoResult result = socket.read(buffer.data(), buffer.size());
    CHECK(result.status == expected);
    return std::string(buffer.data(), result.bytes);
}

// Reads until bytes come or the wait is cut.
Task<std::string> read_awaiting(Socket& socket, Interrupt& interrupt) {
    std::array<char, 100> buffer;
    for (;;) {
        const Wake wake = co_await socket.readable(interrupt);
        if (wake == Wake::interrupted) {
            co_return "interrupted";
        }
        const IoResult result = socket.read(buffer.data(), buffer.size());
        if (result.status == IoStatus::closed) {
            co_return "closed";
        }
        if (result.status == IoStatus::failed) {
            co_return "failed";
        }
        if (result.status == IoStatus::ok) {
            co_return std::string(buffer.data(), result.bytes);
        }
    }
}

Task<void> read_into(Socket& socket, Interrupt& interrupt, std::string& out) {
    out += co_await read_awaiting(socket, interrupt);
}

struct Watcher final : ReadWatcher {
    explicit Watcher(Socket& s) : socket(s) {}
    void on_readable() override {
        ++calls;
        std::array<char, 100> buffer;
        for (;;) {
            const IoResult result = socket.read(buffer.data(), buffer.size());
            if (result.status != IoStatus::ok) {
                ended =
                    ended || result.status == IoStatus::closed || result.status == IoStatus::failed;
                break;
            }
            bytes.append(buffer.data(), result.bytes);
        }
        if (ended && close_at_end) {
            socket.close();
        }
    }
    Socket& socket;
    std::string bytes;
    int calls = 0;
    bool ended = false;
    bool close_at_end = false;
};

}  // namespace

TEST_CASE("a socket reads what has come and says when there is nothing") {
    Loop loop;
    Pair pair(loop.reactor);
    loop.run([&]() -> Task<void> {
        CHECK(read_some(pair.ours, IoStatus::want_read).empty());
        pair.send("hello");
        CHECK(read_some(pair.ours) == "hello");
        CHECK(read_some(pair.ours, IoStatus::want_read).empty());
        pair.send("bye");
        pair.peer.close();
        CHECK(read_some(pair.ours) == "bye");
        CHECK(read_some(pair.ours, IoStatus::closed).empty());
        CHECK(read_some(pair.ours, IoStatus::closed).empty());
        const iovec one = piece("x");
        const IoResult result = pair.ours.write(std::span(&one, 1));
        CHECK(result.status == IoStatus::failed);  // and no SIGPIPE
        CHECK(result.error == EPIPE);
        co_return;
    });
}

TEST_CASE("a reader sleeps until bytes come") {
    Loop loop;
    Pair pair(loop.reactor);
    Interrupt interrupt(loop.reactor);
    std::string got;
    loop.run([&]() -> Task<void> {
        loop.spawn(read_into(pair.ours, interrupt, got));
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(got.empty());
        pair.send("one");
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(got == "one");
        pair.send("two");  // while nobody waits
        co_await pause(loop.reactor, milliseconds(1));
        {
            const auto bytes = co_await read_awaiting(pair.ours, interrupt);
            CHECK(bytes == "two");
        }
        loop.spawn(read_into(pair.ours, interrupt, got));
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(got == "one");
        pair.peer.close();
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(got == "oneclosed");
        {
            const auto bytes = co_await read_awaiting(pair.ours, interrupt);
            CHECK(bytes == "closed");
        }  // and stays so
    });
}

TEST_CASE("bytes and the end that come together are both seen") {
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{99}, std::size_t{100}, std::size_t{101}, std::size_t{500}}) {
        INFO(size);
        Loop loop;
        Pair pair(loop.reactor);
        Interrupt interrupt(loop.reactor);
        loop.run([&]() -> Task<void> {
            CHECK(read_some(pair.ours, IoStatus::want_read).empty());
            pair.send(std::string(size, 'x'));
            pair.peer.close();
            std::size_t total = 0;
            for (;;) {
                const std::string got = co_await read_awaiting(pair.ours, interrupt);
                if (got == "closed") {
                    break;
                }
                total += got.size();
            }
            CHECK(total == size);
        });
    }
}

TEST_CASE("a read of exactly what is there does not lose the next bytes") {
    Loop loop;
    Pair pair(loop.reactor);
    Interrupt interrupt(loop.reactor);
    loop.run([&]() -> Task<void> {
        for (int i = 0; i < 5; ++i) {
            pair.send(std::string(100, static_cast<char>('a' + i)));  // the reader asks for 100
            {
                const auto done = co_await read_awaiting(pair.ours, interrupt) ==
                                  std::string(100, static_cast<char>('a' + i));
                CHECK(done);
            }
            co_await loop.reactor.yield();
        }
    });
}

TEST_CASE("a wait for bytes can be interrupted and taken up again") {
    Loop loop;
    Pair pair(loop.reactor);
    Interrupt interrupt(loop.reactor);
    loop.run([&]() -> Task<void> {
        InterruptDeadline deadline(loop.reactor, interrupt);
        deadline.arm(Cause::elapsed, Reactor::now() + milliseconds(1));
        {
            const auto bytes = co_await read_awaiting(pair.ours, interrupt);
            CHECK(bytes == "interrupted");
        }
        {
            const auto bytes = co_await read_awaiting(pair.ours, interrupt);
            CHECK(bytes == "interrupted");
        }
        interrupt.reset();
        pair.send("x");
        {
            const auto bytes = co_await read_awaiting(pair.ours, interrupt);
            CHECK(bytes == "x");
        }
    });
}

TEST_CASE("bytes that come between an interruption and the wake are not lost") {
    Loop loop;
    Pair pair(loop.reactor);
    Interrupt interrupt(loop.reactor);
    std::string got;
    loop.run([&]() -> Task<void> {
        loop.spawn(read_into(pair.ours, interrupt, got));
        co_await pause(loop.reactor, milliseconds(1));
        interrupt.fire(Cause::elapsed);
        pair.send("x");
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(got == "interrupted");
        interrupt.reset();
        {
            const auto bytes = co_await read_awaiting(pair.ours, interrupt);
            CHECK(bytes == "x");
        }
    });
}

TEST_CASE("a writer sleeps until the peer takes bytes") {
    Loop loop;
    Pair pair(loop.reactor, 4096);
    Interrupt interrupt(loop.reactor);
    loop.run([&]() -> Task<void> {
        const std::string block(1000, 'x');
        const iovec one = piece(block);
        std::size_t sent = 0;
        IoResult result;
        while ((result = pair.ours.write(std::span(&one, 1))).status == IoStatus::ok) {
            sent += result.bytes;
        }
        CHECK(result.status == IoStatus::want_write);
        InterruptDeadline deadline(loop.reactor, interrupt);
        deadline.arm(Cause::elapsed, Reactor::now() + milliseconds(1));
        {
            const auto wake = co_await pair.ours.writable(interrupt);
            CHECK(wake == Wake::interrupted);
        }
        interrupt.reset();
        std::size_t taken = 0;
        for (std::string some = pair.received(); !some.empty(); some = pair.received()) {
            taken += some.size();
        }
        CHECK(taken == sent);
        {
            const auto wake = co_await pair.ours.writable(interrupt);
            CHECK(wake == Wake::ready);
        }
        CHECK(pair.ours.write(std::span(&one, 1)).status == IoStatus::ok);
    });
}

TEST_CASE("a gather write of many pieces takes as many as go at once") {
    Loop loop;
    Pair pair(loop.reactor);
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) {
        texts.push_back(std::to_string(i) + ",");
    }
    std::vector<iovec> pieces;
    std::string all;
    for (const std::string& text : texts) {
        pieces.push_back(piece(text));
        all += text;
    }
    const IoResult result = pair.ours.write(pieces);
    CHECK(result.status == IoStatus::ok);
    CHECK(result.bytes > 0);
    CHECK(pair.received() == all.substr(0, result.bytes));
}

TEST_CASE("a watcher hears of bytes and of the end while nobody reads") {
    Loop loop;
    Pair pair(loop.reactor);
    Watcher watcher(pair.ours);
    loop.run([&]() -> Task<void> {
        CHECK(read_some(pair.ours, IoStatus::want_read).empty());
        pair.ours.watch(&watcher);
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(watcher.bytes.empty());
        pair.send("one");
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(watcher.bytes == "one");
        pair.send("two");
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(watcher.bytes == "onetwo");
        pair.ours.watch(nullptr);
        pair.send("three");
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(watcher.bytes == "onetwo");
        pair.ours.watch(&watcher);  // told at once of what came in between
        CHECK(watcher.bytes == "onetwothree");
        pair.peer.close();
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(watcher.ended);
    });
}

TEST_CASE("a watcher may close its socket") {
    Loop loop;
    Pair pair(loop.reactor);
    Watcher watcher(pair.ours);
    watcher.close_at_end = true;
    loop.run([&]() -> Task<void> {
        CHECK(read_some(pair.ours, IoStatus::want_read).empty());
        pair.ours.watch(&watcher);
        pair.send("x");
        pair.peer.close();
        co_await pause(loop.reactor, milliseconds(2));
        CHECK(watcher.bytes == "x");
        CHECK_FALSE(pair.ours.is_open());
    });
}

TEST_CASE("a reader goes before the watcher") {
    Loop loop;
    Pair pair(loop.reactor);
    Watcher watcher(pair.ours);
    Interrupt interrupt(loop.reactor);
    loop.run([&]() -> Task<void> {
        CHECK(read_some(pair.ours, IoStatus::want_read).empty());
        pair.ours.watch(&watcher);
        std::string got;
        loop.spawn(read_into(pair.ours, interrupt, got));
        pair.send("x");
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(got == "x");
        CHECK(watcher.bytes.empty());
    });
}

TEST_CASE("a socket may close while a wait was interrupted but not yet resumed") {
    Loop loop;
    auto pair = std::make_unique<Pair>(loop.reactor);
    Interrupt interrupt(loop.reactor);
    const auto reader = [&]() -> Task<void> {
        const Wake wake = co_await pair->ours.readable(interrupt);
        CHECK(wake == Wake::interrupted);
    };
    loop.run([&]() -> Task<void> {
        CHECK(read_some(pair->ours, IoStatus::want_read).empty());
        loop.spawn(reader());
        interrupt.fire(Cause::shutdown);
        pair->ours.close();
        CHECK_FALSE(pair->ours.is_open());
        CHECK(pair->ours.fd() == -1);
        pair->ours.close();  // twice is fine
        co_await loop.reactor.yield();
        pair.reset();
    });
}

TEST_CASE("a reader may destroy its socket, and others of the same batch") {
    Loop loop;
    constexpr std::size_t kCount = 20;
    std::vector<std::unique_ptr<Pair>> pairs;
    Interrupt first(loop.reactor);
    std::vector<std::unique_ptr<Watcher>> watchers;
    for (std::size_t i = 0; i < kCount; ++i) {
        pairs.push_back(std::make_unique<Pair>(loop.reactor));
    }
    std::size_t left = kCount;
    struct Destroyer final : ReadWatcher {
        Destroyer(std::vector<std::unique_ptr<Pair>>& all, std::size_t& count)
            : pairs(all), left(count) {}
        void on_readable() override {
            for (auto& pair : pairs) {  // its own among them
                if (pair) {
                    pair.reset();
                    --left;
                }
            }
        }
        std::vector<std::unique_ptr<Pair>>& pairs;
        std::size_t& left;
    } destroyer(pairs, left);
    loop.run([&]() -> Task<void> {
        for (auto& pair : pairs) {
            CHECK(read_some(pair->ours, IoStatus::want_read).empty());
        }
        co_await pause(loop.reactor,
                       milliseconds(1));  // the first events, for writability, are gone
        for (auto& pair : pairs) {
            pair->ours.watch(&destroyer);
        }
        for (auto& pair : pairs) {
            pair->send("x");
        }
        co_await pause(loop.reactor, milliseconds(2));
        CHECK(left == 0);
    });
}

TEST_CASE("many sockets that are ready together all have their turn") {
    Loop loop;
    constexpr std::size_t kCount = 400;  // more than the poller fetches at once
    std::vector<std::unique_ptr<Pair>> pairs;
    std::vector<std::string> got(kCount);
    Interrupt interrupt(loop.reactor);
    std::vector<std::unique_ptr<Interrupt>> interrupts;
    for (std::size_t i = 0; i < kCount; ++i) {
        pairs.push_back(std::make_unique<Pair>(loop.reactor));
        interrupts.push_back(std::make_unique<Interrupt>(loop.reactor));
    }
    loop.run([&]() -> Task<void> {
        for (std::size_t i = 0; i < kCount; ++i) {
            loop.spawn(read_into(pairs[i]->ours, *interrupts[i], got[i]));
        }
        co_await pause(loop.reactor, milliseconds(2));
        for (std::size_t i = 0; i < kCount; ++i) {
            pairs[i]->send(std::to_string(i));
        }
        co_return;
    });
    for (std::size_t i = 0; i < kCount; ++i) {
        if (got[i] != std::to_string(i)) {
            FAIL("socket " << i << " read '" << got[i] << "'");
        }
    }
}

TEST_CASE("sockets may die before and after the loop has run") {
    Reactor reactor;
    { const Pair pair(reactor); }
    Pair moved(reactor);
    Socket other = std::move(moved.ours);
    CHECK_FALSE(moved.ours.is_open());
    CHECK(other.is_open());
    moved.ours = std::move(other);
    CHECK(moved.ours.is_open());
}

}  // namespace tollgate::server::tests
