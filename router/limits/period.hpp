// Where budgets' periods begin and end: UTC calendar, weeks from Monday (ISO 8601).
#pragma once

#include "config/settings.hpp"

#include <chrono>
#include <string_view>

namespace tollgate::router {

using WallTime = std::chrono::sys_seconds;

struct Window {
    WallTime begin{};
    WallTime end{};  ///< not part of it; WallTime::max() for Period::total
    [[nodiscard]] bool operator==(const Window&) const = default;
};
[[nodiscard]] Window window_at(config::Period per, WallTime now) noexcept;

[[nodiscard]] std::string_view to_string(config::Period per) noexcept;

}  // namespace tollgate::router
