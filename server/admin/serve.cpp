// The admin API's side of Dispatch: who may call it, and the way to its handlers and back.
#include "config/secret.hpp"
#include "server/admin/admin.hpp"
#include "server/caller_key.hpp"
#include "server/dispatch.hpp"
#include "server/worker.hpp"

#include <algorithm>

namespace tollgate::server {
namespace {

constexpr std::uint64_t kMostBody = 1024 * 1024;
// Fewer than callers get: nobody types this key by hand every minute.
constexpr unsigned kMostFailures = 10;

// Without a key the address is the only guard, and a browser on this machine can reach it.  A page
// sends its origin, and a name that was made to point here comes in Host.
bool may_be_a_browser(const RequestHead& head) noexcept {
    if (!head.find("origin").empty() || !head.find("sec-fetch-site").empty()) {
        return true;
    }
    const std::string_view host = head.host.substr(0, head.host.rfind(':'));
    constexpr std::array<std::string_view, 4> kLocal{"localhost", "127.0.0.1", "[::1]", ""};
    return std::none_of(kLocal.begin(), kLocal.end(),
                        [&](std::string_view name) { return host == name || head.host == name; });
}

}  // namespace

Result<void> Dispatch::authenticate_admin() {
    const std::string& known = snapshot_->settings().admin.key_hash;
    if (known.empty()) {
        if (may_be_a_browser(x_.head)) {
            return fail(FailureKind::forbidden,
                        "Without admin.key_hash only programs of this machine may call the admin "
                        "API, by its address.");
        }
        return {};
    }
    router::AuthThrottle& throttle = worker_.shared().throttle;
    // Not with callers' failures: those who share an address must not lock the operator out.
    const std::string who = "admin " + std::string(x_.client);
    if (throttle.failures(who, record_.started) >= kMostFailures) {
        return std::unexpected(
            Failure{.kind = FailureKind::limited,
                    .detail = "Too many wrong admin keys came from this address.",
                    .retry_after = router::AuthThrottle::until_next(record_.started)});
    }
    const std::string_view key = caller_key(x_.head);
    if (key.empty()) {
        return fail(FailureKind::unauthenticated,
                    "The admin API needs its key, in 'Authorization: Bearer <key>'.");
    }
    if (!config::Secret::same_bytes(known, sha256_text(key))) {
        throttle.count(who, record_.started);
        return fail(FailureKind::unauthenticated, "This is not the key of the admin API.");
    }
    return {};
}

Task<void> Dispatch::serve_admin() {
    SideThread* const side = worker_.shared().side_thread;
    if (const Result<void> known = authenticate_admin(); !known) {
        refuse(known.error());
        co_return;
    }
    admin::Request request;
    request.path = std::string(x_.head.path);
    request.query = std::string(x_.head.query);
    const Result<const admin::Route*> route = admin::find_route(x_.head.method, request);
    if (!route || side == nullptr) {
        refuse(route ? Failure{.kind = FailureKind::not_found, .detail = "Not served here."}
                     : route.error());
        co_return;
    }
    if (!x_.body.take_at_once(body_)) {
        const Result<void> received = co_await x_.body.read_all(body_, kMostBody);
        if (!received) {
            refuse(received.error());
            co_return;
        }
    }
    if (body_.size() > kMostBody) {
        refuse({.kind = FailureKind::too_large, .detail = "The body is larger than 1 MiB."});
        co_return;
    }
    record_.bytes_in = body_.size();
    request.body = std::string(body_.view());
    std::function<Result<admin::Answer>()> job =
        [handler = (*route)->handler, request = std::move(request),
         &services = worker_.shared().admin] { return handler(request, services); };
    Result<Result<admin::Answer>> done = co_await run_aside(*side, x_.interrupt, std::move(job));
    if (!done) {
        refuse(explain_interrupt(x_.interrupt, std::move(done.error())));
    } else if (!*done) {
        refuse(done->error());
    } else {
        answer((*done)->status, (*done)->content_type, (*done)->body);
    }
}

}  // namespace tollgate::server
