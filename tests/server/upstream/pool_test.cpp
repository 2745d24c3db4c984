#include "server/upstream/pool.hpp"

#include "tests/server/fake_vendor.hpp"

#include <deque>
#include <memory>
#include <string>

namespace tollgate::server::tests {
namespace {

using upstream::Connection;
using upstream::Origin;
using upstream::Pool;
using upstream::PoolEvent;
using Wanted = Pool::Wanted;

// A vendor that accepts and says nothing, a pool, and one origin.
struct Fixture {
    explicit Fixture(std::size_t max_connections = 256) : interrupt(loop.reactor) {
        upstream::OriginSpec spec = vendor.spec();
        spec.max_connections = max_connections;
        origin = &pool.origin("k", spec, 0);
    }
    Task<std::unique_ptr<Connection>> acquire(Wanted wanted = Wanted::any) {
        Result<std::unique_ptr<Connection>> connection =
            co_await pool.acquire(*origin, wanted, interrupt);
        CHECK(connection.has_value());
        co_return connection ? std::move(*connection) : nullptr;
    }
    Loop loop;
    Gauges gauges;
    Interrupt interrupt;
    FakeVendor vendor{loop, [](std::size_t, std::size_t) { return Script{.answer = "x"}; }};
    Pool pool{loop.reactor, gauges};
    Origin* origin = nullptr;
};

// Waits for a connection, notes it and gives it back.
struct Client {
    Client(Fixture& f, std::string& n, char me)
        : fixture(f), notes(n), name(me), interrupt(f.loop.reactor) {}
    Task<void> run(Wanted wanted) {
        Result<std::unique_ptr<Connection>> got =
            co_await fixture.pool.acquire(*fixture.origin, wanted, interrupt);
        notes += name;
        notes += got ? '+' : '-';
        if (got) {
            connection = std::move(*got);
        } else {
            failure = got.error();
        }
    }
    Fixture& fixture;
    std::string& notes;
    char name;
    Interrupt interrupt;
    std::unique_ptr<Connection> connection;
    Failure failure;
};

}  // namespace

TEST_CASE("the connection used last is used first") {
    Fixture f;
    f.loop.run([&]() -> Task<void> {
        std::unique_ptr<Connection> a = co_await f.acquire();
        std::unique_ptr<Connection> b = co_await f.acquire();
        const Connection* const first = a.get();
        const Connection* const second = b.get();
        CHECK_FALSE(a->is_reused());
        CHECK(f.gauges.active == 2);
        f.pool.give_back(std::move(a));
        f.pool.give_back(std::move(b));
        CHECK(f.gauges.active == 0);
        CHECK(f.gauges.idle == 2);
        a = co_await f.acquire();
        CHECK(a.get() == second);
        CHECK(a->is_reused());
        b = co_await f.acquire();
        CHECK(b.get() == first);
        std::unique_ptr<Connection> c = co_await f.acquire();
        CHECK_FALSE(c->is_reused());
        CHECK(f.origin->open == 3);
        f.pool.discard(std::move(a));
        f.pool.discard(std::move(b));
        f.pool.discard(std::move(c));
        CHECK(f.origin->open == 0);
        CHECK(f.gauges.active == 0);
        CHECK(f.gauges.count(PoolEvent::opened) == 3);
        CHECK(f.gauges.count(PoolEvent::reused) == 2);
        f.vendor.stop();
    });
}

TEST_CASE("a fresh connection is opened although an idle one is there") {
    Fixture f;
    f.loop.run([&]() -> Task<void> {
        f.pool.give_back(co_await f.acquire());
        std::unique_ptr<Connection> fresh = co_await f.acquire(Wanted::fresh);
        CHECK_FALSE(fresh->is_reused());
        CHECK(f.origin->idle.size() == 1);
        f.pool.discard(std::move(fresh));
        f.vendor.stop();
    });
}

TEST_CASE("at the bound, a fresh connection takes the place of an idle one") {
    Fixture f(1);
    f.loop.run([&]() -> Task<void> {
        f.pool.give_back(co_await f.acquire());
        std::unique_ptr<Connection> fresh = co_await f.acquire(Wanted::fresh);
        CHECK_FALSE(fresh->is_reused());
        CHECK(f.origin->idle.empty());
        CHECK(f.origin->open == 1);
        CHECK(f.gauges.active == 1);
        CHECK(f.gauges.idle == 0);
        f.pool.discard(std::move(fresh));
        CHECK(f.gauges.active == 0);
        f.vendor.stop();
    });
}

TEST_CASE("beyond the bound, exchanges wait in order") {
    Fixture f(1);
    std::string notes;
    std::deque<Client> clients;
    f.loop.run([&]() -> Task<void> {
        std::unique_ptr<Connection> held = co_await f.acquire();
        const Connection* const only = held.get();
        for (const char name : {'a', 'b', 'c'}) {
            f.loop.spawn(clients.emplace_back(f, notes, name).run(Wanted::any));
        }
        co_await pause(f.loop.reactor, milliseconds(1));
        CHECK(notes.empty());
        CHECK(f.gauges.count(PoolEvent::waited) == 3);
        f.pool.give_back(std::move(held));
        CHECK(notes == "a+");
        CHECK(clients[0].connection.get() == only);
        f.pool.give_back(std::move(clients[0].connection));
        CHECK(notes == "a+b+");
        f.pool.discard(std::move(clients[1].connection));  // now a new one has to be opened
        co_await pause(f.loop.reactor, milliseconds(3));
        CHECK(notes == "a+b+c+");
        CHECK_FALSE(clients[2].connection->is_reused());
        CHECK(f.origin->open == 1);
        f.pool.give_back(std::move(clients[2].connection));
        CHECK(f.origin->waiting.size() == 0);
        f.vendor.stop();
    });
}

TEST_CASE("a wait for a connection can be cut") {
    Fixture f(1);
    std::string notes;
    std::deque<Client> clients;
    f.loop.run([&]() -> Task<void> {
        std::unique_ptr<Connection> held = co_await f.acquire();
        for (const char name : {'a', 'b'}) {
            f.loop.spawn(clients.emplace_back(f, notes, name).run(Wanted::any));
        }
        clients[0].interrupt.fire(Cause::connect_timeout);
        co_await f.loop.reactor.yield();
        CHECK(notes == "a-");
        CHECK(clients[0].failure.kind == FailureKind::connect_failed);
        CHECK(clients[0].failure.detail.find("max_connections") != std::string::npos);
        f.pool.give_back(std::move(held));
        CHECK(notes == "a-b+");
        f.pool.discard(std::move(clients[1].connection));
        f.vendor.stop();
    });
}

TEST_CASE("a fresh one that makes room lets the others wait on") {
    Fixture f(1);
    std::string notes;
    std::deque<Client> clients;
    f.loop.run([&]() -> Task<void> {
        std::unique_ptr<Connection> held = co_await f.acquire();
        f.loop.spawn(clients.emplace_back(f, notes, 'f').run(Wanted::fresh));
        f.loop.spawn(clients.emplace_back(f, notes, 'a').run(Wanted::any));
        f.pool.give_back(
            std::move(held));  // wakes the fresh one, which closes this connection to get its place
        co_await pause(f.loop.reactor, milliseconds(3));
        CHECK(notes.size() == 2);  // one of the two has the only place
        for (Client& client : clients) {
            if (client.connection) {
                CHECK_FALSE(client.connection->is_reused());
                f.pool.discard(std::move(client.connection));
            }
        }
        co_await pause(f.loop.reactor, milliseconds(3));
        CHECK(notes.size() == 4);
        CHECK(notes.find('-') == std::string::npos);
        for (Client& client : clients) {
            if (client.connection) {
                f.pool.discard(std::move(client.connection));
            }
        }
        CHECK(f.origin->open == 0);
        CHECK(f.gauges.active == 0);
        CHECK(f.gauges.idle == 0);
        f.vendor.stop();
    });
}

TEST_CASE("an idle connection that the vendor closes or writes to is dropped when it happens") {
    for (const bool closes : {true, false}) {
        INFO(closes);
        Fixture f;
        f.loop.run([&]() -> Task<void> {
            f.pool.give_back(co_await f.acquire());
            co_await pause(f.loop.reactor, milliseconds(2));  // the vendor has accepted
            CHECK(f.origin->idle.size() == 1);
            closes ? f.vendor.hang_up(0) : f.vendor.say(0, "HTTP/1.1 408 Request Timeout\r\n\r\n");
            co_await pause(f.loop.reactor, milliseconds(3));
            CHECK(f.origin->idle.empty());
            CHECK(f.origin->open == 0);
            CHECK(f.gauges.idle == 0);
            CHECK(f.gauges.active == 0);
            CHECK(f.gauges.count(PoolEvent::stale) == 1);
            CHECK(f.pool.take_idle(*f.origin) == nullptr);
            f.vendor.stop();
        });
    }
}

TEST_CASE("a connection that died before it was given back is not kept") {
    Fixture f;
    f.loop.run([&]() -> Task<void> {
        std::unique_ptr<Connection> held = co_await f.acquire();
        co_await pause(f.loop.reactor, milliseconds(2));
        f.vendor.hang_up(0);
        co_await pause(f.loop.reactor, milliseconds(3));
        f.pool.give_back(std::move(held));
        CHECK(f.origin->idle.empty());
        CHECK(f.origin->open == 0);
        CHECK(f.gauges.idle == 0);
        CHECK(f.gauges.active == 0);
        f.vendor.stop();
    });
}

TEST_CASE("one that waits gets a new connection when the one given back is dead") {
    Fixture f(1);
    std::string notes;
    std::deque<Client> clients;
    f.loop.run([&]() -> Task<void> {
        std::unique_ptr<Connection> held = co_await f.acquire();
        f.loop.spawn(clients.emplace_back(f, notes, 'a').run(Wanted::any));
        co_await pause(f.loop.reactor, milliseconds(2));
        f.vendor.hang_up(0);
        co_await pause(f.loop.reactor, milliseconds(2));
        f.pool.give_back(std::move(held));
        co_await pause(f.loop.reactor, milliseconds(3));
        CHECK(notes == "a+");
        REQUIRE(clients[0].connection != nullptr);
        CHECK_FALSE(clients[0].connection->is_reused());
        f.pool.discard(std::move(clients[0].connection));
        CHECK(f.origin->open == 0);
        f.vendor.stop();
    });
}

TEST_CASE("a failed connect makes room for the next in line") {
    Loop loop;
    Gauges gauges;
    Pool pool(loop.reactor, gauges);
    std::uint16_t port = 0;
    { const Fd gone = listen_on_loopback(port); }
    upstream::OriginSpec spec;
    spec.host = "127.0.0.1";
    spec.port = port;
    spec.max_connections = 1;
    Origin& origin = pool.origin("k", spec, 0);
    std::deque<Interrupt> interrupts;
    int failed = 0;
    const auto client = [&](Interrupt& interrupt) -> Task<void> {
        const auto got = co_await pool.acquire(origin, Wanted::any, interrupt);
        failed += !got && got.error().kind == FailureKind::connect_failed ? 1 : 0;
    };
    loop.run([&]() -> Task<void> {
        for (int i = 0; i < 5; ++i) {
            loop.spawn(client(interrupts.emplace_back(loop.reactor)));
        }
        co_return;
    });
    CHECK(failed == 5);
    CHECK(origin.open == 0);
    CHECK(gauges.active == 0);
}

TEST_CASE("a name is resolved and its addresses are tried until one answers") {
    Loop loop;
    Gauges gauges;
    Pool pool(loop.reactor, gauges);
    FakeVendor vendor(loop, [](std::size_t, std::size_t) { return Script{}; });
    upstream::OriginSpec spec = vendor.spec();
    spec.host = "localhost";  // often ::1 first, where nobody listens
    Origin& origin = pool.origin("k", spec, 0);
    loop.run([&]() -> Task<void> {
        Interrupt interrupt(loop.reactor);
        auto first = co_await pool.acquire(origin, Wanted::any, interrupt);
        CHECK(first.has_value());
        auto second = co_await pool.acquire(origin, Wanted::any, interrupt);  // from the cache
        CHECK(second.has_value());
        pool.discard(std::move(*first));
        pool.discard(std::move(*second));
        vendor.stop();
    });
    CHECK(origin.open == 0);
}

TEST_CASE("a connect can be cut while it waits for the address") {
    Loop loop;
    Gauges gauges;
    Pool pool(loop.reactor, gauges);
    upstream::OriginSpec spec;
    spec.host = "localhost";
    spec.port = 9;
    Origin& origin = pool.origin("k", spec, 0);
    loop.run([&]() -> Task<void> {
        Interrupt interrupt(loop.reactor);
        interrupt.fire(Cause::connect_timeout);
        const auto got = co_await pool.acquire(origin, Wanted::any, interrupt);
        CHECK_FALSE(got.has_value());
        CHECK(origin.open == 0);
    });
}

TEST_CASE("an origin is one per key, and a reload may change its bounds") {
    Fixture f;
    upstream::OriginSpec spec = f.vendor.spec();
    spec.max_connections = 3;
    CHECK(&f.pool.origin("k", spec, 5) == f.origin);
    CHECK(f.origin->spec.max_connections == 3);
    CHECK(f.origin->provider == 0);
    CHECK(&f.pool.origin("other", spec, 1) != f.origin);
    f.loop.run([&]() -> Task<void> {
        f.vendor.stop();
        co_return;
    });
}

TEST_CASE("a pool may die with idle connections") {
    Fixture f;
    f.loop.run([&]() -> Task<void> {
        f.pool.give_back(co_await f.acquire());
        f.vendor.stop();
    });
    CHECK(f.origin->idle.size() <= 1);
}

}  // namespace tollgate::server::tests
