#include "server/upstream/pool.hpp"

#include "server/upstream/connect.hpp"
#include "server/upstream/h2_session.hpp"

#include <algorithm>

namespace tollgate::server::upstream {
void Connection::on_readable() {
    char byte =
        0;  // a late session ticket, or readiness that was not used up, is no reason to close
    if (channel_.read(&byte, 1).status == IoStatus::want_read) {
        return;
    }
    pool_.drop_idle(*this, PoolEvent::stale);  // destroys this
}

Pool::Pool(Reactor& reactor, PoolObserver& observer)
    : reactor_(reactor), observer_(observer), resolver_(reactor), sweep_(reactor, *this) {}

Pool::~Pool() = default;

Origin::Origin(OriginSpec s, std::size_t p)
    : spec(std::move(s)),
      provider(p),
      speaks(spec.http2 == Http2Use::never    ? Speaks::http1
             : spec.http2 == Http2Use::always ? Speaks::http2
                                              : Speaks::unknown) {}

Origin::~Origin() = default;

Origin& Pool::origin(const std::string& key, const OriginSpec& spec, std::size_t provider) {
    const auto found = origins_.find(key);
    if (found != origins_.end()) {
        found->second->spec.max_connections =
            spec.max_connections;  // what a reload may change without breaking connections
        found->second->spec.idle = spec.idle;
        found->second->spec.ping = spec.ping;
        return *found->second;
    }
    auto made = std::make_unique<Origin>(spec, provider);
    Origin& origin = *made;
    origins_.emplace(key, std::move(made));
    const bool https_proxy = spec.proxy && spec.proxy->kind == Proxy::Kind::https;
    if (spec.tls || https_proxy) {
        prepare_tls(origin);
    }
    return origin;
}

void Pool::prepare_tls(Origin& origin) {
    for (const auto& [options, context] : tls_) {
        if (options == origin.spec.tls_options) {
            origin.tls = context.get();
            return;
        }
    }
    Result<std::unique_ptr<TlsClientContext>> made =
        TlsClientContext::make(origin.spec.tls_options);
    if (!made) {
        origin.tls_problem = made.error().detail;
        return;
    }
    origin.tls = made->get();
    tls_.emplace_back(origin.spec.tls_options, std::move(*made));
}

std::unique_ptr<Connection> Pool::take_idle(Origin& origin) {
    if (origin.idle.empty()) {
        return nullptr;
    }
    std::unique_ptr<Connection> connection = std::move(origin.idle.back());
    origin.idle.pop_back();
    connection->channel_.socket().watch(nullptr);
    ++connection->uses_;
    observer_.upstream_connections(origin, +1, -1);
    observer_.pool_event(origin, PoolEvent::reused);
    return connection;
}

Task<Result<std::unique_ptr<Connection>>> Pool::acquire(Origin& origin, Wanted wanted,
                                                        Interrupt& interrupt) {
    for (;;) {
        if (wanted == Wanted::any) {
            if (std::unique_ptr<Connection> connection = take_idle(origin)) {
                co_return connection;
            }
        }
        if (origin.open < origin.spec.max_connections || close_an_idle(origin)) {
            break;
        }
        observer_.pool_event(origin, PoolEvent::waited);
        const Wake wake = co_await origin.waiting.wait(interrupt);
        if (wake == Wake::interrupted) {
            co_return fail(
                FailureKind::connect_failed,
                "all " + std::to_string(origin.spec.max_connections) +
                    " connections were in use (pool.max_connections) and none became free in time");
        }
    }
    co_return co_await open(origin, interrupt);
}

Task<Result<std::unique_ptr<Connection>>> Pool::open(Origin& origin, Interrupt& interrupt) {
    doubt_http1(origin, Reactor::now());  // for the exchanges after this one
    Result<Channel> channel = co_await open_channel(origin, false, interrupt);
    if (!channel) {
        origin.waiting.wake_one();
        co_return std::unexpected(std::move(channel.error()));
    }
    co_return first_use(origin, std::move(*channel));
}

Task<Result<Channel>> Pool::open_channel(Origin& origin, bool offer_http2, Interrupt& interrupt) {
    if (!origin.tls_problem.empty()) {
        co_return fail(FailureKind::connect_failed, origin.tls_problem);
    }
    ++origin.open;
    ConnectWiring wiring{.reactor = reactor_,
                         .resolver = resolver_,
                         .origin = origin.spec,
                         .tls = origin.tls,
                         .sessions = &origin.sessions,
                         .proxy_sessions = &origin.proxy_sessions,
                         .offer_http2 = offer_http2};
    Result<Channel> channel = co_await connect(wiring, interrupt);
    if (!channel) {
        --origin.open;
        co_return channel;
    }
    observer_.upstream_connections(origin, +1, 0);
    observer_.pool_event(origin, PoolEvent::opened);
    co_return channel;
}

std::unique_ptr<Connection> Pool::first_use(Origin& origin, Channel channel) {
    auto connection = std::make_unique<Connection>(*this, origin, std::move(channel));
    connection->uses_ = 1;
    return connection;
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
    Origin& origin = connection->origin_;
    Connection& kept = *connection;
    kept.idle_since_ = Reactor::now();
    doubt_http1(origin, kept.idle_since_);
    observer_.upstream_connections(origin, -1, +1);
    origin.idle.push_back(std::move(connection));
    if (!sweep_.is_set()) {
        sweep_.set(kept.idle_since_ + kSweepEvery);
    }
    kept.channel_.socket().watch(&kept);  // may drop it at once, when the peer has closed already
    if (!origin.idle.empty()) {
        origin.waiting.wake_one();
    }
}

void Pool::discard(std::unique_ptr<Connection> connection) {
    Origin& origin = connection->origin_;
    connection.reset();
    --origin.open;
    observer_.upstream_connections(origin, -1, 0);
    origin.waiting.wake_one();
}

void Pool::drop_idle(Connection& connection, PoolEvent reason) {
    Origin& origin = connection.origin_;
    const auto found = std::find_if(origin.idle.begin(), origin.idle.end(),
                                    [&](const auto& kept) { return kept.get() == &connection; });
    std::unique_ptr<Connection> doomed = std::move(*found);
    origin.idle.erase(found);
    observer_.upstream_connections(origin, +1, -1);
    observer_.pool_event(origin, reason);
    discard(std::move(doomed));
}

void Pool::close_expired() {
    const Clock::time_point now = Reactor::now();
    bool any = false;
    for (auto& [key, origin] : origins_) {
        // The front of the list has been idle for longest.
        while (!origin->idle.empty() &&
               origin->idle.front()->idle_since_ + origin->spec.idle <= now) {
            drop_idle(*origin->idle.front(), PoolEvent::expired);
        }
        any = any || !origin->idle.empty();
        for (const std::unique_ptr<H2Session>& session : origin->h2) {
            if (!session->is_busy() && !session->is_dead()) {
                if (session->idle_since() + origin->spec.idle <= now) {
                    observer_.pool_event(*origin, PoolEvent::expired);
                    session->close_idle();
                } else {
                    any = true;
                }
            }
        }
    }
    if (any) {
        sweep_.set(now + kSweepEvery);
    }
}

}  // namespace tollgate::server::upstream
