// Asks providers from which nothing is heard for their list of models, in one worker of the
// process.
#pragma once

#include "router/active_check.hpp"
#include "router/snapshot.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task_group.hpp"

#include <map>

namespace tollgate::server {

class Worker;

class ActiveChecks final : private Deadline {
public:
    explicit ActiveChecks(Worker& worker);

    /// Looks into the current snapshot whether there is anything to do; also after a reload.
    void start();
    /// Ends what runs; nothing begins any more.
    [[nodiscard]] Task<void> stop();

private:
    void expired() override;
    [[nodiscard]] Task<void> check_all();
    [[nodiscard]] Task<void> check(const router::SnapshotPtr& snapshot,
                                   const router::Provider& provider);
    [[nodiscard]] Task<Result<unsigned>> ask(const router::SnapshotPtr& snapshot,
                                             const router::Provider& provider,
                                             const router::KeyChoice& key);

    Worker& worker_;
    Interrupt interrupt_;
    InterruptDeadline deadline_;
    TaskGroup tasks_;
    Clock::time_point began_;
    std::map<const failover::HealthTable::Entry*, Clock::time_point> asked_;  // by reach
    bool stopped_ = false;
};

}  // namespace tollgate::server
