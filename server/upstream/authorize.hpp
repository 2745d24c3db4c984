// Proves to a vendor who asks: the last step before a request is sent.
#pragma once

#include <cstdint>

#include "adapters/dialect.hpp"
#include "router/snapshot.hpp"
#include "server/io/task.hpp"
#include "server/upstream/origin.hpp"
#include "server/upstream/token_cache.hpp"

namespace tollgate::server::upstream {

/// What authorize() needs beyond the request.
struct AuthorizeWiring {
    const router::Provider& provider;
    const OriginSpec& origin;
    TokenCache& tokens;
    std::uint64_t key_choice = 0;      ///< picks one of several keys
};

/// Adds the headers that authenticate `request`, whose body must be final.  Fails with upstream_auth, or as a token fetch did.
[[nodiscard]] Task<Result<void>> authorize(const AuthorizeWiring& wiring, adapters::UpstreamRequest& request,
                                           Interrupt& interrupt);

}  // namespace tollgate::server::upstream
