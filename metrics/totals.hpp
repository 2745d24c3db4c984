// Plain sums of what the shards hold, taken at one scrape.
#pragma once

#include "metrics/shard.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace tollgate::metrics {

/// Buckets (not cumulative, +Inf last) and nanoseconds, summed over shards.
struct HistogramTotal {
    std::vector<std::uint64_t> buckets;
    std::uint64_t sum = 0;

    void add(const HistogramCells& cells) {
        const auto from = cells.buckets();
        buckets.resize(std::max(buckets.size(), from.size()));
        for (std::size_t i = 0; i < from.size(); ++i) {
            buckets[i] += from[i].read();
        }
        sum += cells.sum();
    }
    void add(const Published<HistogramCells>& cells) {
        if (const auto* found = cells.find()) {
            add(*found);
        }
    }
};

struct TargetTotal {
    std::array<std::array<std::uint64_t, kOutcomes>, kStatuses.size()> requests{};
    HistogramTotal duration;
    HistogramTotal first_token;
    HistogramTotal per_token;

    void add(const TargetCells& cells) {
        for (std::size_t s = 0; s < kStatuses.size(); ++s) {
            if (const auto* row = cells.requests[s].find()) {
                for (std::size_t o = 0; o < kOutcomes; ++o) {
                    requests[s][o] += (*row)[o].read();
                }
            }
        }
        duration.add(cells.duration);
        first_token.add(cells.first_token);
        per_token.add(cells.per_token);
    }
};

/// Tokens and cut streams of one target, whatever the endpoint.
struct UsageTotal {
    std::array<std::array<std::uint64_t, kTokenSources.size()>, kTokenKinds.size()> tokens{};
    std::uint64_t unpriced = 0;
    std::array<std::uint64_t, 2> vendor_cost{};
    std::uint64_t truncated = 0;

    void add(const TargetCells& cells) {
        for (std::size_t k = 0; k < kTokenKinds.size(); ++k) {
            for (std::size_t s = 0; s < kTokenSources.size(); ++s) {
                tokens[k][s] += cells.tokens[k][s].read();
            }
        }
        for (std::size_t s = 0; s < kTokenSources.size(); ++s) {
            vendor_cost[s] += cells.vendor_cost[s].read();
        }
        unpriced += cells.unpriced.read();
        truncated += cells.truncated.read();
    }
};

struct ProviderTotal {
    std::vector<std::uint64_t> attempts;
    std::array<std::uint64_t, kUpstreamStates.size()> connections{};
    std::array<std::uint64_t, kPoolEvents.size()> pool{};

    void add(const ProviderCells& cells) {
        attempts.resize(std::max(attempts.size(), cells.attempts.size()));
        for (std::size_t i = 0; i < cells.attempts.size(); ++i) {
            attempts[i] += cells.attempts[i].read();
        }
        for (std::size_t i = 0; i < connections.size(); ++i) {
            connections[i] += cells.connections[i].read();
        }
        for (std::size_t i = 0; i < pool.size(); ++i) {
            pool[i] += cells.pool[i].read();
        }
    }
};

/// Pico-dollars by source.
using CostTotal = std::array<Int128, kTokenSources.size()>;

/// Everything that the shards hold, in the order of the output.
struct Totals {
    std::map<std::pair<std::uint16_t, std::uint16_t>, TargetTotal> targets;  // (target, endpoint)
    std::map<std::uint16_t, UsageTotal> usage;                               // by target
    std::map<std::pair<std::uint16_t, std::uint16_t>, CostTotal> costs;      // (target, key)
    std::map<std::uint16_t, ProviderTotal> providers;
    std::map<std::uint16_t, HistogramTotal> overhead;  // by endpoint
    std::map<std::tuple<std::uint16_t, std::uint16_t, std::uint8_t>, std::uint64_t>
        failovers;  // (from, to, reason)
    std::uint64_t inflight = 0;
    std::array<std::uint64_t, kClientProtocols.size()> clients{};
    std::array<std::uint64_t, kTlsVersions.size() * 2> handshakes{};  // by version, then resumed
    std::array<std::uint64_t, kHandshakeFailures.size()> handshake_failures{};
    std::array<std::uint64_t, kHedges.size()> hedges{};
    std::array<std::uint64_t, kAttacks.size()> attacks{};

    void add(const Shard& shard) {
        shard.for_each_target([this](LabelIds ids, const TargetCells& cells) {
            targets[{ids.target, ids.endpoint}].add(cells);
            usage[ids.target].add(cells);
        });
        shard.for_each_cost(
            [this](std::uint16_t target, std::uint16_t key, const CostCells& cells) {
                CostTotal& total = costs[{target, key}];
                for (std::size_t s = 0; s < total.size(); ++s) {
                    total[s] += cells.cost[s].read();
                }
            });
        shard.for_each_provider([this](std::uint16_t provider, const ProviderCells& cells) {
            providers[provider].add(cells);
        });
        shard.for_each_overhead([this](std::uint16_t endpoint, const HistogramCells& cells) {
            overhead[endpoint].add(cells);
        });
        shard.for_each_failover([this](Shard::Failover move, std::uint64_t count) {
            failovers[{move.from, move.to, move.reason}] += count;
        });
        inflight += shard.inflight();
        for (std::size_t i = 0; i < clients.size(); ++i) {
            clients[i] += shard.client_connections(static_cast<ClientProtocol>(i));
        }
        for (std::size_t i = 0; i < handshakes.size(); ++i) {
            handshakes[i] += shard.handshakes(static_cast<TlsVersion>(i / 2), i % 2 == 1);
        }
        for (std::size_t i = 0; i < handshake_failures.size(); ++i) {
            handshake_failures[i] += shard.handshake_failures(static_cast<HandshakeFailure>(i));
        }
        for (std::size_t i = 0; i < hedges.size(); ++i) {
            hedges[i] += shard.hedges(static_cast<Hedge>(i));
        }
        for (std::size_t i = 0; i < attacks.size(); ++i) {
            attacks[i] += shard.attacks(static_cast<Attack>(i));
        }
    }
};

}  // namespace tollgate::metrics
