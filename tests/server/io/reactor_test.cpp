#include "server/io/reactor.hpp"

#include "tests/server/loop.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace tollgate::server::tests {
namespace {

// Calls a function when its time has come.
class Alarm final : public Deadline {
public:
    Alarm(Reactor& reactor, std::function<void()> action)
        : Deadline(reactor), action_(std::move(action)) {}

private:
    void expired() override { action_(); }
    std::function<void()> action_;
};

constexpr std::chrono::microseconds kStep{200};

}  // namespace

TEST_CASE("deadlines come in the order of their times") {
    Loop loop;
    std::vector<int> order;
    std::vector<std::unique_ptr<Alarm>> alarms;
    const Clock::time_point start = Reactor::now() + milliseconds(1);
    for (int i = 0; i < 50; ++i) {
        const int rank = i * 37 % 50;  // each number once, out of order
        alarms.push_back(
            std::make_unique<Alarm>(loop.reactor, [&order, rank] { order.push_back(rank); }));
        alarms.back()->set(start + rank * kStep);
    }
    loop.run([&]() -> Task<void> { co_await pause(loop.reactor, milliseconds(15)); });
    CHECK(order.size() == 50);
    CHECK(std::is_sorted(order.begin(), order.end()));
    for (const auto& alarm : alarms) {
        CHECK_FALSE(alarm->is_set());
    }
}

TEST_CASE("a deadline comes once and never before its time") {
    Loop loop;
    int count = 0;
    Clock::time_point came;
    Alarm alarm(loop.reactor, [&] {
        ++count;
        came = Reactor::now();
    });
    const Clock::time_point when = Reactor::now() + milliseconds(3);
    alarm.set(when);
    loop.run([&]() -> Task<void> { co_await pause(loop.reactor, milliseconds(8)); });
    CHECK(count == 1);
    CHECK(came >= when);
}

TEST_CASE("a deadline in the past comes from the loop, not from within set") {
    Loop loop;
    bool came = false;
    Alarm alarm(loop.reactor, [&] { came = true; });
    loop.run([&]() -> Task<void> {
        alarm.set(Reactor::now() - std::chrono::hours(1));
        CHECK_FALSE(came);
        co_await pause(loop.reactor, milliseconds(1));
        CHECK(came);
    });
}

TEST_CASE("a deadline moves later, earlier and away") {
    Loop loop;
    std::string came;
    Alarm later(loop.reactor, [&] { came += 'l'; });
    Alarm earlier(loop.reactor, [&] { came += 'e'; });
    Alarm cleared(loop.reactor, [&] { came += 'c'; });
    Alarm again(loop.reactor, [&] { came += 'a'; });
    const Clock::time_point start = Reactor::now();
    later.set(start + milliseconds(1));
    later.set(start + milliseconds(20));
    earlier.set(start + std::chrono::hours(1));
    earlier.set(start + milliseconds(4));
    cleared.set(start + milliseconds(1));
    cleared.clear();
    again.set(start + milliseconds(1));
    again.clear();
    again.set(start + milliseconds(12));
    CHECK(later.when() == start + milliseconds(20));
    CHECK(later.is_set());
    CHECK_FALSE(cleared.is_set());
    loop.run([&]() -> Task<void> { co_await pause(loop.reactor, milliseconds(25)); });
    CHECK(came == "eal");
}

TEST_CASE("a deadline may be set again when it comes") {
    Loop loop;
    int count = 0;
    std::unique_ptr<Alarm> alarm;
    alarm = std::make_unique<Alarm>(loop.reactor, [&] {
        if (++count < 5) {
            alarm->set(Reactor::now() + kStep);
        }
    });
    alarm->set(Reactor::now());
    loop.run([&]() -> Task<void> { co_await pause(loop.reactor, milliseconds(5)); });
    CHECK(count == 5);
}

TEST_CASE("a deadline that dies is gone from the queue") {
    Loop loop;
    std::vector<int> came;
    std::vector<std::unique_ptr<Alarm>> alarms;
    const Clock::time_point start = Reactor::now() + milliseconds(1);
    for (int i = 0; i < 64; ++i) {
        alarms.push_back(std::make_unique<Alarm>(loop.reactor, [&came, i] { came.push_back(i); }));
        alarms.back()->set(start + (i * 29 % 64) * std::chrono::microseconds(50));
    }
    for (int i = 0; i < 64; i += 3) {  // from every place of the heap
        alarms[static_cast<std::size_t>(i * 11 % 64)].reset();
    }
    const auto left = static_cast<std::size_t>(std::count_if(
        alarms.begin(), alarms.end(), [](const auto& alarm) { return alarm != nullptr; }));
    loop.run([&]() -> Task<void> { co_await pause(loop.reactor, milliseconds(8)); });
    CHECK(came.size() == left);
    CHECK(std::is_sorted(came.begin(), came.end(),
                         [](int a, int b) { return a * 29 % 64 < b * 29 % 64; }));
}

