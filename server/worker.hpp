// One worker thread: its loop, its listeners, its sessions, its connections to vendors.  Workers
// share nothing but the snapshot (immutable), the registry's shards (one writer each) and the log.
#pragma once

#include "failover/budget.hpp"
#include "failover/hedge.hpp"
#include "failover/sticky.hpp"
#include "metrics/access_log.hpp"
#include "metrics/ledger/ledger.hpp"
#include "metrics/log.hpp"
#include "metrics/registry.hpp"
#include "metrics/shard.hpp"
#include "router/keys/auth_throttle.hpp"
#include "router/keys/caller_table.hpp"
#include "router/limits/rejections.hpp"
#include "router/snapshot.hpp"
#include "server/admin/admin.hpp"
#include "server/background.hpp"
#include "server/client_connection.hpp"
#include "server/exchange.hpp"
#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"
#include "server/io/side_thread.hpp"
#include "server/io/task_group.hpp"
#include "server/io/tls_server.hpp"
#include "server/limit_queue.hpp"
#include "server/model_lists.hpp"
#include "server/upstream/pool.hpp"
#include "server/upstream/token_cache.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace tollgate::server {

class Dispatch;

/// What all workers share; outlives them.
struct Shared {
    metrics::Registry& registry;
    metrics::Logger& logger;
    admin::Services admin = {};
    SideThread* side_thread = nullptr;  ///< null: no admin API
    router::AuthThrottle throttle{0};
    router::LimitRejections rejections = {};
    /// Told of thresholds that budgets pass; any thread.  Null: nobody wants to know.
    std::function<void(const router::Alert&)> alert = {};
    ledger::Ledger* ledger = nullptr;  ///< null: there is none
    PeerCounts peers = {};
    ModelLists model_lists = {};
    std::atomic<std::size_t> client_connections{0};  ///< bounded by server.limits.connections
    std::atomic<bool> ready{false};                  ///< what /health/ready says
    std::atomic<bool> has_checker{false};            ///< some worker makes the active checks
    /// Of the session tickets: workers take each other's.
    TicketKeys::Seed ticket_seed = TicketKeys::random_seed();
    Clock::time_point ticket_start = Reactor::now();
    failover::StickyTable sticky = {};  ///< which target a conversation had
};

class ActiveChecks;

class Worker final : private upstream::PoolObserver {
public:
    /// `lane`: of the ledger; null: there is none.
    Worker(Shared& shared, metrics::Shard& shard, router::SnapshotPtr snapshot,
           ledger::Lane* lane = nullptr);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Before run(): accept on this socket (listening, non-blocking).  Takes it over.
    /// `may_secure`: with TLS whenever there is a context for it.
    void listen(int fd, ListenerKind kind, bool may_secure = false);
    /// Before run(): the TLS of listeners that may be secured; null: plain text.
    void use_tls(std::shared_ptr<TlsServerContext> context);
    /// Before run(): who may call.
    void use_callers(const router::CallerTablePtr& callers);
    /// The thread's main: returns after drain() has come to its end.
    void run();

    // ---- from any thread ----
    /// Exchanges that run keep the snapshot that they have, connections their certificate.
    void adopt(router::SnapshotPtr snapshot, std::shared_ptr<TlsServerContext> tls = nullptr);
    /// `then` is called by the worker when no new exchange sees the table before it.
    void adopt(const router::CallerTablePtr& callers, std::function<void()> then = nullptr);
    void drain(
        Clock::duration grace);  ///< stop accepting, let exchanges end, cut them after `grace`
    void cut();                  ///< end the grace time of drain() now

