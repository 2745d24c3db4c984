// The vendors that are built in: one visible list, catalog.inc, one file each.
#pragma once

#include "adapters/vendor.hpp"

#include <span>
#include <string_view>

namespace tollgate::adapters {

/// All vendors, sorted by name.  Static storage.
[[nodiscard]] std::span<const Vendor* const> vendors() noexcept;

/// The vendor of that name or alias; null when there is none.
[[nodiscard]] const Vendor* find_vendor(std::string_view name) noexcept;

}  // namespace tollgate::adapters
