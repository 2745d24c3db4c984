#include "server/worker.hpp"

#include "server/active_checks.hpp"
#include "server/dispatch.hpp"
#include "server/tls_entry.hpp"
#include "server/upstream/origin_spec.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <linux/filter.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tollgate::server {
namespace {

constexpr std::size_t kScratchBytes = 64 * 1024;
constexpr std::chrono::milliseconds kFlushEvery{200};
constexpr std::size_t kTrimFrom = 256;
constexpr std::chrono::seconds kTrimAfter{2};
constexpr std::uint64_t kLargeBody = 64 * 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};
// After SIGTERM a kept-alive connection may still have a request on its way; it gets this long to
// arrive.
constexpr std::chrono::milliseconds kIdleGrace{500};

std::string peer_text(const sockaddr_storage& peer) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (peer.ss_family == AF_INET) {
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text.data(),
                  text.size());
    } else if (peer.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, text.data(),
                  text.size());
    } else {
        return "unix";
    }
    return text.data();
}

// Lets no further connection reach the queue of a listening socket, so that none is reset in it
// when the socket closes: the kernel drops the packets of new handshakes, whose clients try again
// elsewhere.
void refuse_handshakes(int fd) noexcept {
    sock_filter drop_all{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    const sock_fprog program{.len = 1, .filter = &drop_all};
    ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

}  // namespace

// Hands access lines to the log's thread some time after the first of a batch; no timer while
// nothing is logged.
class Worker::AccessFlush final : public Deadline {
public:
    AccessFlush(Reactor& reactor, metrics::AccessLog& log) : Deadline(reactor), log_(log) {}

private:
    void expired() override { log_.flush(); }
    metrics::AccessLog& log_;
};

// Gives memory back to the system some time after many connections have gone, or large bodies came.
class Worker::Trim final : public Deadline {
public:
    using Deadline::Deadline;

private:
    void expired() override { ::malloc_trim(0); }
};

Worker::Worker(Shared& shared, metrics::Shard& shard, router::SnapshotPtr snapshot,
               ledger::Lane* lane)
    : shared_(shared),
      shard_(shard),
      lane_(lane),
      scratch_(kScratchBytes),
      snapshot_(std::move(snapshot)),
      callers_(std::make_shared<router::CallerTable>(
          std::vector<router::KeyPtr>(), std::make_shared<const router::RuleSet>(), false)),
      limit_queue_(reactor_),
      access_log_(shared.logger),
      access_flush_(std::make_unique<AccessFlush>(reactor_, access_log_)),
      trim_(std::make_unique<Trim>(reactor_)),
      pool_(reactor_, *this),
      tokens_(reactor_, pool_, scratch_),
      retry_budget_({.share = snapshot_->settings().failover.retry_budget}),
      random_(std::random_device{}()),
      cut_(reactor_),
      tickets_(shared.ticket_seed, shared.ticket_start),
      tasks_(reactor_, [this](std::string_view what) { report_bug(what); }),
      background_(reactor_, [this](std::string_view what) { report_bug(what); }),
      shutdown_task_(reactor_, [this](std::string_view what) { report_bug(what); }) {}

void Worker::report_bug(std::string_view what) {
    shared_.logger.log(metrics::Level::error, "an exception reached the root of a task",
                       {{"what", what}});
}

Worker::~Worker() = default;

void Worker::listen(int fd, ListenerKind kind, bool may_secure) {
    listeners_.push_back(
        std::make_unique<Listener>(Socket(reactor_, fd), kind, may_secure, reactor_));
}

void Worker::use_tls(std::shared_ptr<TlsServerContext> context) {
    tls_ = std::move(context);
    if (tls_) {
        tls_->use_tickets(tickets_);
    }
}

void Worker::run() {
    for (const std::unique_ptr<Listener>& listener : listeners_) {
        tasks_.spawn(accept_loop(*listener));
    }
    if (!shared_.has_checker.exchange(true)) {
        checks_ = std::make_unique<ActiveChecks>(*this);
        checks_->start();
    }
    reactor_.run();
}

Task<void> Worker::accept_loop(Listener& listener) {
    const int fd = listener.socket.fd();
    // After the stop one more round: what the kernel has accepted already is served, not reset.
    for (bool last_round = false;;) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const int client =
            ::accept4(fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            ClientPeer who{.address = peer_text(peer), .listener = listener.kind};
            serve(client, std::move(who), listener.may_secure);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }
        if (last_round) {
            break;
        }
        Wake wake = Wake::ready;
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            // Out of descriptors or memory: let some connections end first.
            shared_.logger.log(metrics::Level::error, "cannot accept connections",
                               {{"errno", errno}});
            wake = co_await reactor_.sleep_until(Reactor::now() + kAcceptPause, listener.stop);
        } else {
            listener.socket.note_read({.status = IoStatus::want_read}, 1);
            wake = co_await listener.socket.readable(listener.stop);
        }
        if (wake == Wake::interrupted) {
            last_round = true;
            refuse_handshakes(fd);
        }
    }
    listener.socket.close();
}

