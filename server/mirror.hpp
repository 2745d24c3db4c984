// Mirroring: a share of an alias's requests goes to another model as well, whose answers nobody
// sees.  For trying a vendor on live traffic.
#pragma once

#include "adapters/request.hpp"
#include "config/settings.hpp"
#include "server/exchange.hpp"

#include <string_view>

namespace tollgate::server {

class Worker;

/// What the mirrored requests of all keys are counted and billed under, instead of a key's name.
inline constexpr std::string_view kShadowKey = "shadow";

/// Sends a copy of the request (`body` as the client wrote it) to the shadow's model, in the
/// background: one after the other's end it is dropped, like the copy of a request that comes while
/// too many are under way.
void mirror(Worker& worker, const Exchange& exchange, std::string_view body,
            const config::Shadow& shadow);

}  // namespace tollgate::server
