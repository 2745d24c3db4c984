// The whole process: configuration, listeners, workers, signals, reload, drain.
#pragma once

#include "config/environment.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"
#include "metrics/log.hpp"
#include "router/snapshot.hpp"
#include "server/io/tls_server.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tollgate::server {

/// Where the configuration comes from; read again at each reload.
struct ConfigSource {
    std::optional<std::string> path;  ///< no file: discover vendors from the environment
    std::vector<std::string> listen;  ///< addresses of the command line, instead of server.listen
    config::Environment environment;
};

/// A configuration that can be served.
struct Loaded {
    router::SnapshotPtr snapshot;
    std::optional<TlsServerOptions> tls = {};    ///< not set: plain text
    std::vector<config::Problem> warnings = {};  ///< of all parts
};

/// Reads and checks everything that can be checked without serving.  `previous` is what runs now;
/// null at the start.
[[nodiscard]] std::expected<Loaded, std::vector<config::Problem>> load(const ConfigSource& source,
                                                                       const Loaded* previous);

/// Serves until SIGTERM or SIGINT.  Returns the process's exit code.
[[nodiscard]] int serve(const ConfigSource& source);

}  // namespace tollgate::server
