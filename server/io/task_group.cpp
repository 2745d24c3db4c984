#include "server/io/task_group.hpp"

#include <cassert>
#include <exception>
#include <utility>

namespace tollgate::server {

TaskGroup::~TaskGroup() {
    assert(state_.running == 0);
}

TaskGroup::Root TaskGroup::run_root(Task<void> task, State& state) {
    ++state.running;
    try {
        co_await std::move(task);
    } catch (const std::exception& bug) {
        state.on_bug(bug.what());
    }
    if (--state.running == 0) {
        state.empty.wake_all();
    }
}

void TaskGroup::spawn(Task<void> task) {
    run_root(std::move(task), state_);
}

Task<Wake> TaskGroup::wait_empty(Interrupt& interrupt) {
    while (state_.running != 0) {
        const Wake wake = co_await state_.empty.wait(interrupt);
        if (wake == Wake::interrupted) {
            co_return wake;
        }
    }
    co_return Wake::ready;
}

}  // namespace tollgate::server
