// The connections to vendors, shared by all exchanges of a worker.
#pragma once

#include "server/io/channel.hpp"
#include "server/io/reactor.hpp"
#include "server/io/tls.hpp"
#include "server/upstream/h2_stream.hpp"
#include "server/upstream/origin.hpp"
#include "server/upstream/resolve.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace tollgate::server::upstream {

class Pool;
class H2Session;
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
    Origin(OriginSpec s, std::size_t p);
    ~Origin();
    OriginSpec spec;
    std::size_t provider;  ///< for the gauges: index of the provider that named it first
    std::vector<std::unique_ptr<Connection>>
        idle;              ///< the last used is at the back and is used first
    std::size_t open = 0;  ///< lent, idle and being connected; HTTP/2 ones are open while they live
    WaitList waiting;      ///< exchanges that want a connection while open is at its bound
    const TlsClientContext* tls = nullptr;
    TlsSessionSlot sessions;
    TlsSessionSlot proxy_sessions;
    std::string tls_problem;  ///< why there is no TLS context

    /// What the origin was last found to speak.
    enum class Speaks : std::uint8_t { unknown, http1, http2 };
    Speaks speaks;
    /// From then on it is asked again: vendors come to speak HTTP/2.
    Clock::time_point ask_again = Clock::time_point::max();
    std::vector<std::unique_ptr<H2Session>> h2;
    std::size_t dialing = 0;             ///< connects whose streams will serve those who wait
    std::size_t expected_streams = 100;  ///< of a connection; RFC 9113 section 6.5.2 recommends it
};

/// What an exchange works on: a connection of its own, or a place on a shared one.
struct Lease {
    std::unique_ptr<Connection> h1;
    H2Place h2;
    explicit operator bool() const noexcept { return h1 != nullptr || h2; }
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

    // ---- for origins that may speak HTTP/2 (pool_h2.cpp) ----
    /// A place on a connection other than `except`, or an idle HTTP/1.1 one; else an empty lease.
    [[nodiscard]] Lease take(Origin& origin, const H2Session* except = nullptr);
    /// Waits for a place or opens a connection.  While it is not known how many streams a new
    /// connection will carry, or whether it is HTTP/2 at all, the others wait for that one.
    [[nodiscard]] Task<Result<Lease>> acquire_either(Origin& origin, const H2Session* except,
                                                     Interrupt& interrupt);

private:
    static constexpr std::chrono::seconds kSweepEvery{5};
    friend class Connection;
    friend class H2Session;
    void h2_settled(Origin& origin, std::size_t streams) noexcept;
    void h2_unwanted(Origin& origin) noexcept;
    void h2_busy(H2Session& session) noexcept;
    void h2_idle(H2Session& session);
    void h2_stale(H2Session& session) noexcept;
    void h2_closed(H2Session& session) noexcept;
    void h2_forget(H2Session& session) noexcept;
    void serve_waiting(Origin& origin);
    static void learn_http1(Origin& origin) noexcept;
    static void doubt_http1(Origin& origin, Clock::time_point now) noexcept;
    [[nodiscard]] Task<Result<Lease>> dial(Origin& origin, Interrupt& interrupt);
    [[nodiscard]] Lease put_to_use(Origin& origin, Channel channel);
    [[nodiscard]] bool close_an_idle(Origin& origin);
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
    [[nodiscard]] Task<Result<Channel>> open_channel(Origin& origin, bool offer_http2,
                                                     Interrupt& interrupt);
    [[nodiscard]] std::unique_ptr<Connection> first_use(Origin& origin, Channel channel);
    void prepare_tls(Origin& origin);

    Reactor& reactor_;
    PoolObserver& observer_;
    Resolver resolver_;
    Sweep sweep_;
    std::vector<char> read_buffer_;  // of HTTP/2 connections; there when the first is opened
    std::vector<std::pair<TlsClientOptions, std::unique_ptr<TlsClientContext>>> tls_;
    std::unordered_map<std::string, std::unique_ptr<Origin>> origins_;
};

}  // namespace tollgate::server::upstream
