// Error bodies of OpenAI-shaped vendors: the shapes differ, what they say does not.
#pragma once

#include "adapters/codec/json.hpp"
#include "failover/failure.hpp"

#include <optional>
#include <string_view>

namespace tollgate::adapters {

/// The failure that a 2xx answer (or one event of a stream) turns out to be; nothing where it is an
/// answer. Its status is the one in the body where there is one, else what the error's code or type
/// stands for, else 500.
[[nodiscard]] std::optional<Failure> in_band_failure(json::Value root);

/// As above, from text; what is not JSON is no failure here.
[[nodiscard]] std::optional<Failure> in_band_failure(std::string_view body);

}  // namespace tollgate::adapters
