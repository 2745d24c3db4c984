// The vendors' own lists of models, for the command line.
#pragma once

#include "router/snapshot.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server::cli {

using LiveModels = std::map<const router::Provider*, std::vector<std::string>>;

/// Asks all vendors that have a list, or `only` that provider, at once.  Whose list does not come
/// is missing, which standard error tells.  Returns within 15 seconds.
[[nodiscard]] LiveModels fetch_live(const router::SnapshotPtr& snapshot, std::string_view only);

}  // namespace tollgate::server::cli
