#include "server/upstream/token_cache.hpp"

#include "adapters/auth/gcp_jwt.hpp"
#include "server/upstream/h1_call.hpp"
#include "server/upstream/pool.hpp"
#include "server/upstream/read_all.hpp"

#include <algorithm>
#include <chrono>

namespace tollgate::server::upstream {
namespace {

constexpr std::size_t kMostTokenBody = 64 * 1024;

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

struct TokenCache::Entry {
    Result<auth::GoogleCredentials> credentials = auth::GoogleCredentials{};
    std::string token;
    Clock::time_point refresh_at{};
    Failure last_failure;
    unsigned status = 0;
    bool fetching = false;
    WaitList waiting;
};

TokenCache::TokenCache(Reactor& reactor, Pool& pool, std::span<char> scratch)
    : reactor_(reactor), pool_(pool), scratch_(scratch) {}

TokenCache::~TokenCache() = default;

void TokenCache::forget(const router::Provider& provider) noexcept {
    const auto found = entries_.find(provider.google_credentials);
    if (found != entries_.end()) {
        found->second->refresh_at = {};
    }
}

Task<Result<std::string>> TokenCache::google(const router::Provider& provider,
                                             Interrupt& interrupt) {
    std::unique_ptr<Entry>& slot = entries_[provider.google_credentials];
    if (!slot) {
        slot = std::make_unique<Entry>();
        slot->credentials = provider.google_metadata
                                ? Result<auth::GoogleCredentials>(
                                      auth::metadata_credentials(provider.google_metadata_host))
                                : auth::parse_google_credentials(provider.google_credentials);
    }
    Entry& entry = *slot;
    if (!entry.credentials) {
        co_return std::unexpected(entry.credentials.error());
    }
    while (entry.refresh_at <= Reactor::now()) {
        if (!entry.fetching) {
            co_await fetch(provider, entry, interrupt);
            if (entry.refresh_at <= Reactor::now()) {
                co_return std::unexpected(entry.last_failure);
            }
            break;
        }
        const Wake wake = co_await entry.waiting.wait(interrupt);  // somebody else is fetching it
        if (wake == Wake::interrupted) {
            co_return fail(FailureKind::connect_failed,
                           "interrupted while waiting for an access token");
        }
        if (!entry.fetching && entry.refresh_at <= Reactor::now() && !interrupt.fired()) {
            co_return std::unexpected(entry.last_failure);
        }
    }
    co_return entry.token;
}

Task<void> TokenCache::fetch(const router::Provider& provider, Entry& entry, Interrupt& interrupt) {
    entry.fetching = true;
    Result<std::string> body = co_await request_token(provider, entry, interrupt);
    entry.fetching = false;
    if (!body) {
        entry.last_failure = std::move(body.error());
        entry.last_failure.detail = "no Google access token: " + entry.last_failure.detail;
    } else if (Result<auth::AccessToken> token = auth::parse_token(entry.status, *body); !token) {
        entry.last_failure = std::move(token.error());
    } else {
        entry.token = std::move(token->token);
        const auto life = token->expires_in > 2 * auth::kTokenRefreshMargin
                              ? token->expires_in - auth::kTokenRefreshMargin
                              : token->expires_in / 2;
        entry.refresh_at =
            Reactor::now() + std::max<std::chrono::seconds>(life, std::chrono::seconds(1));
    }
    entry.waiting.wake_all();
}

// The whole body of the token endpoint's answer; its status goes into the entry.
Task<Result<std::string>> TokenCache::request_token(const router::Provider& provider, Entry& entry,
                                                    Interrupt& interrupt) {
    Result<auth::TokenRequest> wanted = auth::token_request(*entry.credentials, unix_now());
    if (!wanted) {
        co_return std::unexpected(std::move(wanted.error()));
    }
    Result<Url> url = parse_url(wanted->url);
    if (!url) {
        co_return fail(FailureKind::upstream_auth,
                       "the token address '" + wanted->url + "': " + url.error().detail);
    }
    OriginSpec spec;
    spec.tls = url->tls;
    spec.host = url->host;
    spec.port = url->port;
    spec.server_name = url->host;
    spec.tls_options.ca_file = provider.settings.tls.ca_file;
    spec.tls_options.verify = provider.settings.tls.verify;
    Origin& origin = pool_.origin(spec.key(), spec, provider.label);
    adapters::UpstreamRequest request;
    request.method = wanted->method == "GET" ? std::string_view("GET") : std::string_view("POST");
    request.target = url->path.empty() ? std::string("/") : url->path;
    request.headers = std::move(wanted->headers);
    request.body.own(std::move(wanted->body));
    H1Call call(pool_, origin, scratch_);
    CallHead head;
    Result<void> step = co_await reach_head(call, request, head, interrupt);
    if (!step) {
        co_return std::unexpected(std::move(step.error()));
    }
    entry.status = head.status;
    co_return co_await read_all(call, head, kMostTokenBody, interrupt);
}

}  // namespace tollgate::server::upstream
