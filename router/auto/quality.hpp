// How good a model is for a task, where the configuration does not say: quality.inc by the model's
// name, else its size in the name.
#pragma once

#include "router/auto/task.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace tollgate::router {

/// 0 to 100 for each task.  Only the order between models matters, and roughly the distance.
[[nodiscard]] std::array<std::uint8_t, kTasks> quality_of(std::string_view model);

}  // namespace tollgate::router
