#include "server/client_connection.hpp"

#include "server/h1/session.hpp"
#include "server/h2/connection.hpp"
#include "server/worker.hpp"

#include <memory>
#include <utility>

namespace tollgate::server {
namespace {

h1::SessionLimits session_limits(const config::ServerSettings& settings) {
    h1::SessionLimits limits;
    limits.guard.head_bytes = static_cast<std::size_t>(settings.limits.header);
    limits.pipeline_bytes = static_cast<std::size_t>(settings.limits.pipeline);
    limits.header_timeout = settings.timeouts.header;
    limits.body_timeout = settings.timeouts.body;
    limits.idle_timeout = settings.timeouts.idle;
    limits.write_timeout = settings.timeouts.write;
    return limits;
}

h2::ConnectionLimits connection_limits(const config::ServerSettings& settings) {
    h2::ConnectionLimits limits;
    limits.session.head.list_bytes = static_cast<std::size_t>(settings.limits.header);
    limits.session.max_streams = settings.http2.max_streams;
    limits.session.header_table = static_cast<std::uint32_t>(settings.http2.header_table);
    limits.header_timeout = settings.timeouts.header;
    limits.body_timeout = settings.timeouts.body;
    limits.idle_timeout = settings.timeouts.idle;
    limits.write_timeout = settings.timeouts.write;
    limits.ping_interval = settings.http2.ping_interval;
    limits.ping_timeout = settings.http2.ping_timeout;
    limits.max_age = settings.http2.max_age;
    return limits;
}

}  // namespace

Task<void> refuse_client(Worker& worker, Channel channel, ClientPeer peer, Failure failure) {
    const router::SnapshotPtr snapshot = worker.snapshot();
    const h1::SessionLimits limits = session_limits(snapshot->settings().server);
    auto session =
        std::make_unique<h1::Session>(worker, std::move(channel), std::move(peer), limits);
    session->refuse_at_once(std::move(failure));
    co_await session->run();
}

Task<void> serve_client(Worker& worker, Channel channel, ClientPeer peer, ClientProtocol protocol) {
    // The settings of now; a reload is for connections accepted later.
    const router::SnapshotPtr snapshot = worker.snapshot();
    const config::ServerSettings& settings = snapshot->settings().server;
    const h2::ConnectionLimits for_http2 = connection_limits(settings);
    h2::Opening opening;
    if (protocol != ClientProtocol::http2) {
        h1::SessionLimits limits = session_limits(settings);
        limits.http2 = protocol == ClientProtocol::by_first_bytes && settings.http2.enabled;
        auto session = std::make_unique<h1::Session>(worker, std::move(channel), peer, limits);
        co_await session->run();
        std::unique_ptr<h1::Handover> handover = session->handover();
        if (!handover) {
            co_return;
        }
        channel = std::move(handover->channel);
        opening.received = std::move(handover->received);
        if (!handover->upgrade_head.empty()) {
            opening.upgrade = std::make_unique<h2::Opening::Upgrade>();
            opening.upgrade->head = std::move(handover->upgrade_head);
            opening.upgrade->settings = std::move(handover->upgrade_settings);
        }
    }
    auto connection =
        std::make_unique<h2::Connection>(worker, std::move(channel), std::move(peer), for_http2);
    co_await connection->run(std::move(opening));
}

}  // namespace tollgate::server
