#include "server/io/side_thread.hpp"

#include "server/io/task_group.hpp"
#include "tests/support/catch.hpp"

#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace tollgate::server {
namespace {

// Runs one coroutine on a reactor of its own.
class Loop {
public:
    void run(Task<void> task) {
        group_.spawn(then_stop(std::move(task)));
        reactor_.run();
    }
    Reactor& reactor() { return reactor_; }

private:
    Task<void> then_stop(Task<void> task) {
        co_await std::move(task);
        reactor_.stop();
    }
    Reactor reactor_;
    TaskGroup group_{reactor_, [](std::string_view what) { FAIL(what); }};
};

TEST_CASE("jobs run elsewhere and their results come back", "[threads]") {
    SideThread side(8);
    Loop loop;
    Interrupt interrupt(loop.reactor());
    const auto here = std::this_thread::get_id();
    const auto body = [&]() -> Task<void> {
        std::function<std::string()> job = [here] {
            return std::string(std::this_thread::get_id() == here ? "here" : "elsewhere");
        };
        const Result<std::string> result = co_await run_aside(side, interrupt, std::move(job));
        REQUIRE(result);
        CHECK(*result == "elsewhere");
    };
    loop.run(body());
}

TEST_CASE("a job that throws is an internal failure", "[threads]") {
    SideThread side(8);
    Loop loop;
    Interrupt interrupt(loop.reactor());
    const auto body = [&]() -> Task<void> {
        std::function<int()> job = []() -> int { throw std::runtime_error("bug"); };
        const Result<int> result = co_await run_aside(side, interrupt, std::move(job));
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == FailureKind::internal);
    };
    loop.run(body());
}

TEST_CASE("an interrupted caller goes on while the job finishes", "[threads]") {
    std::promise<void> may_end;
    bool ended = false;
    Loop loop;
    Interrupt interrupt(loop.reactor());
    InterruptDeadline deadline(loop.reactor(), interrupt);
    {
        SideThread side(8);  // ends before the loop, as in the process
        const auto body = [&]() -> Task<void> {
            deadline.arm(Cause::client_gone, Reactor::now());
            std::function<int()> job = [&ended, gate = may_end.get_future().share()] {
                gate.wait();
                ended = true;
                return 1;
            };
            const Result<int> result = co_await run_aside(side, interrupt, std::move(job));
            CHECK(result.error().kind == FailureKind::client_gone);
            may_end.set_value();
        };
        loop.run(body());
    }
    CHECK(ended);
}

TEST_CASE("a full queue refuses", "[threads]") {
    std::promise<void> may_end;
    std::promise<void> started;
    SideThread side(1);
    REQUIRE(side.post([&, gate = may_end.get_future().share()] {
        started.set_value();
        gate.wait();
    }));
    started.get_future().wait();
    CHECK(side.post([] {}));
    CHECK_FALSE(side.post([] {}));
    may_end.set_value();
}

}  // namespace
}  // namespace tollgate::server
