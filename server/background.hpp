// What a worker does besides serving its clients: nobody waits for it, and the end breaks it off.
#pragma once

#include "server/io/interrupt.hpp"
#include "server/io/task_group.hpp"

#include <memory>
#include <unordered_set>

namespace tollgate::server {

/// A piece of such work.  Its run() listens to `interrupt`.
class BackgroundJob {
public:
    explicit BackgroundJob(Reactor& reactor) : interrupt(reactor) {}
    BackgroundJob(const BackgroundJob&) = delete;
    BackgroundJob& operator=(const BackgroundJob&) = delete;
    virtual ~BackgroundJob() = default;
    [[nodiscard]] virtual Task<void> run() = 0;

    Interrupt interrupt;
};

/// One worker's jobs.  Single-threaded.
class Background {
public:
    Background(Reactor& reactor, std::function<void(std::string_view)> on_bug)
        : reactor_(reactor), tasks_(reactor, std::move(on_bug)) {}

    /// Starts the job at once, until its first suspension, and keeps it until it has ended.
    void start(std::unique_ptr<BackgroundJob> job);
    [[nodiscard]] std::size_t size() const noexcept { return jobs_.size(); }
    /// Breaks off what runs (Cause::shutdown), and returns when it has ended.
    [[nodiscard]] Task<void> stop();

private:
    [[nodiscard]] Task<void> run(std::unique_ptr<BackgroundJob> job);

    Reactor& reactor_;
    std::unordered_set<BackgroundJob*> jobs_;
    TaskGroup tasks_;
};

}  // namespace tollgate::server
