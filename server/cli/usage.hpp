// tollgate usage: reports from the ledger's file, beside a running gateway or without one.
#pragma once

#include "server/cli/options.hpp"
#include "server/gateway.hpp"

namespace tollgate::server::cli {

/// The process's exit code.
[[nodiscard]] int usage(const ConfigSource& source, const Options& options);

}  // namespace tollgate::server::cli
