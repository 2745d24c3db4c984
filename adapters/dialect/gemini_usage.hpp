// Google's usageMetadata as disjoint counters.
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/event.hpp"

#include <cstdint>

namespace tollgate::adapters::gemini {

/// The counters as last told.  A chunk may bring only some of them (or only trafficType): the
/// others stand.
class UsageCounters {
public:
    /// True when `metadata` has any token counter.
    bool merge(json::Value metadata);
    [[nodiscard]] Usage usage() const noexcept;

private:
    std::uint64_t prompt_ =
        0;  ///< includes the cached tokens, not those of built-in tools' results
    std::uint64_t tool_use_ = 0;
    std::uint64_t cached_ = 0;
    std::uint64_t candidates_ = 0;  ///< excludes thoughts
    std::uint64_t thoughts_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t audio_prompt_ = 0;
    std::uint64_t audio_cached_ = 0;
    std::uint64_t audio_output_ = 0;
};

}  // namespace tollgate::adapters::gemini
