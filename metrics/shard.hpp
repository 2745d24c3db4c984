// The counters of one worker.  One thread writes, the scraper reads at any time; nothing locks, and
// memory is allocated only when a (endpoint, target) or a provider is counted for the first time.
#pragma once

#include "metrics/cells.hpp"
#include "metrics/record.hpp"
#include "metrics/vocabulary.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace tollgate::metrics {

enum class ClientProtocol : std::uint8_t { http1, http2 };
enum class TlsVersion : std::uint8_t { tls12, tls13 };
/// Why a client's TLS handshake did not come to its end.
enum class HandshakeFailure : std::uint8_t {
    plain_http,           ///< HTTP without TLS
    not_tls,              ///< neither TLS nor HTTP
    timeout,              ///< server.timeouts.header
    cut,                  ///< the client left
    version,              ///< no common version
    cipher,               ///< no common cipher suite, group or signature algorithm
    alpn,                 ///< no common application protocol
    certificate_missing,  ///< the client showed none and must
    certificate_refused,  ///< the client's does not verify
    alert,                ///< the client refused us, for example our certificate
    shutdown,             ///< we are stopping
    protocol,             ///< anything else that is against the protocol
};
/// Why a client's connection or stream was ended by us, where the client is at fault.
enum class Attack : std::uint8_t {
    protocol_error,
    rapid_reset,
    continuation_flood,
    settings_flood,
    ping_flood,
    priority_flood,
    window_update_flood,
    empty_frame_flood,
    reset_flood,
    header_bomb,
    header_too_large,
    slow_header,
    slow_body,
    slow_reader,
    dead_peer,
    peer_connections,
};
/// How a second attempt that ran beside a slow first one ended; `no_budget`: it was not begun.
enum class Hedge : std::uint8_t { won, lost, failed, no_budget };
enum class UpstreamState : std::uint8_t { active, idle };
/// What happened in a provider's connection pool.  `stale`: an idle connection was found dead when
/// it was to be used. `rejected`: the pool and its waiting line were full.
enum class PoolEvent : std::uint8_t { opened, reused, expired, stale, rejected, waited };
/// Disjoint; images count video as well, reasoning counts citations as well.
enum class TokenKind : std::uint8_t {
    input,
    output,
    cache_read,
    cache_write,
    reasoning,
    audio_input,
    audio_output,
    image_input,
    image_output,
};
enum class TokenSource : std::uint8_t { vendor, estimate };

// Label values, in the order of the enums above.
inline constexpr std::array<std::string_view, 2> kClientProtocols{"http1", "http2"};
inline constexpr std::array<std::string_view, 2> kTlsVersions{"1.2", "1.3"};
inline constexpr std::array<std::string_view, 12> kHandshakeFailures{"plain_http",
                                                                     "not_tls",
                                                                     "timeout",
                                                                     "cut",
                                                                     "version",
                                                                     "cipher",
                                                                     "alpn",
                                                                     "certificate_missing",
                                                                     "certificate_refused",
                                                                     "alert",
                                                                     "shutdown",
                                                                     "protocol"};
inline constexpr std::array<std::string_view, 16> kAttacks{
    "protocol_error", "rapid_reset",    "continuation_flood",  "settings_flood",
    "ping_flood",     "priority_flood", "window_update_flood", "empty_frame_flood",
    "reset_flood",    "header_bomb",    "header_too_large",    "slow_header",
    "slow_body",      "slow_reader",    "dead_peer",           "peer_connections"};
inline constexpr std::array<std::string_view, 4> kHedges{"won", "lost", "failed", "no_budget"};
inline constexpr std::array<std::string_view, 2> kUpstreamStates{"active", "idle"};
inline constexpr std::array<std::string_view, 6> kPoolEvents{"opened", "reused",   "expired",
                                                             "stale",  "rejected", "waited"};
inline constexpr std::array<std::string_view, 9> kTokenKinds{
    "input",       "output",       "cache_read",  "cache_write", "reasoning",
    "audio_input", "audio_output", "image_input", "image_output"};
inline constexpr std::array<std::string_view, 2> kTokenSources{"vendor", "estimate"};
inline constexpr std::array<std::string_view, 2> kVendorCosts{"same", "different"};
inline constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::truncated) + 1;

/// The status codes that get their own label value; the first one stands for all others.
inline constexpr std::array<std::uint16_t, 36> kStatuses{
    0,   200, 201, 202, 204, 206, 301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406,
    408, 409, 410, 411, 413, 415, 417, 422, 424, 429, 431, 499, 500, 501, 502, 503, 504, 529};
[[nodiscard]] std::size_t status_index(std::uint16_t status) noexcept;

