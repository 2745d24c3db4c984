// The decision where a request goes: the same function serves it and explains it.  Pure.
#pragma once

#include "failover/sticky.hpp"
#include "router/auto/decide.hpp"
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
    std::span<const std::string> tags = {};  ///< of the caller's key and the request
    HeaderOf header = {};                    ///< for rules of the auto-router
    Decision* decision = nullptr;            ///< where the auto-router's goes, for whom explains it
};

struct Choice {
    Route route;
    std::string why;                 ///< comma-separated tokens, for x-tollgate-route
    std::uint64_t conversation = 0;  ///< to be remembered with the target that answers; 0: none
};

/// Fails with unknown_model, forbidden or bad_request (a fallback that does not exist).
[[nodiscard]] Result<Choice> choose(const Snapshot& snapshot, const Ask& ask);

/// Whether a caller may ask for the model by this name at all, for whatever operation.  `allowed`:
/// of the caller's key; null or empty: all that the configuration has.
[[nodiscard]] bool may_use(const Snapshot& snapshot, std::string_view model,
                           const std::vector<std::string>* allowed,
                           failover::Clock::time_point now);

/// Leaves out the targets that cannot serve the request.  Where length is all that is wrong with
/// each, the targets of context_fallbacks that can serve it take their place.  Fails as keep_fit()
/// of a route does.
[[nodiscard]] Result<void> keep_fit(const Snapshot& snapshot, const Ask& ask, Choice& choice);

/// cost.unpriced: reject.  Leaves out the targets without a price; when none is left, fails with
/// what the operator must configure.
[[nodiscard]] Result<void> keep_priced(const Snapshot& snapshot, Route& route);

/// All of it: choose(), keep_fit() and keep_priced().
[[nodiscard]] Result<Choice> choose_able(const Snapshot& snapshot, const Ask& ask);

/// The names that the configuration gives for one kind of failure: the alias's, else the general
/// ones.  Empty for most kinds.
[[nodiscard]] std::span<const std::string> fallback_names(const Snapshot& snapshot,
                                                          const Route& route, FailureKind kind);

/// The conversation of a request, by what `sticky` says belongs together.
[[nodiscard]] Conversation conversation_by(config::Sticky sticky, const Ask& ask);

/// Why the configuration or the caller's key keeps a target out that was found by `name`; empty:
/// neither does.
[[nodiscard]] std::string_view kept_out(const Snapshot& snapshot, const Ask& ask,
                                        std::string_view name, const RoutedTarget& target);

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
