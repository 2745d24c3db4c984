#include "metrics/shard.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace tollgate::metrics {
namespace {

std::vector<std::uint64_t> to_nanoseconds(const std::vector<double>& seconds) {
    constexpr double kLongest = 1e9;  // 30 years; keeps the conversion below 2^63
    std::vector<std::uint64_t> bounds;
    for (const double limit : seconds) {
        if (limit >= 1e-9 && limit <= kLongest) {  // false for NaN
            bounds.push_back(static_cast<std::uint64_t>(std::llround(limit * 1e9)));
        }
    }
    std::ranges::sort(bounds);
    const auto repeated = std::ranges::unique(bounds);
    bounds.erase(repeated.begin(), repeated.end());
    bounds.resize(std::min(bounds.size(), kMaxBuckets));
    return bounds;
}

}  // namespace

std::size_t status_index(std::uint16_t status) noexcept {
    const auto found = std::ranges::lower_bound(kStatuses, status);
    return found != kStatuses.end() && *found == status
               ? static_cast<std::size_t>(found - kStatuses.begin())
               : 0;
}

Bounds::Bounds(const Buckets& buckets)
    : duration(to_nanoseconds(buckets.duration)),
      per_token(to_nanoseconds(buckets.per_token)),
      overhead(to_nanoseconds(buckets.overhead)) {}

Shard::Shard(const ShardOptions& options)
    : bounds_(options.buckets), attempt_outcomes_(options.attempt_outcomes.size()) {}

void Shard::publish(const RequestRecord& record, const LabelIds& ids) noexcept {
    const std::size_t endpoint = ids.endpoint < kEndpoints.size() ? ids.endpoint : 0;
    const std::size_t target = ids.target < kMaxTargets ? ids.target : 0;
    TargetCells& cells = targets_.get(target * kEndpointSlots + endpoint);

    const auto outcome = std::min(static_cast<std::size_t>(record.outcome), kOutcomes - 1);
    cells.requests[status_index(record.status)].get()[outcome].add(1);
    cells.duration.get(bounds_.duration.size())
        .observe(bounds_.duration, nanoseconds(record.duration));
    overhead_[endpoint]
        .get(bounds_.overhead.size())
        .observe(bounds_.overhead, nanoseconds(record.duration - record.upstream_wait));

    count_usage(cells, record.usage);
    count_money(cells, {.usage = record.usage, .pricing = record.pricing, .cost = record.cost},
                ids);
    if (record.stream) {
        count_stream(cells, record);
    }
}

void Shard::publish_spent(const SpentAttempt& spent, const LabelIds& ids) noexcept {
    const std::size_t endpoint = ids.endpoint < kEndpoints.size() ? ids.endpoint : 0;
    const std::size_t target = ids.target < kMaxTargets ? ids.target : 0;
    TargetCells& cells = targets_.get(target * kEndpointSlots + endpoint);
    count_usage(cells, spent.usage);
    count_money(cells, {.usage = spent.usage, .pricing = spent.pricing, .cost = spent.cost}, ids);
}

void Shard::count_usage(TargetCells& cells, const Usage& usage) noexcept {
    const auto source =
        static_cast<std::size_t>(usage.reported ? TokenSource::vendor : TokenSource::estimate);
    const auto count = [&](TokenKind kind, std::uint64_t tokens) {
        cells.tokens[static_cast<std::size_t>(kind)][source].add(tokens);
    };
    count(TokenKind::input, usage.input);
    count(TokenKind::output, usage.output);
    count(TokenKind::cache_read, usage.cache_read_total());
    count(TokenKind::cache_write, usage.cache_write_total());
    count(TokenKind::reasoning, usage.reasoning + usage.citation);
    count(TokenKind::audio_input, usage.audio_input);
    count(TokenKind::audio_output, usage.audio_output);
    count(TokenKind::image_input, usage.image_input + usage.video_input);
    count(TokenKind::image_output, usage.image_output);
}

void Shard::count_cost(const LabelIds& ids, bool is_estimate, Pico cost) noexcept {
    const std::size_t target = (ids.target < kMaxTargets ? ids.target : 0) * kMaxKeys;
    std::size_t pair = target + (ids.key < kMaxKeys ? ids.key : kOtherKey);
    if (!cost_pairs_.contains(pair)) {
        if (cost_pairs_.size() < kMaxCostPairs) {
            cost_pairs_.insert(pair);
        } else {
            pair = target + kOtherKey;
        }
    }
    costs_.get(pair).cost[is_estimate ? 1 : 0].add(
        static_cast<std::uint64_t>(std::max(cost, Pico{0})));
}

void Shard::count_money(TargetCells& cells, const Bill& bill, const LabelIds& ids) noexcept {
    const Usage& usage = bill.usage;
    if (bill.pricing == Pricing::unpriced) {
        cells.unpriced.add(usage.tokens());
    }
    if (bill.pricing != Pricing::priced) {
        return;
    }
    count_cost(ids, !usage.reported, bill.cost);
    if (usage.vendor_cost >= 0) {
        // Vendors round what they tell: a micro-dollar or a thousandth is no difference.
        const Pico apart = std::abs(usage.vendor_cost - bill.cost);
        const bool same = apart <= std::max(Pico{1'000'000}, bill.cost / 1000);
        cells.vendor_cost[same ? 0 : 1].add(1);
    }
}

void Shard::count_stream(TargetCells& cells, const RequestRecord& record) noexcept {
    if (record.outcome == Outcome::truncated) {
        cells.truncated.add(1);
    }
    if (record.first_byte <= Clock::duration::zero()) {
        return;
    }
    cells.first_token.get(bounds_.duration.size())
        .observe(bounds_.duration, nanoseconds(record.first_byte));
    const std::uint64_t tokens = record.usage.completion_total();
    if (record.outcome == Outcome::ok && tokens > 1) {
        cells.per_token.get(bounds_.per_token.size())
            .observe(bounds_.per_token,
                     nanoseconds(record.duration - record.first_byte) / (tokens - 1));
    }
}

ProviderCells& Shard::provider(std::uint16_t id) noexcept {
    return providers_.get(id < kMaxProviders ? id : 0, attempt_outcomes_ + 1);
}

void Shard::add_upstream_connections(std::uint16_t provider_id, UpstreamState state,
                                     int delta) noexcept {
    provider(provider_id).connections[static_cast<std::size_t>(state)].add(widen(delta));
}

void Shard::add_attempt(std::uint16_t provider_id, std::size_t outcome) noexcept {
    provider(provider_id).attempts[std::min(outcome, attempt_outcomes_)].add(1);
}

void Shard::add_pool_event(std::uint16_t provider_id, PoolEvent event) noexcept {
    provider(provider_id).pool[static_cast<std::size_t>(event)].add(1);
}

}  // namespace tollgate::metrics
