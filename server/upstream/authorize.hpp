// Proves to a vendor who asks: the last step before a request is sent.
#pragma once

#include "adapters/dialect.hpp"
#include "router/snapshot.hpp"
#include "server/upstream/origin.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::server::upstream {

/// What authorize() needs beyond the request.
struct AuthorizeWiring {
    const router::Provider& provider;
    const OriginSpec& origin;
    std::size_t key_index = 0;  ///< into provider.keys, where there are any
};

/// True when the provider's credentials need an access token first, which may have to be fetched.
[[nodiscard]] bool needs_token(const router::Provider& provider) noexcept;

/// Adds the headers that authenticate `request`, whose body must be final.  `token` is for those
/// that need one. Fails with upstream_auth.
[[nodiscard]] Result<void> authorize(const AuthorizeWiring& wiring, std::string_view token,
                                     adapters::UpstreamRequest& request);

/// Takes the provider's secrets out of `text`: vendors quote in their errors what they were sent.
void hide_secrets(const router::Provider& provider, std::string& text);

}  // namespace tollgate::server::upstream
