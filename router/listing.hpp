// What a provider's models are called, for those who ask for a list.
#pragma once

#include "router/snapshot.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

/// Whether the vendor has a list that can be asked for, with what is configured; that costs
/// nothing.
[[nodiscard]] bool has_model_list(const Provider& provider);

/// The ids of a provider's models, sorted, each once: the configuration's, and those of the
/// vendor's own list; where nobody has that (`live` is null), those of the catalog.  Views into the
/// provider, the catalog and `live`.
[[nodiscard]] std::vector<std::string_view> offered_models(const Provider& provider,
                                                           const std::vector<std::string>* live);

}  // namespace tollgate::router
