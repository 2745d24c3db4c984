// The names that the auto-router may choose, looked up once per snapshot.
#pragma once

#include "router/auto/task.hpp"
#include "router/snapshot.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

struct AutoName {
    std::vector<RoutedTarget> targets;  ///< behind the name, in order; empty: none is usable
    std::string problem;                ///< why there is none
    std::array<std::uint8_t, kTasks> quality{};  ///< of the first target, by Task
};

/// Lives as long as its snapshot, and its views point into that.
struct AutoPlan {
    /// Every name that rules, tasks or candidates give: an alias or provider/model.
    std::map<std::string, AutoName, std::less<>> names;
    /// What the policy chooses from: configured, else every alias and every usable provider's
    /// models, without the built-in demo unless there is nothing else.
    std::vector<std::string_view> candidates;
};

[[nodiscard]] AutoPlan plan_auto(const Snapshot& snapshot);

}  // namespace tollgate::router
