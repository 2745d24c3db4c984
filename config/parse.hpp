// YAML text → Settings, or every problem in it.
#pragma once

#include "config/environment.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::config {

/// Reads a whole configuration and checks it, also across fields (validate.hpp).  On failure there
/// is at least one problem and all of them are listed, in the order of the file.  What is doubtful
/// but usable is in Settings::warnings. `file_name` only labels the problems.  Secrets given as
/// `file:/path` are read here.  Never throws.
[[nodiscard]] std::expected<Settings, std::vector<Problem>> parse(std::string_view yaml_text,
                                                                  std::string_view file_name,
                                                                  const Environment& env);

/// The same for a file, which must be a regular one of at most 4 MiB.
[[nodiscard]] std::expected<Settings, std::vector<Problem>> parse_file(const std::string& path,
                                                                       const Environment& env);

/// What an empty file means.
[[nodiscard]] Settings defaults(const Environment& env);

/// The file to read: `explicit_path` (not checked for existence: naming a missing file is an
/// error), else $TOLLGATE_CONFIG (likewise), else ./tollgate.yaml, else
/// ~/.config/tollgate/tollgate.yaml, else none.
[[nodiscard]] std::optional<std::string> find_config(
    const std::optional<std::string>& explicit_path, const Environment& env);

/// Every key that parse() knows, as paths in the order of docs/configuration.md:
/// "providers.<name>.timeouts.connect", "keys[].limits.rpm".  Made by the same code that reads the
/// file.
[[nodiscard]] std::vector<std::string> known_keys();

}  // namespace tollgate::config