TEST_CASE("a deadline may destroy others, and itself, when it comes") {
    Loop loop;
    std::string came;
    const Clock::time_point start = Reactor::now();
    std::unique_ptr<Alarm> self;
    auto other = std::make_unique<Alarm>(loop.reactor, [&] { came += 'o'; });
    self = std::make_unique<Alarm>(loop.reactor, [&] {
        came += 's';
        other.reset();
        self.reset();
    });
    self->set(start);
    other->set(start + std::chrono::microseconds(1));
    loop.run([&]() -> Task<void> { co_await pause(loop.reactor, milliseconds(2)); });
    CHECK(came == "s");
}

TEST_CASE("a reactor may end while deadlines are queued") {
    Reactor reactor;
    Alarm alarm(reactor, [] {});
    alarm.set(Reactor::now() + std::chrono::hours(1));
}

TEST_CASE("an armed interrupt deadline fires with its cause") {
    Loop loop;
    Interrupt interrupt(loop.reactor);
    InterruptDeadline deadline(loop.reactor, interrupt);
    loop.run([&]() -> Task<void> {
        deadline.arm(Cause::idle_timeout, Reactor::now() + std::chrono::hours(1));
        deadline.arm(Cause::write_timeout, Reactor::now() + kStep);
        CHECK(deadline.cause() == Cause::write_timeout);
        const Wake wake =
            co_await loop.reactor.sleep_until(Reactor::now() + std::chrono::hours(1), interrupt);
        CHECK(wake == Wake::interrupted);
        CHECK(interrupt.cause() == Cause::write_timeout);
    });
}

TEST_CASE("a sleep lasts until its time, or until it is interrupted") {
    Loop loop;
    loop.run([&]() -> Task<void> {
        Interrupt interrupt(loop.reactor);
        const Clock::time_point when = Reactor::now() + milliseconds(2);
        {
            const auto wake = co_await loop.reactor.sleep_until(when, interrupt);
            CHECK(wake == Wake::ready);
        }
        CHECK(Reactor::now() >= when);
        {
            const auto done = co_await loop.reactor.sleep_until(when - std::chrono::hours(1),
                                                                interrupt) == Wake::ready;
            CHECK(done);
        }
        interrupt.fire(Cause::shutdown);
        const Clock::time_point start = Reactor::now();
        {
            const auto done = co_await loop.reactor.sleep_until(start + std::chrono::hours(1),
                                                                interrupt) == Wake::interrupted;
            CHECK(done);
        }
        CHECK(Reactor::now() - start < std::chrono::seconds(5));
    });
}

TEST_CASE("posted coroutines run in order, behind what is ready") {
    Loop loop;
    std::string order;
    const auto writer = [&](char name) -> Task<void> {
        for (int i = 0; i < 3; ++i) {
            order += name;
            co_await loop.reactor.yield();
        }
    };
    loop.run([&]() -> Task<void> {
        loop.spawn(writer('a'));
        loop.spawn(writer('b'));
        loop.spawn(writer('c'));
        co_return;
    });
    CHECK(order == "abcabcabc");
}

TEST_CASE("work posted by other threads runs on the reactor's", "[threads]") {
    Loop loop;
    Interrupt done(loop.reactor);
    int count = 0;  // no lock: only the loop's thread touches it
    const std::thread::id home = std::this_thread::get_id();
    std::vector<std::jthread> threads;
    loop.run([&]() -> Task<void> {
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 250; ++i) {
                    loop.reactor.post_external([&] {
                        if (std::this_thread::get_id() == home && ++count == 1000) {
                            done.fire(Cause::elapsed);
                        }
                    });
                }
            });
        }
        co_await loop.reactor.sleep_until(Reactor::now() + std::chrono::seconds(30), done);
    });
    CHECK(count == 1000);
}

}  // namespace tollgate::server::tests
