// Orders candidates by what a policy weighs: quality for the task, price and measured latency.
#pragma once

#include "config/settings.hpp"
#include "router/auto/decide.hpp"

#include <vector>

namespace tollgate::router {

/// Sets the scores and sorts, best first; of equal scores the earlier stays earlier.
void rank(std::vector<AutoCandidate>& candidates, config::AutoPolicy policy, Difficulty difficulty);

}  // namespace tollgate::router
