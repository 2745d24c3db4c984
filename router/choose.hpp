// The decision where a request goes: the same function serves it and explains it.  Pure.
#pragma once

#include "failover/sticky.hpp"
#include "router/conversation.hpp"
#include "router/snapshot.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

/// What the decision may look at.  Everything outlives the route.
struct Ask {
    const adapters::Request& request;
    std::string_view model;  ///< as wanted: the request's, or with the provider of a header
    std::span<const std::string> fallbacks = {};  ///< further names, as the client wants them tried
    const std::vector<std::string>* allowed = nullptr;  ///< of the caller's key; null: all
    std::string_view key_name = {};
    std::string_view session = {};                  ///< a header's value
    const failover::StickyTable* sticky = nullptr;  ///< null: nothing is remembered
    std::uint64_t random = 0;
    failover::Clock::time_point now{};
};

struct Choice {
    Route route;
    std::string why;                 ///< comma-separated tokens, for x-tollgate-route
    std::uint64_t conversation = 0;  ///< to be remembered with the target that answers; 0: none
};

/// Fails with unknown_model, forbidden or bad_request (a fallback that does not exist).
[[nodiscard]] Result<Choice> choose(const Snapshot& snapshot, const Ask& ask);

/// Leaves out the targets that cannot serve the request.  Where length is all that is wrong with
/// each, the targets of context_fallbacks that can serve it take their place.  Fails as keep_fit()
/// of a route does.
[[nodiscard]] Result<void> keep_fit(const Snapshot& snapshot, const Ask& ask, Choice& choice);

/// The names that the configuration gives for one kind of failure: the alias's, else the general
/// ones.  Empty for most kinds.
[[nodiscard]] std::span<const std::string> fallback_names(const Snapshot& snapshot,
                                                          const Route& route, FailureKind kind);

/// Where the names that the configuration gives for one kind of failure lead; those that lead
/// nowhere, or where the caller may not go, are passed over.
[[nodiscard]] std::vector<RoutedTarget> further_targets(const Snapshot& snapshot, const Ask& ask,
                                                        std::span<const std::string> names);

/// The names in a client's `models` (OpenRouter) and `fallbacks` (LiteLLM) members: strings, or
/// objects with a `model`.  Fails with bad_request where they are something else or more than 16.
[[nodiscard]] Result<std::vector<std::string>> requested_fallbacks(
    const adapters::Request& request);

/// A key of a provider's pool, and whether there is another one that may be used.
struct KeyChoice {
    std::size_t index = 0;
    failover::HealthTable::Entry* live = nullptr;
};
[[nodiscard]] KeyChoice choose_key(const Snapshot& snapshot, const Provider& provider,
                                   std::uint64_t random, failover::Clock::time_point now);
[[nodiscard]] bool has_well_key(const Snapshot& snapshot, const Provider& provider,
                                failover::Clock::time_point now) noexcept;

}  // namespace tollgate::router
