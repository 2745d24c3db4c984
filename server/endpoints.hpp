// The paths that are served, as one table.
#pragma once

#include "adapters/request.hpp"

#include <cstdint>
#include <string_view>

namespace tollgate::server {

enum class Action : std::uint8_t { model, list_models, show_model, live, ready, metrics, admin };

struct Endpoint {
    std::string_view path;    ///< exact, or a prefix where it ends in '/'
    std::string_view method;  ///< GET also allows HEAD; "*": any, the action decides
    Action action;
    std::string_view label;  ///< value of the metrics' endpoint label
    adapters::Operation operation = adapters::Operation::chat;
    bool is_public = false;  ///< no caller key needed
};

/// The row for a path; null when there is none.  `/v1` may be left out, as several clients
/// configure it.
[[nodiscard]] const Endpoint* find_endpoint(std::string_view path) noexcept;

}  // namespace tollgate::server
