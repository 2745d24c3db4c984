// Environment variables as a value that is passed in, so that tests never touch those of the
// process.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::config {

/// Looks a variable up; nothing when it is not set.  A variable set to "" is set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The variables of this process, read at the time of each call.
[[nodiscard]] Environment process_environment();
/// No variable is set.
[[nodiscard]] Environment empty_environment();

/// `path` with a leading "~/" replaced by $HOME.  Unchanged where HOME is not set.
[[nodiscard]] std::string expand_home(std::string_view path, const Environment& env);

}  // namespace tollgate::config
