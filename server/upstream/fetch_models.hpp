// Asks a vendor which models it has.
#pragma once

#include "router/snapshot.hpp"
#include "server/upstream/call.hpp"
#include "server/upstream/pool.hpp"
#include "server/upstream/token_cache.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tollgate::server::upstream {

/// All of them outlive the fetch.
struct FetchWiring {
    Pool& pool;
    TokenCache& tokens;
    Origin& origin;  ///< of the provider
    const router::Provider& provider;
    std::span<char> scratch;
    std::size_t key_index = 0;  ///< into provider.keys, where there are any
};

/// A call that asks for the list, with its request: authorised, and to be connected.  Fails as the
/// token's fetch or authorize() does.
[[nodiscard]] Task<Result<std::unique_ptr<Call>>> models_call(const FetchWiring& wiring,
                                                              adapters::UpstreamRequest& request,
                                                              Interrupt& interrupt);

/// The ids in the vendor's list, as the vendor writes them.  Costs nothing at any vendor.  Fails as
/// the call or the dialect does.
[[nodiscard]] Task<Result<std::vector<std::string>>> fetch_models(const FetchWiring& wiring,
                                                                  Interrupt& interrupt);

}  // namespace tollgate::server::upstream
