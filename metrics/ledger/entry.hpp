// One row of the ledger, and its bytes in the journal.
#pragma once

#include "metrics/money.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tollgate::ledger {

/// What is counted; disjoint.  The order is that of the journal: append only.
enum class Counter : std::uint8_t {
    input,
    cache_read,
    cache_write,
    cache_write_1h,
    output,
    reasoning,
    audio_input,
    audio_output,
    image_input,
    image_output,
    other_tokens,
    searches,
};
inline constexpr std::size_t kCounters = static_cast<std::size_t>(Counter::searches) + 1;
inline constexpr std::array<std::string_view, kCounters> kCounterNames{
    "input",       "cache_read",   "cache_write", "cache_write_1h", "output",       "reasoning",
    "audio_input", "audio_output", "image_input", "image_output",   "other_tokens", "searches"};

/// Whether the cost means something; the order of metrics::Pricing.
enum class Priced : std::uint8_t { none, priced, free, unpriced };

/// What one attempt used.
struct Use {
    std::array<std::uint64_t, kCounters> counters{};
    std::int64_t cost_pico = 0;          ///< 10^-12 USD
    metrics::CostByKind cost_by_kind{};  ///< the same in parts
    Priced priced = Priced::none;
    bool is_estimated = false;
    [[nodiscard]] std::uint64_t& operator[](Counter c) noexcept {
        return counters[static_cast<std::size_t>(c)];
    }
    [[nodiscard]] std::uint64_t operator[](Counter c) const noexcept {
        return counters[static_cast<std::size_t>(c)];
    }
    [[nodiscard]] bool operator==(const Use&) const = default;
};

/// An attempt that failed after its vendor had told what it used.
struct Spent {
    std::string_view provider;
    std::string_view model;
    Use use;
    [[nodiscard]] bool operator==(const Spent&) const = default;
};

/// Views into whatever it was made from.
struct Entry {
    std::int64_t at_us = 0;  ///< begin of the request, microseconds since 1970
    std::string_view request_id;
    std::string_view key;
    std::string_view team;
    std::string_view user;  ///< as the request's body names it
    std::string_view endpoint;
    std::string_view requested_model;
    std::string_view provider;
    std::string_view model;
    std::vector<std::string_view> tags;
    std::uint16_t status = 0;
    std::uint8_t outcome = 0;  ///< metrics::Outcome
    std::uint8_t attempts = 0;
    bool is_stream = false;
    std::uint64_t latency_us = 0;
    std::uint64_t ttft_us = 0;  ///< 0: nothing was sent
    Use use;
    std::vector<Spent> spent;
    [[nodiscard]] bool operator==(const Entry&) const = default;
};

/// Longer texts are cut, further tags and attempts are merged or left out, so that every entry fits
/// into this.
inline constexpr std::size_t kMaxEntryBytes = 8 * 1024;
using EntryBuffer = std::array<char, kMaxEntryBytes>;

/// The entry's bytes, in `space`.
[[nodiscard]] std::string_view encode(const Entry& entry, EntryBuffer& space) noexcept;
/// Views into `bytes`.  False: they are none of encode()'s.  `entry` keeps its vectors' memory.
[[nodiscard]] bool decode(std::string_view bytes, Entry& entry);

}  // namespace tollgate::ledger
