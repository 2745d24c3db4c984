#include "server/io/interrupt.hpp"

#include "tests/server/loop.hpp"

#include <deque>
#include <string>

namespace tollgate::server::tests {
namespace {

// Waits in the list and notes how it ended.
Task<void> wait_in(WaitList& list, Interrupt& interrupt, std::string& notes, std::string name) {
    const Wake wake = co_await list.wait(interrupt);
    notes += name + (wake == Wake::ready ? "+" : "-");
}

}  // namespace

TEST_CASE("waiters wake one by one in order of arrival") {
    Loop loop;
    WaitList list;
    std::deque<Interrupt> interrupts;
    std::string notes;
    loop.run([&]() -> Task<void> {
        for (const char* name : {"a", "b", "c"}) {
            loop.spawn(wait_in(list, interrupts.emplace_back(loop.reactor), notes, name));
        }
        CHECK(list.size() == 3);
        CHECK(list.wake_one());
        CHECK(notes == "a+");  // at once
        CHECK(list.size() == 2);
        list.wake_all();
        CHECK(notes == "a+b+c+");
        CHECK_FALSE(list.wake_one());
        list.wake_all();
        co_return;
    });
}

TEST_CASE("a fired interrupt ends the wait through the queue") {
    Loop loop;
    WaitList list;
    Interrupt first(loop.reactor);
    Interrupt second(loop.reactor);
    std::string notes;
    loop.run([&]() -> Task<void> {
        loop.spawn(wait_in(list, first, notes, "a"));
        loop.spawn(wait_in(list, second, notes, "b"));
        first.fire(Cause::shutdown);
        CHECK(notes.empty());     // never inside the caller's stack
        CHECK(list.size() == 1);  // but off the list at once
        CHECK(list.wake_one());
        CHECK(notes == "b+");
        co_await loop.reactor.yield();
        CHECK(notes == "b+a-");
    });
}

TEST_CASE("the first cause wins until the interrupt is reset") {
    Loop loop;
    Interrupt interrupt(loop.reactor);
    CHECK_FALSE(interrupt.fired());
    CHECK(interrupt.cause() == Cause::none);
    interrupt.fire(Cause::client_gone);
    interrupt.fire(Cause::shutdown);
    CHECK(interrupt.fired());
    CHECK(interrupt.cause() == Cause::client_gone);
    interrupt.reset();
    CHECK_FALSE(interrupt.fired());
    interrupt.fire(Cause::shutdown);
    CHECK(interrupt.cause() == Cause::shutdown);
}

TEST_CASE("a wait under a fired interrupt does not begin") {
    Loop loop;
    WaitList list;
    Interrupt interrupt(loop.reactor);
    std::string notes;
    loop.run([&]() -> Task<void> {
        interrupt.fire(Cause::loser);
        loop.spawn(wait_in(list, interrupt, notes, "a"));
        CHECK(notes == "a-");
        CHECK(list.size() == 0);
        interrupt.reset();
        loop.spawn(wait_in(list, interrupt, notes, "b"));
        CHECK(list.size() == 1);
        list.wake_all();
        CHECK(notes == "a-b+");
        co_return;
    });
}

TEST_CASE("a wait that was woken and then interrupted is interrupted only when it looks") {
    Loop loop;
    WaitList list;
    Interrupt interrupt(loop.reactor);
    std::string notes;
    loop.run([&]() -> Task<void> {
        loop.spawn(wait_in(list, interrupt, notes, "a"));
        list.wake_all();
        interrupt.fire(Cause::shutdown);  // nobody waits any more
        co_await loop.reactor.yield();
        CHECK(notes == "a+");
        CHECK(list.size() == 0);
    });
}

TEST_CASE("a woken waiter may interrupt the others or wait anew") {
    Loop loop;
    WaitList list;
    Interrupt first(loop.reactor);
    Interrupt second(loop.reactor);
    std::string notes;
    const auto spoiler = [&]() -> Task<void> {
        {
            const auto wake = co_await list.wait(first);
            CHECK(wake == Wake::ready);
        }
        second.fire(Cause::loser);
        notes += "spoiled ";
        {
            const auto wake = co_await list.wait(first);
            CHECK(wake == Wake::ready);
        }
        notes += "again ";
    };
    loop.run([&]() -> Task<void> {
        loop.spawn(spoiler());
        loop.spawn(wait_in(list, second, notes, "b"));
        list.wake_all();
        co_await loop.reactor.yield();
        list.wake_all();
        CHECK(notes.starts_with("spoiled "));
        CHECK(notes.find("again ") != std::string::npos);
        CHECK(notes.find("b-") != std::string::npos);
    });
}

TEST_CASE("a link passes the outer interrupt on for as long as it lives") {
    Loop loop;
    Interrupt outer(loop.reactor);
    {
        Interrupt inner(loop.reactor);
        const InterruptLink link(outer, inner);
        inner.fire(Cause::elapsed);
        CHECK_FALSE(outer.fired());
        inner.reset();
        outer.fire(Cause::client_gone);
        CHECK(inner.cause() == Cause::client_gone);
        outer.reset();
        CHECK(inner.fired());
    }
    outer.fire(Cause::shutdown);  // the inner one is gone
    CHECK(outer.cause() == Cause::shutdown);
    Interrupt late(loop.reactor);
    const InterruptLink link(outer, late);
    CHECK(late.cause() == Cause::shutdown);
}

TEST_CASE("a bounded wait inside a longer one ends with whichever comes first") {
    Loop loop;
    WaitList list;
    Interrupt outer(loop.reactor);
    loop.run([&]() -> Task<void> {
        {
            Interrupt bounded(loop.reactor);
            InterruptDeadline deadline(loop.reactor, bounded);
            deadline.arm(Cause::elapsed, Reactor::now() + milliseconds(1));
            const InterruptLink link(outer, bounded);
            {
                const auto wake = co_await list.wait(bounded);
                CHECK(wake == Wake::interrupted);
            }
            CHECK(bounded.cause() == Cause::elapsed);
            CHECK_FALSE(outer.fired());
        }
        Interrupt bounded(loop.reactor);
        InterruptDeadline deadline(loop.reactor, bounded);
        deadline.arm(Cause::elapsed, Reactor::now() + std::chrono::hours(1));
        const InterruptLink link(outer, bounded);
        InterruptDeadline cut(loop.reactor, outer);
        cut.arm(Cause::client_gone, Reactor::now() + milliseconds(1));
        {
            const auto wake = co_await list.wait(bounded);
            CHECK(wake == Wake::interrupted);
        }
        CHECK(bounded.cause() == Cause::client_gone);
    });
    CHECK(list.size() == 0);
}

}  // namespace tollgate::server::tests
