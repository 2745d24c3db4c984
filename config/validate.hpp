// Rules across fields.  Pure: they need nothing but the Settings.
#pragma once

#include "config/problem.hpp"
#include "config/settings.hpp"

#include <vector>

namespace tollgate::config {

struct Findings {
    std::vector<Problem> problems;  ///< the configuration must be refused
    std::vector<Problem> warnings;  ///< it works, but perhaps not as meant
};

/// parse() calls this; call it again for Settings that were built or changed by hand.
/// What depends on the vendors that exist (unknown type, missing base_url) is checked where they
/// are known.
[[nodiscard]] Findings validate(const Settings& settings);

}  // namespace tollgate::config
