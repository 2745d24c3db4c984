// The auto-router: where `auto`, `auto/cheap`, `auto/fast` and `auto/best` go.  A function of the
// request, the snapshot and what the caller knows about each target; docs/routing.md has the rules.
#pragma once

#include "adapters/request.hpp"
#include "router/auto/classifier.hpp"
#include "router/auto/plan.hpp"
#include "router/snapshot.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::router {

/// The names that decide() serves.
inline constexpr std::array<std::string_view, 4> kAutoNames{"auto", "auto/cheap", "auto/fast",
                                                            "auto/best"};
/// True for `auto` and `auto/...`, also where that is no name of kAutoNames.
[[nodiscard]] bool is_auto(std::string_view model) noexcept;

using HeaderOf = std::function<std::optional<std::string_view>(std::string_view name)>;

/// The request as rules see it.  Views live as long as the request.
struct AutoRequest {
    const adapters::Request& request;
    std::string_view model = request.model;  ///< as wanted
    std::string_view key = {};               ///< name of the caller's key; empty: none
    std::span<const std::string> tags = {};  ///< of that key
    /// A request header's value by its lower-case name; nothing: absent.  Not set: no headers.
    HeaderOf header = {};
};

/// What is known about one target when the decision falls.
struct TargetFacts {
    std::string left_out = {};  ///< why it cannot take this request; empty: it can
    bool is_well = true;        ///< false: it rests or its breaker is open; tried after all others
    std::uint64_t cached_tokens = 0;  ///< of this conversation that its cache should still hold
    std::optional<std::chrono::nanoseconds> first_token = {};  ///< measured, a moving average
};
using FactsOf = std::function<TargetFacts(std::string_view name, const PlannedTarget& planned)>;

/// Who spoke last in a decision.
enum class DecidedBy : std::uint8_t { rule, task, policy };
[[nodiscard]] std::string_view to_string(DecidedBy by) noexcept;

/// One name that was considered.
struct AutoCandidate {
    std::string_view name;  ///< an alias or "provider/model"; lives as long as the snapshot
    PlannedTarget planned;  ///< the first place behind that name that can take the request
    bool is_well = true;
    double quality = 0;                     ///< for the task, 0 to 100
    std::optional<std::int64_t> cost = {};  ///< estimate for this request, pico-dollars
    std::optional<std::chrono::nanoseconds> first_token = {};
    double score = 0;           ///< higher is better; only comparable within one decision
    std::string left_out = {};  ///< not empty: why it is not among those to be tried
};

struct Decision {
    Classification found;
    bool classified = false;   ///< false: a rule decided, and nothing asked for the classifier;
                               ///< qualities are then those for chat
    std::uint64_t tokens = 0;  ///< estimate of the prompt
    config::AutoPolicy policy = config::AutoPolicy::balanced;
    DecidedBy by = DecidedBy::policy;
    std::size_t rule = 0;                 ///< index of the rule, for DecidedBy::rule
    std::size_t chosen = 0;               ///< how many of those ranked the rule or task named
    std::vector<AutoCandidate> ranked;    ///< best first; the names go through Snapshot::route
    std::vector<AutoCandidate> left_out;  ///< with the reason in left_out
};

/// Fails with unknown_model where `auto/<word>` is no policy.  Ranks nothing where nothing can take
/// the request.
/// `facts` is asked until a target behind a name can take the request and is well.  Where rules or
/// tasks name the targets, what the policy would have chosen follows behind them, so that an outage
/// of theirs is not the end.
[[nodiscard]] Result<Decision> decide(const AutoRequest& request, const Snapshot& snapshot,
                                      const FactsOf& facts);

/// Pico-dollars for the prompt, of which the target's cache holds a part, and a typical answer.
/// Nothing: not known.  A local server without a price costs nothing.
[[nodiscard]] std::optional<std::int64_t> estimate_cost(const PlannedTarget& planned,
                                                        const adapters::Request& request,
                                                        std::uint64_t tokens,
                                                        std::uint64_t cached_tokens) noexcept;

/// What to answer when a decision ranks nothing: why each name was left out.
[[nodiscard]] Failure nothing_left(std::string_view model, const Decision& decision);

}  // namespace tollgate::router