    // ---- for this worker's coroutines ----
    [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }
    /// The read buffer: valid until the next await of whoever fills it.
    [[nodiscard]] std::span<char> scratch() noexcept { return scratch_; }
    [[nodiscard]] const bool& draining() const noexcept { return draining_; }
    /// Draining has come so far that connections without a request are closed.
    [[nodiscard]] bool closes_idle() const noexcept { return closes_idle_; }
    [[nodiscard]] const router::SnapshotPtr& snapshot() const noexcept { return snapshot_; }
    [[nodiscard]] const router::CallerTablePtr& callers() const noexcept { return callers_; }
    [[nodiscard]] LimitQueue& limit_queue() noexcept { return limit_queue_; }
    [[nodiscard]] Shared& shared() noexcept { return shared_; }
    [[nodiscard]] metrics::Shard& shard() noexcept { return shard_; }
    [[nodiscard]] metrics::Logger& logger() noexcept { return shared_.logger; }
    [[nodiscard]] ledger::Lane* lane() noexcept { return lane_; }
    [[nodiscard]] upstream::Pool& pool() noexcept { return pool_; }
    [[nodiscard]] upstream::TokenCache& tokens() noexcept { return tokens_; }
    [[nodiscard]] Background& background() noexcept { return background_; }
    [[nodiscard]] failover::RetryBudget& retry_budget() noexcept { return retry_budget_; }
    [[nodiscard]] failover::HedgeBudget& hedge_budget() noexcept { return hedge_budget_; }
    [[nodiscard]] std::uint64_t random() noexcept { return random_(); }
    /// From 0 to 1, without 1.
    [[nodiscard]] double uniform() noexcept {
        return static_cast<double>(random_() >> 11U) * 0x1.0p-53;
    }
    /// The pooled origin behind a provider of `snapshot`, which may be an earlier one than the
    /// current.
    [[nodiscard]] Result<upstream::Origin*> origin(const router::SnapshotPtr& snapshot,
                                                   const router::Provider& provider);
    /// The Date field's value; the view lives until the next call.
    [[nodiscard]] std::string_view http_date();

    /// Serves one request; never throws.
    [[nodiscard]] Task<void> dispatch(Exchange& exchange);
    /// Answers what is not a request; counted and logged like one.
    [[nodiscard]] Task<void> refuse_unparsed(Exchange& exchange, const Failure& failure);
    /// Counts and logs a finished exchange.
    void publish(const metrics::RequestRecord& record, const router::Snapshot& snapshot);

    /// Speaks with a client; behind the TLS handshake, if there is one.
    void serve(Channel channel, ClientPeer peer, ClientProtocol protocol);
    /// Tells whoever spoke HTTP to a TLS port what is wrong.
    void refuse_plain_http(Channel channel, ClientPeer peer);
    void note_handshake(const ssl_st& ssl);
    void note_handshake_failure(HandshakeFailure reason) { shard_.add_handshake_failure(reason); }

    void enter(ClientConnection& connection);
    void leave(ClientConnection& connection) noexcept;
    /// Connections and HTTP/2 streams come and go: when many have gone, their memory goes too.
    void note_load(int change) noexcept;
    /// An exception has reached the root of a task.
    void report_bug(std::string_view what);

private:
    class AccessFlush;
    class Trim;
    struct Listener {
        Socket socket;
        ListenerKind kind;
        bool may_secure;
        Interrupt stop;
        Listener(Socket s, ListenerKind k, bool secure, Reactor& reactor)
            : socket(std::move(s)), kind(k), may_secure(secure), stop(reactor) {}
    };
    struct OriginPlan {
        std::weak_ptr<const router::Snapshot>
            snapshot;  // whose provider the key is: addresses may be used again
        upstream::Origin* origin = nullptr;
    };
    [[nodiscard]] Task<void> accept_loop(Listener& listener);
    void serve(int fd, ClientPeer peer, bool may_secure);
    void refuse_by_bug(Dispatch& dispatch, std::string_view what);
    [[nodiscard]] Task<void> shut_down(Clock::duration grace);
    void upstream_connections(const upstream::Origin& origin, int active_change,
                              int idle_change) override;
    void pool_event(const upstream::Origin& origin, upstream::PoolEvent event) override;

    Shared& shared_;
    metrics::Shard& shard_;
    ledger::Lane* lane_;
    Reactor reactor_;
    std::vector<char> scratch_;
    router::SnapshotPtr snapshot_;
    router::CallerTablePtr callers_;
    LimitQueue limit_queue_;
    metrics::AccessLog access_log_;
    std::unique_ptr<AccessFlush> access_flush_;
    std::unique_ptr<Trim> trim_;
    std::unique_ptr<ActiveChecks> checks_;  // in one worker
    std::size_t load_ = 0;
    std::size_t peak_load_ = 0;
    upstream::Pool pool_;
    upstream::TokenCache tokens_;
    failover::RetryBudget retry_budget_;
    failover::HedgeBudget hedge_budget_;
    std::mt19937_64 random_;
    Interrupt cut_;
    TicketKeys tickets_;
    std::shared_ptr<TlsServerContext> tls_;  // null: plain text everywhere
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unordered_map<const router::Provider*, OriginPlan> origins_;
    std::string date_;
    std::time_t date_second_ = 0;
    std::unordered_set<ClientConnection*> clients_;
    TaskGroup tasks_;  // listeners and clients' connections
    Background background_;
    TaskGroup shutdown_task_;
    bool draining_ = false;
    bool closes_idle_ = false;
};

}  // namespace tollgate::server
