#include "server/io/task_group.hpp"

#include "tests/server/loop.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace tollgate::server::tests {
namespace {

Task<std::unique_ptr<int>> give(int value) {
    co_return std::make_unique<int>(value);
}
Task<int> throw_out(const char* what) {
    throw std::runtime_error(what);
    co_return 0;
}
Task<int> add(Reactor& reactor, int depth) {
    if (depth == 0) {
        co_await reactor.yield();
        co_return 0;
    }
    co_return 1 + co_await add(reactor, depth - 1);
}

struct Job {
    Job(Reactor& r, std::string& n) : reactor(r), notes(n) {}
    ~Job() { notes += "gone"; }
    Task<void> run() {
        notes += "started ";
        co_await reactor.yield();
        notes += "done ";
    }
    Reactor& reactor;
    std::string& notes;
};

}  // namespace

TEST_CASE("a task starts when it is awaited and gives its value to the awaiter") {
    Loop loop;
    std::string notes;
    const auto noted = [&]() -> Task<int> {
        notes += "ran";
        co_return 7;
    };
    loop.run([&]() -> Task<void> {
        Task<int> task = noted();
        CHECK(notes.empty());
        {
            const auto got = co_await std::move(task);
            CHECK(got == 7);
        }
        CHECK(notes == "ran");
        { const Task<int> dropped = noted(); }  // never awaited, never run
        CHECK(notes == "ran");
        const std::unique_ptr<int> moved = co_await give(5);
        CHECK(*moved == 5);
        Task<int> one = noted();
        Task<int> other = noted();
        one = std::move(other);
        {
            const auto got = co_await std::move(one);
            CHECK(got == 7);
        }
        {
            const auto got = co_await add(loop.reactor, 1000);
            CHECK(got == 1000);
        }
    });
}

TEST_CASE("an exception travels to the awaiter") {
    Loop loop;
    loop.run([&]() -> Task<void> {
        std::string what;
        try {
            co_await throw_out("oops");
        } catch (const std::runtime_error& error) {
            what = error.what();
        }
        CHECK(what == "oops");
    });
}

TEST_CASE("an exception that reaches a root is reported and ends only that root") {
    Loop loop;
    std::string bugs;
    TaskGroup group(loop.reactor, [&](std::string_view what) { bugs += what; });
    const auto root = []() -> Task<void> { co_await throw_out("a bug"); };
    loop.run([&]() -> Task<void> {
        group.spawn(root());
        CHECK(bugs == "a bug");
        CHECK(group.size() == 0);
        co_return;
    });
}

TEST_CASE("a spawned task runs at once until it first waits") {
    Loop loop;
    TaskGroup group(loop.reactor, [](std::string_view) {});
    std::string notes;
    loop.run([&]() -> Task<void> {
        group.spawn_object(std::make_unique<Job>(loop.reactor, notes));
        CHECK(notes == "started ");
        CHECK(group.size() == 1);
        Interrupt never(loop.reactor);
        {
            const auto wake = co_await group.wait_empty(never);
            CHECK(wake == Wake::ready);
        }
        CHECK(notes == "started done gone");
        CHECK(group.size() == 0);
        {
            const auto wake = co_await group.wait_empty(never);
            CHECK(wake == Wake::ready);
        }  // at once
    });
}

TEST_CASE("waiting for an empty group may be cut short") {
    Loop loop;
    TaskGroup group(loop.reactor, [](std::string_view) {});
    WaitList list;
    Interrupt never(loop.reactor);
    const auto child = [&]() -> Task<void> { co_await list.wait(never); };
    loop.run([&]() -> Task<void> {
        group.spawn(child());
        group.spawn(child());
        Interrupt cut(loop.reactor);
        InterruptDeadline deadline(loop.reactor, cut);
        deadline.arm(Cause::elapsed, Reactor::now() + milliseconds(1));
        {
            const auto wake = co_await group.wait_empty(cut);
            CHECK(wake == Wake::interrupted);
        }
        CHECK(group.size() == 2);
        list.wake_one();
        CHECK(group.size() == 1);
        list.wake_one();
        CHECK(group.size() == 0);
    });
}

TEST_CASE("a group may die as soon as its last child has ended") {
    Loop loop;
    WaitList list;
    Interrupt never(loop.reactor);
    const auto child = [&]() -> Task<void> { co_await list.wait(never); };
    const auto parent = [&]() -> Task<void> {
        TaskGroup group(loop.reactor, [](std::string_view) {});
        group.spawn(child());
        co_await group.wait_empty(never);
    };
    loop.run([&]() -> Task<void> {
        loop.spawn(parent());
        list.wake_one();  // ends the child, and with it the parent and the group, in this very call
        CHECK(list.size() == 0);
        co_return;
    });
}

}  // namespace tollgate::server::tests
