// One attempt at one target, up to the head of a good answer.
#pragma once

#include "adapters/request.hpp"
#include "failover/health.hpp"
#include "router/choose.hpp"
#include "router/limits/lease.hpp"
#include "router/snapshot.hpp"
#include "server/exchange.hpp"
#include "server/io/reactor.hpp"
#include "server/upstream/call.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tollgate::server {

class Worker;
namespace upstream {
struct Origin;
}

/// What an attempt has been given and what it has found out.
struct Attempt {
    const router::Provider* provider = nullptr;  ///< null: none has been begun
    std::string_view model;                      ///< the vendor's id; whose bytes: see target
    const catalog::Model* known = nullptr;       ///< what is known about it; null: nothing
    router::RoutedTarget target;
    router::KeyChoice key;
    failover::Admission admission = failover::Admission::normal;
    failover::Admission key_admission = failover::Admission::normal;
    config::ProviderTimeouts timeouts;
    upstream::Origin* origin = nullptr;  ///< null: the built-in demo
    router::Lease lease;  ///< of the target's limits, and of every budget that it counts against
    std::unique_ptr<upstream::Call> call;
    upstream::CallHead head;
    Clock::time_point began{};
    Clock::time_point total_deadline{};
    Clock::time_point first_token_deadline = Clock::time_point::max();
    Clock::duration waited{};  ///< for the vendor, until the head
    bool is_sent = false;      ///< the vendor may have the request, and has not refused it

    /// Chooses a key and the timeouts for `routed`; the target's breaker has admitted it.
    void aim(const router::Snapshot& snapshot, const router::Route& route,
             const router::RoutedTarget& routed, std::uint64_t random, Clock::time_point now);
    /// From here on it counts as an attempt, in the target's health as well.
    void begin();
    /// It will not begin: makes room for another probe.
    void withdraw() noexcept;
    /// It told nothing about its target.
    void abandon() noexcept;
    /// "provider/model", for messages.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] bool has_pool() const noexcept { return target.provider->key_live.size() > 1; }
};

/// What stands around an attempt.  Everything outlives it.
struct AttemptWiring {
    Worker& worker;
    const router::SnapshotPtr& snapshot;
    const adapters::Request& request;
    const RequestHead& client;
    std::chrono::system_clock::time_point wall;  ///< when the request came
    Clock::time_point exchange_deadline;
    std::uint32_t number = 0;  ///< of the attempt within the request, from 0
    Interrupt& interrupt;
    InterruptDeadline& deadline;
};

/// Connects, sends and waits for a 2xx head, each under its own deadline.  `request` as the
/// target's dialect has encoded it; must outlive the wait.
[[nodiscard]] Task<Result<void>> reach_answer(const AttemptWiring& wiring, Attempt& attempt,
                                              adapters::UpstreamRequest& request);

}  // namespace tollgate::server
