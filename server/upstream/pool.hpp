// The connections to vendors, shared by all exchanges of a worker.
#pragma once

#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"
#include "server/io/tls.hpp"
#include "server/upstream/origin.hpp"
#include "server/upstream/resolve.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace tollgate::server::upstream {

class Pool;
struct Origin;

/// What can happen to a pooled connection; `waited`: an exchange had to queue for one; `stale`: a
/// kept one was found dead.
enum class PoolEvent : std::uint8_t { opened, reused, expired, stale, waited };

/// Told about connections coming and going, for the gauges.
class PoolObserver {
public:
    virtual void upstream_connections(const Origin& origin, int active_change, int idle_change) = 0;
    virtual void pool_event(const Origin& origin, PoolEvent event) = 0;

protected:
    ~PoolObserver() = default;
};

/// A connection to one origin.  Lent to one exchange at a time (HTTP/1.1); given back or destroyed.
class Connection final : private ReadWatcher {
public:
    Connection(Pool& pool, Origin& origin, Channel channel) noexcept
        : pool_(pool), origin_(origin), channel_(std::move(channel)) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] Channel& channel() noexcept { return channel_; }
    [[nodiscard]] Origin& origin() noexcept { return origin_; }
    [[nodiscard]] bool is_reused() const noexcept { return uses_ > 1; }

private:
    friend class Pool;
    void on_readable()
        override;  // idle and readable: closed by the peer, or garbage; either way done with
    Pool& pool_;
    Origin& origin_;
    Channel channel_;
    Clock::time_point idle_since_{};
    unsigned uses_ = 0;
};

/// All that a worker knows about one origin.  Lives as long as the pool.
struct Origin {
    explicit Origin(OriginSpec s, std::size_t p) : spec(std::move(s)), provider(p) {}
    OriginSpec spec;
    std::size_t provider;  ///< for the gauges: index of the provider that named it first
    std::vector<std::unique_ptr<Connection>>
        idle;              ///< the last used is at the back and is used first
    std::size_t open = 0;  ///< lent, idle and being connected
    WaitList waiting;      ///< exchanges that want a connection while open is at its bound
    const TlsClientContext* tls = nullptr;
    TlsSessionSlot sessions;
    TlsSessionSlot proxy_sessions;
    std::string tls_problem;  ///< why there is no TLS context
};

class Pool {
public:
    Pool(Reactor& reactor, PoolObserver& observer);
    ~Pool();

    /// The origin of that key, made on first use.  The reference lives as long as the pool.
    [[nodiscard]] Origin& origin(const std::string& key, const OriginSpec& spec,
                                 std::size_t provider);

    /// The idle connection that was used last, or null.
    [[nodiscard]] std::unique_ptr<Connection> take_idle(Origin& origin);
    enum class Wanted : std::uint8_t { any, fresh };
    /// An idle connection, or a new one; waits while the origin is at its bound.  `fresh` never
    /// takes an idle one: for the retry after an idle connection turned out to be dead.
    [[nodiscard]] Task<Result<std::unique_ptr<Connection>>> acquire(Origin& origin, Wanted wanted,
                                                                    Interrupt& interrupt);
    /// Keeps a connection whose last exchange ended cleanly.
    void give_back(std::unique_ptr<Connection> connection);
    /// Closes it; also what happens to connections in mid-exchange (that is how HTTP/1.1 cancels).
    void discard(std::unique_ptr<Connection> connection);

private:
    friend class Connection;
    class Sweep final : public Deadline {
    public:
        Sweep(Reactor& reactor, Pool& pool) : Deadline(reactor), pool_(pool) {}

    private:
        void expired() override { pool_.close_expired(); }
        Pool& pool_;
    };
    void close_expired();
    void drop_idle(Connection& connection, PoolEvent reason);
    [[nodiscard]] Task<Result<std::unique_ptr<Connection>>> open(Origin& origin,
                                                                 Interrupt& interrupt);
    void prepare_tls(Origin& origin);

    Reactor& reactor_;
    PoolObserver& observer_;
    Resolver resolver_;
    Sweep sweep_;
    std::vector<std::pair<TlsClientOptions, std::unique_ptr<TlsClientContext>>> tls_;
    std::unordered_map<std::string, std::unique_ptr<Origin>> origins_;
};

}  // namespace tollgate::server::upstream
