// From server.tls to what TLS needs, read and checked.
#pragma once

#include "config/problem.hpp"
#include "config/settings.hpp"
#include "server/io/tls_server.hpp"

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tollgate::server {

/// The contents of a file, or why it cannot be read.
using FileReader = std::function<std::expected<std::string, std::string>(const std::string& path)>;

struct LoadedTls {
    std::optional<TlsServerOptions> options;  ///< not set: plain text
    std::vector<config::Problem> warnings;
};

/// Reads every file that server.tls names, and tries what is in them.  A self-signed certificate is
/// made anew unless `previous` has one: a reload changes it no more than a file.
[[nodiscard]] std::expected<LoadedTls, std::vector<config::Problem>> load_tls(
    const config::Settings& settings, const FileReader& read_file,
    const TlsServerOptions* previous);

}  // namespace tollgate::server
