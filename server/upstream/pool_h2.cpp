// The pool's part about origins that may speak HTTP/2: which connection carries the next stream,
// and who opens a further one.
#include "server/upstream/h2_session.hpp"
#include "server/upstream/pool.hpp"

#include <algorithm>

namespace tollgate::server::upstream {
namespace {

constexpr std::size_t kReadBuffer = 64 * 1024;
// An origin that chose HTTP/1.1 is offered HTTP/2 again after this.
constexpr std::chrono::minutes kRemembered{10};

// One more connect is of use.  Those who wait for the connects that are on the way have to be more
// than these will carry; what is not known to speak HTTP/2 is asked by one connection alone.
bool may_dial(const Origin& origin) noexcept {
    if (origin.open >= origin.spec.max_connections) {
        return false;
    }
    switch (origin.speaks) {
        case Origin::Speaks::http1:
            return true;
        case Origin::Speaks::unknown:
            return origin.dialing == 0;
        case Origin::Speaks::http2:
            break;
    }
    return origin.waiting.size() >= origin.dialing * origin.expected_streams;
}

}  // namespace

Lease Pool::take(Origin& origin, const H2Session* except) {
    Lease lease;
    for (const std::unique_ptr<H2Session>& session : origin.h2) {
        if (session.get() != except && session->has_place()) {
            lease.h2 = H2Place(*session);
            observer_.pool_event(origin, PoolEvent::reused);
            return lease;
        }
    }
    lease.h1 = take_idle(origin);
    return lease;
}

Task<Result<Lease>> Pool::acquire_either(Origin& origin, const H2Session* except,
                                         Interrupt& interrupt) {
    for (;;) {
        const bool full = origin.open >= origin.spec.max_connections;
        Lease lease = take(origin, full ? nullptr : except);
        if (lease) {
            co_return lease;
        }
        if (may_dial(origin)) {
            break;
        }
        if (full) {
            observer_.pool_event(origin, PoolEvent::waited);
        }
        const Wake wake = co_await origin.waiting.wait(interrupt);
        if (wake == Wake::interrupted) {
            co_return fail(FailureKind::connect_failed,
                           full ? "all " + std::to_string(origin.spec.max_connections) +
                                      " connections were in use (pool.max_connections) and none "
                                      "became free in time"
                                : "interrupted while another request was opening a connection");
        }
    }
    co_return co_await dial(origin, interrupt);
}

Task<Result<Lease>> Pool::dial(Origin& origin, Interrupt& interrupt) {
    ++origin.dialing;
    const bool offer = origin.spec.tls && origin.speaks != Origin::Speaks::http1;
    Result<Channel> channel = co_await open_channel(origin, offer, interrupt);
    if (!channel) {
        --origin.dialing;
        origin.waiting.wake_one();  // the next one tries
        co_return std::unexpected(std::move(channel.error()));
    }
    co_return put_to_use(origin, std::move(*channel));
}

// The first place or use of a new connection is its opener's.
Lease Pool::put_to_use(Origin& origin, Channel channel) {
    Lease lease;
    if (origin.spec.http2 == Http2Use::always || channel.alpn() == "h2") {
        origin.speaks = Origin::Speaks::http2;
        origin.ask_again = Clock::time_point::max();
        read_buffer_.resize(kReadBuffer);
        const H2Wiring wiring{
            .reactor = reactor_, .pool = *this, .origin = origin, .scratch = read_buffer_};
        origin.h2.push_back(std::make_unique<H2Session>(wiring, std::move(channel)));
        lease.h2 = H2Place(*origin.h2.back());
        return lease;  // counts as dialing until its SETTINGS say how many it will carry
    }
    --origin.dialing;
    learn_http1(origin);
    lease.h1 = first_use(origin, std::move(channel));
    origin.waiting.wake_all();
    return lease;
}

void Pool::learn_http1(Origin& origin) noexcept {
    if (origin.speaks != Origin::Speaks::http1) {
        origin.speaks = Origin::Speaks::http1;
        origin.ask_again = Reactor::now() + kRemembered;
    }
}

void Pool::doubt_http1(Origin& origin, Clock::time_point now) noexcept {
    if (now >= origin.ask_again) {
        origin.ask_again = Clock::time_point::max();
        origin.speaks = Origin::Speaks::unknown;
    }
}

// What the limits have room for again, and nobody else will say so.
void Pool::serve_waiting(Origin& origin) {
    std::size_t count = may_dial(origin) ? 1 : 0;
    for (const std::unique_ptr<H2Session>& session : origin.h2) {
        count += session->free_places();
    }
    for (; count > 0 && origin.waiting.wake_one(); --count) {}
}

bool Pool::close_an_idle(Origin& origin) {
    if (!origin.idle.empty()) {
        // Off the list first, since discard() wakes others.
        std::unique_ptr<Connection> oldest = std::move(origin.idle.front());
        origin.idle.erase(origin.idle.begin());
        observer_.upstream_connections(origin, +1, -1);
        discard(std::move(oldest));
    } else {
        for (const std::unique_ptr<H2Session>& session : origin.h2) {
            if (!session->is_busy() && !session->is_dead()) {
                session->close_idle();
                break;
            }
        }
    }
    return origin.open < origin.spec.max_connections;
}

// ---- what a session tells ----

void Pool::h2_settled(Origin& origin, std::size_t streams) noexcept {
    --origin.dialing;
    origin.expected_streams = std::max<std::size_t>(streams, 1);
}

// A vendor may want HTTP/1.1 after all (RFC 9113 section 7, HTTP_1_1_REQUIRED).
void Pool::h2_unwanted(Origin& origin) noexcept {
    if (origin.spec.http2 == Http2Use::negotiated) {
        learn_http1(origin);
    }
}

void Pool::h2_busy(H2Session& session) noexcept {
    session.counted_active_ = true;
    observer_.upstream_connections(session.origin_, +1, -1);
}

void Pool::h2_idle(H2Session& session) {
    session.counted_active_ = false;
    observer_.upstream_connections(session.origin_, -1, +1);
    if (!sweep_.is_set()) {
        sweep_.set(session.idle_since_ +
                   std::min<Clock::duration>(kSweepEvery, session.origin_.spec.idle));
    }
}

void Pool::h2_stale(H2Session& session) noexcept {
    observer_.pool_event(session.origin_, PoolEvent::stale);
}

void Pool::h2_closed(H2Session& session) noexcept {
    Origin& origin = session.origin_;
    --origin.open;
    origin.dialing -= session.settled_ ? 0 : 1;
    observer_.upstream_connections(origin, session.counted_active_ ? -1 : 0,
                                   session.counted_active_ ? 0 : -1);
}

void Pool::h2_forget(H2Session& session) noexcept {
    Origin& origin = session.origin_;
    std::erase_if(origin.h2, [&](const auto& kept) { return kept.get() == &session; });
}

}  // namespace tollgate::server::upstream
