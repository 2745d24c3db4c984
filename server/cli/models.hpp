// tollgate models: what is known about models.
#pragma once

#include <span>
#include <string_view>

namespace tollgate::server::cli {

/// `arguments` behind the word "models".  The process's exit code.
[[nodiscard]] int models(std::span<const std::string_view> arguments);

inline constexpr std::string_view kModelsHelp =
    "usage: tollgate models list [--provider P] [--live] [--json] [-c FILE]\n"
    "           of the providers that are configured, or of a vendor\n"
    "       tollgate models show ID [--live] [--json] [-c FILE]\n"
    "           provider/model, vendor/model or a bare id\n"
    "--live asks the vendors for their own lists; without it the catalog's are shown.\n";

}  // namespace tollgate::server::cli
