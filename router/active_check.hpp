// When a provider from which nothing is heard is asked for its list of models, and what the answer
// means.  Pure.
#pragma once

#include "failover/failure.hpp"
#include "failover/health.hpp"
#include "router/choose.hpp"
#include "router/snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace tollgate::router {

/// Nothing was heard of the provider for `every`, and nothing is under way there.  `since`: when it
/// was asked last, or when this process began to look.
[[nodiscard]] bool check_is_due(const Provider& provider, std::chrono::milliseconds every,
                                failover::Clock::time_point since, failover::Clock::time_point now);

enum class CheckNews : std::uint8_t { none, unreachable, reachable, key_refused };

/// Notes what a check found.  Any answer but a server's error shows that the provider is there; it
/// is put behind others from a failed check until a good one, a good answer, or until three times
/// `every` have passed.  A key that is refused is left alone like one that a request found refused.
CheckNews note_check(const Snapshot& snapshot, const Provider& provider, const KeyChoice& key,
                     const Result<unsigned>& status, failover::Clock::time_point now);

}  // namespace tollgate::router