/// Upper limits of histogram buckets, in seconds.  Values that are not positive and finite are left
/// out, the rest is sorted; at most kMaxBuckets are used.
struct Buckets {
    std::vector<double> duration{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                 2.5,   5,      10,    20,   30,    60,   120, 300,  600};
    std::vector<double> per_token{0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075,
                                  0.1,   0.15,   0.2,   0.3,  0.5,  0.75, 1,    2.5};
    std::vector<double> overhead{0.00001, 0.00002, 0.00003, 0.00005, 0.0001, 0.0002, 0.0005,
                                 0.001,   0.002,   0.005,   0.01,    0.025,  0.05,   0.1};
};
inline constexpr std::size_t kMaxBuckets = 64;

/// The same in nanoseconds, cleaned; `duration` also serves the time to the first token.
struct Bounds {
    explicit Bounds(const Buckets& buckets);

    std::vector<std::uint64_t> duration;
    std::vector<std::uint64_t> per_token;
    std::vector<std::uint64_t> overhead;
};

struct ShardOptions {
    Buckets buckets = {};
    /// Values of the `outcome` label of attempts, e.g. "ok" and then the names of the failure
    /// kinds; add_attempt() takes the index.  `other` is added behind the last one.
    std::vector<std::string> attempt_outcomes{"ok"};
};

/// Counters of one (endpoint, target); read by the registry.
struct alignas(64) TargetCells {
    using StatusRow = std::array<Cell, kOutcomes>;

    std::array<Published<StatusRow>, kStatuses.size()> requests;
    Published<HistogramCells> duration;
    Published<HistogramCells> first_token;
    Published<HistogramCells> per_token;
    std::array<std::array<Cell, kTokenSources.size()>, kTokenKinds.size()> tokens;
    Cell unpriced;                    // tokens
    std::array<Cell, 2> vendor_cost;  // answers: as ours, different
    Cell truncated;
};

/// Money of one (target, key).
struct CostCells {
    std::array<Cell, kTokenSources.size()> cost;  // pico-dollars
};
/// Further pairs of a worker are counted under the key `other`.
inline constexpr std::size_t kMaxCostPairs = 8192;

/// Counters of one provider; read by the registry.
struct alignas(64) ProviderCells {
    explicit ProviderCells(std::size_t outcomes) : attempts(outcomes) {}

    std::vector<Cell> attempts;  // never resized
    std::array<Cell, kUpstreamStates.size()> connections;
    std::array<Cell, kPoolEvents.size()> pool;
};

class alignas(64) Shard {
public:
    explicit Shard(const ShardOptions& options = {});
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    // ---- written by the one owning thread ----

    /// Counts a finished exchange; `ids` come from the vocabulary of the exchange's snapshot.
    void publish(const RequestRecord& record, const LabelIds& ids) noexcept;
    /// Counts what an attempt used that was not the last one, by the target that it was at.
    void publish_spent(const SpentAttempt& spent, const LabelIds& ids) noexcept;

    void add_inflight(int delta) noexcept { inflight_.add(widen(delta)); }
    void add_client_connections(ClientProtocol protocol, int delta) noexcept {
        clients_[static_cast<std::size_t>(protocol)].add(widen(delta));
    }
    void add_handshake(TlsVersion version, bool resumed) noexcept {
        handshakes_[static_cast<std::size_t>(version)][resumed ? 1 : 0].add(1);
    }
    void add_handshake_failure(HandshakeFailure reason) noexcept {
        handshake_failures_[static_cast<std::size_t>(reason)].add(1);
    }
    void add_hedge(Hedge outcome) noexcept { hedges_[static_cast<std::size_t>(outcome)].add(1); }
    void add_attack(Attack kind) noexcept { attacks_[static_cast<std::size_t>(kind)].add(1); }
    /// `provider` as numbered by Vocabulary::provider().
    void add_upstream_connections(std::uint16_t provider, UpstreamState state, int delta) noexcept;
    /// One finished upstream attempt; `outcome` indexes ShardOptions::attempt_outcomes.
    void add_attempt(std::uint16_t provider, std::size_t outcome) noexcept;
    void add_pool_event(std::uint16_t provider, PoolEvent event) noexcept;
    /// A request moved on to another target.
    struct Failover {
        std::uint16_t from = 0;   ///< provider
        std::uint16_t to = 0;     ///< provider
        std::uint8_t reason = 0;  ///< index of ShardOptions::attempt_outcomes, less "ok"
    };
    void add_failover(const Failover& move) noexcept {
        failovers_.add((std::uint64_t{1} << 40U) | (std::uint64_t{move.from} << 24U) |
                       (std::uint64_t{move.to} << 8U) | move.reason);
    }

