// Whether a request may be sent twice.  Pure.
#pragma once

#include "adapters/request.hpp"

namespace tollgate::router {

/// True where an answer leaves more behind than its text: it is stored, it runs in the background,
/// it belongs to a conversation that the vendor keeps, or the vendor runs tools for it.  Errs on
/// the side of true.
[[nodiscard]] bool has_side_effects(const adapters::Request& request);

}  // namespace tollgate::router
