// Mirroring: a share of an alias's requests goes to another model as well, whose answers nobody
// sees.  For trying a vendor on live traffic.
#pragma once

#include "adapters/request.hpp"
#include "config/settings.hpp"
#include "server/exchange.hpp"

#include <string_view>

namespace tollgate::server {

class Worker;

/// Sends a copy of the request (`body` as the client wrote it) to the shadow's model, in the
/// background.  The copies of all callers count and are billed under the key metrics::kShadowKey.
/// While too many are under way, or the worker drains, none is made.
void mirror(Worker& worker, const Exchange& exchange, std::string_view body,
            const config::Shadow& shadow);

}  // namespace tollgate::server
