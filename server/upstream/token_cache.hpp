// OAuth access tokens for vendors that take no plain key (Vertex AI): fetched when needed, kept
// while they last, one fetch at a time.  One per worker.
#pragma once

#include "failover/failure.hpp"
#include "router/snapshot.hpp"
#include "server/io/reactor.hpp"
#include "server/io/task.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>

namespace tollgate::server::upstream {

class Pool;

class TokenCache {
public:
    TokenCache(Reactor& reactor, Pool& pool, std::span<char> scratch);
    ~TokenCache();
    TokenCache(const TokenCache&) = delete;
    TokenCache& operator=(const TokenCache&) = delete;

    /// A token for the provider's Google credentials.  Fails with upstream_auth, or as the fetch
    /// failed.
    [[nodiscard]] Task<Result<std::string>> google(const router::Provider& provider,
                                                   Interrupt& interrupt);
    /// The vendor refused the token: fetch a new one next time.
    void forget(const router::Provider& provider) noexcept;

private:
    struct Entry;
    [[nodiscard]] Task<Result<std::string>> request_token(const router::Provider& provider,
                                                          Entry& entry, Interrupt& interrupt);
    [[nodiscard]] Task<void> fetch(const router::Provider& provider, Entry& entry,
                                   Interrupt& interrupt);
    Reactor& reactor_;
    Pool& pool_;
    std::span<char> scratch_;
    std::map<std::string, std::unique_ptr<Entry>> entries_;  // by credentials
};

}  // namespace tollgate::server::upstream
