// What operators are told of a provider as a whole.  Pure.
#pragma once

#include "failover/health.hpp"
#include "router/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::router {

enum class ProviderState : std::uint8_t {
    ready,
    no_key,        ///< or another credential; see Provider::problem
    unreachable,   ///< no connection was to be had, or there is no address
    cooling_down,  ///< each of its keys rests, or what was used of it does
};
[[nodiscard]] std::string_view to_string(ProviderState state) noexcept;

/// One target that answers is enough to be ready; what nobody has used yet does not count.
[[nodiscard]] ProviderState state_of(const Provider& provider,
                                     const failover::HealthOptions& options,
                                     failover::Clock::time_point now);

/// How many of the providers that the configuration makes usable cannot be used now.
struct Trouble {
    std::size_t unreachable = 0;
    std::size_t cooling_down = 0;
};
[[nodiscard]] Trouble trouble_of(const Snapshot& snapshot, failover::Clock::time_point now);

}  // namespace tollgate::router
