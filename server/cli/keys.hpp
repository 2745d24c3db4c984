// tollgate keys: callers' keys that are made at run time.
#pragma once

#include <span>
#include <string_view>

namespace tollgate::server::cli {

/// The arguments behind "keys".  Returns the process's exit code.
[[nodiscard]] int keys(std::span<const std::string_view> arguments);

}  // namespace tollgate::server::cli
