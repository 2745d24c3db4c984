// One worker's fetches of the vendors' lists of models, beside whatever it serves.
#pragma once

#include "router/snapshot.hpp"
#include "server/io/interrupt.hpp"
#include "server/io/task_group.hpp"

#include <unordered_set>

namespace tollgate::server {

class Worker;

class ListFetcher {
public:
    explicit ListFetcher(Worker& worker);

    /// Starts to fetch what is too old (catalog_refresh) and nobody else fetches.  Nothing waits
    /// for it: what comes is for those who ask later.
    void refresh(const router::SnapshotPtr& snapshot);
    /// Breaks off what runs, and returns when it has ended.
    [[nodiscard]] Task<void> stop();

private:
    [[nodiscard]] Task<void> fetch(router::SnapshotPtr snapshot, const router::Provider& provider);

    Worker& worker_;
    std::unordered_set<Interrupt*> running_;
    TaskGroup tasks_;
};

}  // namespace tollgate::server
