// Asks a vendor which models it has.
#pragma once

#include "router/snapshot.hpp"
#include "server/upstream/call.hpp"
#include "server/upstream/pool.hpp"
#include "server/upstream/token_cache.hpp"

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
};

/// Whether the vendor has a list that can be asked for, with what is configured.
[[nodiscard]] bool has_model_list(const router::Provider& provider);

/// The ids in the vendor's list, as the vendor writes them.  Costs nothing at any vendor.  Fails as
/// the call or the dialect does.
[[nodiscard]] Task<Result<std::vector<std::string>>> fetch_models(const FetchWiring& wiring,
                                                                  Interrupt& interrupt);

}  // namespace tollgate::server::upstream
