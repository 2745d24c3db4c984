// The auto-router's part of choose(): a route over what decide() has ranked.
#pragma once

#include "router/choose.hpp"

namespace tollgate::router {

/// `auto` and its policies, unless the configuration gives that name to something of its own.
[[nodiscard]] bool goes_automatically(const Snapshot& snapshot, std::string_view model) noexcept;

/// Fails as decide() does, or with what keeps all targets out.
[[nodiscard]] Result<Choice> choose_automatically(const Snapshot& snapshot, const Ask& ask);

}  // namespace tollgate::router
