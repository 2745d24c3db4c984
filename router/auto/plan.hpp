// The names that the auto-router may choose, looked up once per snapshot.
#pragma once

#include "router/auto/task.hpp"
#include "router/snapshot.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

/// A place behind a name, and its prices where they are known.
struct PlannedTarget {
    RoutedTarget target;
    const catalog::Model* known = nullptr;  ///< what the catalog says about it; null: nothing
    std::optional<std::int64_t> input_price = {};   ///< pico-dollars per token
    std::optional<std::int64_t> output_price = {};  ///< pico-dollars per token
    std::optional<std::int64_t> cached_price = {};  ///< pico-dollars per token read from its cache
};

struct AutoName {
    std::vector<PlannedTarget> targets;  ///< behind the name, in order; empty: none is usable
    std::string problem;                 ///< why there is none
    bool is_alias = false;
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

/// With what the catalog and the configuration say about its prices now.
[[nodiscard]] PlannedTarget planned_target(const RoutedTarget& target);

[[nodiscard]] AutoPlan plan_auto(const Snapshot& snapshot);

}  // namespace tollgate::router
