// metrics/ — what an exchange leaves behind: a record, counters per worker, the access line, the
// scrape. May include: std, prometheus-cpp, spdlog.  Used by server/ (and router/ for labels).
// Start here: RequestRecord.
#pragma once

#include "metrics/money.hpp"
#include "metrics/usage.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::metrics {

using Clock = std::chrono::steady_clock;

/// A span of time as a plain number; a negative one counts as 0.
[[nodiscard]] constexpr std::uint64_t nanoseconds(Clock::duration duration) noexcept {
    const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

/// How an exchange ended.  The order is that of the metric label table.
enum class Outcome : std::uint8_t {
    ok,
    client_error,
    upstream_error,
    gateway_error,
    client_gone,
    truncated
};
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;

/// Whether RequestRecord::cost means something.  `none`: nothing was used.  `free`: known to cost
/// nothing, which is not the same as a price that nobody knows.
enum class Pricing : std::uint8_t { none, priced, free, unpriced };
[[nodiscard]] std::string_view to_string(Pricing pricing) noexcept;

/// An attempt that was given up after the vendor had told what it used: billed, though no answer
/// came of it.
struct SpentAttempt {
    std::string provider;
    std::string model;
    Usage usage;
    Pricing pricing = Pricing::none;
    Pico cost = 0;
    CostByKind cost_by_kind{};
};

/// Numbers of callers' keys in metrics: all that have none of their own, no key at all, and
/// mirrored requests, whose key is called `shadow`.  Those of the configuration follow.
inline constexpr std::uint16_t kOtherKey = 0;
inline constexpr std::uint16_t kNoKey = 1;
inline constexpr std::uint16_t kShadowKey = 2;
inline constexpr std::uint16_t kFirstKey = 3;
inline constexpr std::string_view kShadowKeyName = "shadow";

/// What one exchange leaves behind; published exactly once, also when cancelled.  No prompt text,
/// no secrets. Views must outlive the record's publication (they point into the snapshot, the head
/// buffer or static tables).
struct RequestRecord {
    Clock::time_point started{};
    std::chrono::system_clock::time_point wall{};
    std::string_view endpoint =
        "other";  ///< route label: "chat", "completions", "embeddings", "models", "other"
    std::string_view method;
    std::string_view path;  ///< as sent by the client, for the access line only
    std::string request_id;
    std::string_view client_address;
    std::string provider;         ///< configured instance that answered; empty: none was reached
    std::string model;            ///< upstream model that answered
    std::string requested_model;  ///< as the client named it (access line only)
    std::string key_name;         ///< name of the caller's key, never the key
    std::uint16_t key_label = kNoKey;  ///< its number in metrics
    std::string team;                  ///< of the key
    std::string user;                  ///< as the request's body names it
    std::vector<std::string> tags;     ///< of the key, and of x-tollgate-tags
    std::uint16_t status = 0;
    Outcome outcome = Outcome::ok;
    std::string_view failure;  ///< FailureKind token when not ok
    bool stream = false;
    std::uint8_t attempts = 0;
    Usage usage;
    Pricing pricing = Pricing::none;
    Pico cost = 0;                    ///< what the answer cost; only where pricing is `priced`
    CostByKind cost_by_kind{};        ///< the same in parts
    std::vector<SpentAttempt> spent;  ///< attempts before the one that the fields above tell of
    std::uint64_t bytes_in = 0;       ///< request body
    std::uint64_t bytes_out = 0;      ///< response body as sent
    Clock::duration first_byte{};  ///< start to first body byte to the client; zero: none was sent
    Clock::duration duration{};
    Clock::duration
        upstream_wait{};  ///< time spent waiting for vendors; duration minus this was ours
};

}  // namespace tollgate::metrics
