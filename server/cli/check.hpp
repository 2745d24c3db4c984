// tollgate check
#pragma once

#include "server/gateway.hpp"

namespace tollgate::server::cli {

/// Prints every problem with file:line:column, then warnings.  Returns the exit code: 0 when there
/// is no problem.
[[nodiscard]] int check(const ConfigSource& source, bool json);

}  // namespace tollgate::server::cli
