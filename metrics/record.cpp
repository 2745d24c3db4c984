#include "metrics/record.hpp"

#include <array>
#include <cstddef>

namespace tollgate::metrics {

std::string_view to_string(Outcome outcome) noexcept {
    static constexpr std::array<std::string_view, 6> kNames{
        "ok", "client_error", "upstream_error", "gateway_error", "client_gone", "truncated"};
    const auto index = static_cast<std::size_t>(outcome);
    return index < kNames.size() ? kNames[index] : "unknown";
}

std::string_view to_string(Pricing pricing) noexcept {
    static constexpr std::array<std::string_view, 4> kNames{"none", "priced", "free", "unpriced"};
    const auto index = static_cast<std::size_t>(pricing);
    return index < kNames.size() ? kNames[index] : "unknown";
}

}  // namespace tollgate::metrics