    // ---- read by any thread ----

    [[nodiscard]] std::uint64_t inflight() const noexcept { return inflight_.read(); }
    [[nodiscard]] std::uint64_t client_connections(ClientProtocol protocol) const noexcept {
        return clients_[static_cast<std::size_t>(protocol)].read();
    }
    [[nodiscard]] std::uint64_t handshakes(TlsVersion version, bool resumed) const noexcept {
        return handshakes_[static_cast<std::size_t>(version)][resumed ? 1 : 0].read();
    }
    [[nodiscard]] std::uint64_t handshake_failures(HandshakeFailure reason) const noexcept {
        return handshake_failures_[static_cast<std::size_t>(reason)].read();
    }
    [[nodiscard]] std::uint64_t hedges(Hedge outcome) const noexcept {
        return hedges_[static_cast<std::size_t>(outcome)].read();
    }
    [[nodiscard]] std::uint64_t attacks(Attack kind) const noexcept {
        return attacks_[static_cast<std::size_t>(kind)].read();
    }
    /// visit(LabelIds, const TargetCells&)
    template <class Visit>
    void for_each_target(Visit visit) const {
        targets_.for_each([&](std::size_t key, const TargetCells& cells) {
            visit(LabelIds{.endpoint = static_cast<std::uint16_t>(key % kEndpointSlots),
                           .target = static_cast<std::uint16_t>(key / kEndpointSlots)},
                  cells);
        });
    }
    /// visit(std::uint16_t target, std::uint16_t key, const CostCells&)
    template <class Visit>
    void for_each_cost(Visit visit) const {
        costs_.for_each([&](std::size_t pair, const CostCells& cells) {
            visit(static_cast<std::uint16_t>(pair / kMaxKeys),
                  static_cast<std::uint16_t>(pair % kMaxKeys), cells);
        });
    }
    /// visit(std::uint16_t provider, const ProviderCells&)
    template <class Visit>
    void for_each_provider(Visit visit) const {
        providers_.for_each([&](std::size_t id, const ProviderCells& cells) {
            visit(static_cast<std::uint16_t>(id), cells);
        });
    }
    /// visit(Failover, count)
    template <class Visit>
    void for_each_failover(Visit visit) const {
        failovers_.for_each([&](std::uint64_t key, std::uint64_t count) {
            visit(Failover{.from = static_cast<std::uint16_t>(key >> 24U),
                           .to = static_cast<std::uint16_t>(key >> 8U),
                           .reason = static_cast<std::uint8_t>(key)},
                  count);
        });
    }
    /// visit(std::uint16_t endpoint, const HistogramCells&)
    template <class Visit>
    void for_each_overhead(Visit visit) const {
        for (std::size_t i = 0; i < overhead_.size(); ++i) {
            if (const HistogramCells* cells = overhead_[i].find()) {
                visit(static_cast<std::uint16_t>(i), *cells);
            }
        }
    }

private:
    static constexpr std::size_t kEndpointSlots = 16;  // kEndpoints, rounded up
    static_assert(kEndpoints.size() <= kEndpointSlots);

    static constexpr std::uint64_t widen(int delta) noexcept {
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(delta));
    }
    ProviderCells& provider(std::uint16_t id) noexcept;
    struct Bill {
        const Usage& usage;
        Pricing pricing;
        Pico cost;
    };
    static void count_usage(TargetCells& cells, const Usage& usage) noexcept;
    void count_cost(const LabelIds& ids, bool is_estimate, Pico cost) noexcept;
    void count_money(TargetCells& cells, const Bill& bill, const LabelIds& ids) noexcept;
    void count_stream(TargetCells& cells, const RequestRecord& record) noexcept;

    Bounds bounds_;
    std::size_t attempt_outcomes_;
    Cell inflight_;
    std::array<Cell, kClientProtocols.size()> clients_;
    std::array<std::array<Cell, 2>, kTlsVersions.size()> handshakes_;  // not resumed, resumed
    std::array<Cell, kHandshakeFailures.size()> handshake_failures_;
    std::array<Cell, kHedges.size()> hedges_;
    std::array<Cell, kAttacks.size()> attacks_;
    std::array<Published<HistogramCells>, kEndpointSlots> overhead_;
    SparseTable<TargetCells, kMaxTargets * kEndpointSlots, 256> targets_;
    SparseTable<ProviderCells, kMaxProviders, 64> providers_;
    KeyedCells failovers_;
    SparseTable<CostCells, kMaxTargets * kMaxKeys, 256> costs_;
    std::unordered_set<std::size_t> cost_pairs_;  // of costs_; the writer's
};

}  // namespace tollgate::metrics
