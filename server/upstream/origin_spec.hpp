// From a configured provider to the origin of its connections.
#pragma once

#include "router/snapshot.hpp"
#include "server/upstream/origin.hpp"

namespace tollgate::server::upstream {

/// Fails with bad_request, naming the setting, where base_url or proxy cannot be read.
[[nodiscard]] Result<OriginSpec> origin_spec(const router::Provider& provider);

}  // namespace tollgate::server::upstream