void Worker::serve(int fd, ClientPeer peer, bool may_secure) {
    const config::ServerSettings& settings = snapshot_->settings().server;
    const bool secure = may_secure && tls_;
    if (shared_.client_connections.load(std::memory_order_relaxed) >= settings.limits.connections) {
        constexpr std::string_view kFull =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: "
            "close\r\nretry-after: 1\r\n"
            "content-length: 137\r\n\r\n"
            R"({"error":{"message":"Too many open connections (server.limits.connections).","type":"server_error","param":null,"code":"overloaded"}}   )";
        if (!secure) {  // else the answer would cost a handshake: the end alone must do
            static_cast<void>(::send(fd, kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
        }
        ::close(fd);
        return;
    }
    if (settings.limits.connections_per_peer > 0 && peer.address != "unix") {
        peer.slot = shared_.peers.enter(peer.address, settings.limits.connections_per_peer);
        if (!peer.slot) {
            shard_.add_attack(metrics::Attack::peer_connections);
            ::close(fd);
            return;
        }
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Channel channel(Socket(reactor_, fd));
    if (secure) {
        tasks_.spawn_object(std::make_unique<TlsEntry>(*this, std::move(channel), std::move(peer),
                                                       tls_, settings.timeouts.header));
    } else {
        serve(std::move(channel), std::move(peer), ClientProtocol::by_first_bytes);
    }
}

void Worker::serve(Channel channel, ClientPeer peer, ClientProtocol protocol) {
    tasks_.spawn(serve_client(*this, std::move(channel), std::move(peer), protocol));
}

void Worker::refuse_plain_http(Channel channel, ClientPeer peer) {
    Failure failure{.kind = FailureKind::bad_request,
                    .detail =
                        "This port speaks HTTPS, and plain HTTP was sent to it. "
                        "Write https:// instead of http://."};
    tasks_.spawn(refuse_client(*this, std::move(channel), std::move(peer), std::move(failure)));
}

void Worker::note_handshake(const ssl_st& ssl) {
    const TlsSummary summary = tls_summary(ssl);
    shard_.add_handshake(summary.is_tls13 ? metrics::TlsVersion::tls13 : metrics::TlsVersion::tls12,
                         summary.resumed);
}

void Worker::enter(ClientConnection& connection) {
    clients_.insert(&connection);
    note_load(+1);
    shared_.client_connections.fetch_add(1, std::memory_order_relaxed);
}

void Worker::leave(ClientConnection& connection) noexcept {
    clients_.erase(&connection);
    note_load(-1);
    shared_.client_connections.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::note_load(int change) noexcept {
    load_ = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(load_) + change);
    if (change > 0) {
        peak_load_ = std::max(peak_load_, load_);
    } else if (peak_load_ >= kTrimFrom && load_ <= peak_load_ / 2) {
        peak_load_ = load_;
        trim_->set(Reactor::now() + kTrimAfter);
    }
}

void Worker::adopt(router::SnapshotPtr snapshot, std::shared_ptr<TlsServerContext> tls) {
    reactor_.post_external([this, next = std::move(snapshot), secure = std::move(tls)]() mutable {
        snapshot_ = std::move(next);
        use_tls(std::move(secure));
        std::erase_if(origins_, [](const auto& item) { return item.second.snapshot.expired(); });
        if (checks_) {
            checks_->start();
        }
    });
}

void Worker::use_callers(const router::CallerTablePtr& callers) {
    // A control block of its own for each worker: they count references without meeting.
    callers_ =
        router::CallerTablePtr(callers.get(), [kept = callers](const router::CallerTable*) {});
}

void Worker::adopt(const router::CallerTablePtr& callers, std::function<void()> then) {
    reactor_.post_external([this, callers, done = std::move(then)] {
        use_callers(callers);
        if (done) {
            done();
        }
    });
}

void Worker::drain(Clock::duration grace) {
    reactor_.post_external([this, grace] {
        if (!draining_) {
            draining_ = true;
            for (const std::unique_ptr<Listener>& listener : listeners_) {
                listener->stop.fire(Cause::shutdown);
            }
            shutdown_task_.spawn(shut_down(grace));
        }
    });
}

void Worker::cut() {
    reactor_.post_external([this] { cut_.fire(Cause::shutdown); });
}

Task<void> Worker::shut_down(Clock::duration grace) {
    const Clock::time_point end = Reactor::now() + grace;
    const auto each = [this](void (ClientConnection::*act)() noexcept) {
        const std::vector<ClientConnection*> all(clients_.begin(), clients_.end());
        for (ClientConnection* const client : all) {
            (client->*act)();
        }
    };
    InterruptDeadline patience(reactor_, cut_);
    patience.arm(Cause::elapsed, std::min(end, Reactor::now() + kIdleGrace));
    Wake wake = co_await tasks_.wait_empty(cut_);
    if (wake == Wake::interrupted && cut_.cause() == Cause::elapsed) {
        cut_.reset();
        closes_idle_ = true;
        each(&ClientConnection::drain);
        patience.arm(Cause::elapsed, end);
        wake = co_await tasks_.wait_empty(cut_);
    }
    if (wake == Wake::interrupted) {
        each(&ClientConnection::cut);
        Interrupt never(reactor_);
        co_await tasks_.wait_empty(never);
    }
    if (checks_) {
        co_await checks_->stop();
    }
    co_await background_.stop();
    access_log_.flush();
    reactor_.stop();
}

Task<void> Worker::dispatch(Exchange& exchange) {
    Dispatch dispatch(exchange, *this);
    std::string bug;
    try {
        co_await dispatch.run();
    } catch (const std::exception&
                 error) {  // out of memory, or a bug; the connection and the others live on
        bug = error.what();
    }
    if (!bug.empty()) {
        refuse_by_bug(dispatch, bug);
    }
}

void Worker::refuse_by_bug(Dispatch& dispatch, std::string_view what) {
    shared_.logger.log(metrics::Level::error, "an exchange ended in an exception",
                       {{"what", what}});
    const Failure failure{.kind = FailureKind::internal,
                          .detail = "The gateway failed on this request."};
    dispatch.refuse(failure);
}

Task<void> Worker::refuse_unparsed(Exchange& exchange, const Failure& failure) {
    Dispatch dispatch(exchange, *this);
    dispatch.identify();
    dispatch.refuse(failure);
    if (exchange.responder.congested()) {
        co_await exchange.responder.drain();
    }
}

void Worker::publish(const metrics::RequestRecord& record, const router::Snapshot& snapshot) {
    shard_.publish(record, snapshot.vocabulary().labels(record));
    for (const metrics::SpentAttempt& spent : record.spent) {
        shard_.publish_spent(spent, snapshot.vocabulary().labels(record, spent));
    }
    if (record.bytes_in >= kLargeBody && !trim_->is_set()) {
        trim_->set(Reactor::now() + kTrimAfter);
    }
    access_log_.write(record);
    if (access_log_.wants_flush()) {
        access_log_.flush();
    } else if (!access_flush_->is_set() && !access_log_.empty()) {
        access_flush_->set(Reactor::now() + kFlushEvery);
    }
}

std::string_view Worker::http_date() {
    const std::time_t now = std::time(nullptr);
    if (now != date_second_) {
        date_second_ = now;
        std::tm parts{};
        gmtime_r(&now, &parts);
        date_.resize(40);
        date_.resize(std::strftime(date_.data(), date_.size(), "%a, %d %b %Y %H:%M:%S GMT",
                                   &parts));  // RFC 9110 section 5.6.7
    }
    return date_;
}

Result<upstream::Origin*> Worker::origin(const router::SnapshotPtr& snapshot,
                                         const router::Provider& provider) {
    OriginPlan& plan = origins_[&provider];
    const bool same =
        !plan.snapshot.owner_before(snapshot) && !snapshot.owner_before(plan.snapshot);
    if (!same) {
        Result<upstream::OriginSpec> spec = upstream::origin_spec(provider);
        if (!spec) {
            return std::unexpected(std::move(spec.error()));
        }
        plan.origin = &pool_.origin(spec->key(), *spec, provider.label);
        plan.snapshot = snapshot;
    }
    return plan.origin;
}

void Worker::upstream_connections(const upstream::Origin& origin, int active_change,
                                  int idle_change) {
    const auto provider = static_cast<std::uint16_t>(origin.provider);
    if (active_change != 0) {
        shard_.add_upstream_connections(provider, metrics::UpstreamState::active, active_change);
    }
    if (idle_change != 0) {
        shard_.add_upstream_connections(provider, metrics::UpstreamState::idle, idle_change);
    }
}

void Worker::pool_event(const upstream::Origin& origin, upstream::PoolEvent event) {
    constexpr std::array kEvents{metrics::PoolEvent::opened, metrics::PoolEvent::reused,
                                 metrics::PoolEvent::expired, metrics::PoolEvent::stale,
                                 metrics::PoolEvent::waited};
    shard_.add_pool_event(static_cast<std::uint16_t>(origin.provider),
                          kEvents[static_cast<std::size_t>(event)]);
}

}  // namespace tollgate::server
