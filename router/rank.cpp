#include "router/rank.hpp"

#include <algorithm>
#include <numeric>

namespace tollgate::router {
namespace {

using config::Balance;
using Indexes = std::span<std::size_t>;

// Draws by weight without replacement, so that the rest are the fallbacks.
void by_weight(std::span<const Contender> all, Indexes order, Draw& draw) {
    for (; order.size() > 1; order = order.subspan(1)) {
        std::uint64_t total = 0;
        for (const std::size_t index : order) {
            total += all[index].weight;
        }
        std::size_t chosen = 0;
        if (total > 0) {
            std::uint64_t point = draw.next() % total;
            while (point >= all[order[chosen]].weight) {
                point -= all[order[chosen++]].weight;
            }
        }
        std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(chosen),
                    order.begin() + static_cast<std::ptrdiff_t>(chosen) + 1);
    }
}

// Expected wait: the time to first token, once more for each request that is already there.
double wait_of(const Contender& one) noexcept {
    constexpr double kUnknown = 1;  // ticks: a member without samples is tried soon
    return (static_cast<double>(one.latency.count()) + kUnknown) *
           (static_cast<double>(one.in_flight) + 1);
}

template <class Better>
void sort_by(Indexes order, Better better) {
    std::stable_sort(order.begin(), order.end(), better);
}

// Power of two choices: the better of two drawn ones goes first, so that not every worker and
// instance sends everything to the same best.  The others follow in their order.
void by_latency(std::span<const Contender> all, Indexes order, Draw& draw) {
    const auto better = [&](std::size_t a, std::size_t b) {
        return wait_of(all[a]) < wait_of(all[b]);
    };
    if (order.size() > 2) {
        const std::size_t first = draw.next() % order.size();
        std::swap(order[0], order[first]);
        const std::size_t second = 1 + draw.next() % (order.size() - 1);
        std::swap(order[1], order[second]);
        if (better(order[1], order[0])) {
            std::swap(order[0], order[1]);
        }
        order = order.subspan(1);
    }
    sort_by(order, better);
}

void by_strategy(std::span<const Contender> all, Balance balance, Indexes order, Draw& draw) {
    if (balance == Balance::order) {
        return;
    }
    by_weight(all, order, draw);  // also what breaks the ties of the others
    switch (balance) {
        case Balance::weighted:
        case Balance::order:
            break;
        case Balance::latency:
            by_latency(all, order, draw);
            break;
        case Balance::least_inflight:
            sort_by(order, [&](std::size_t a, std::size_t b) {
                return all[a].in_flight < all[b].in_flight;
            });
            break;
        case Balance::usage:
            sort_by(order, [&](std::size_t a, std::size_t b) {
                return all[a].headroom > all[b].headroom;
            });
            break;
        case Balance::cost:
            sort_by(order, [&](std::size_t a, std::size_t b) {
                if (all[a].price.has_value() != all[b].price.has_value()) {
                    return all[a].price.has_value();
                }
                return all[a].price && *all[a].price < *all[b].price;
            });
            break;
    }
    std::stable_partition(order.begin(), order.end(),
                          [&](std::size_t index) { return all[index].weight > 0; });
}

}  // namespace

Contender contender_of(const failover::Health& health, failover::Clock::time_point now,
                       const failover::HealthOptions& options, const failover::RateLimits& limits) {
    return {.is_well = health.is_well(now, options.breaker),
            .usable_from = health.usable_from(options.breaker),
            .load_share = health.breaker.load_share(now, options.breaker),
            .latency = health.first_token.read(now),
            .in_flight = health.in_flight(),
            .headroom = health.use.headroom(now, limits),
            .price = {}};
}

std::vector<std::size_t> rank(std::span<const Contender> contenders, Balance balance, Draw& draw) {
    std::vector<std::size_t> order(contenders.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto unwell = std::stable_partition(
        order.begin(), order.end(), [&](std::size_t index) { return contenders[index].is_well; });
    by_strategy(contenders, balance, Indexes(order.begin(), unwell), draw);
    if (std::any_of(order.begin(), unwell,
                    [&](std::size_t index) { return contenders[index].load_share < 1; })) {
        std::stable_partition(order.begin(), unwell, [&](std::size_t index) {
            const double share = contenders[index].load_share;
            return share >= 1 || draw.uniform() < share;
        });
    }
    std::stable_sort(unwell, order.end(), [&](std::size_t a, std::size_t b) {
        return contenders[a].usable_from < contenders[b].usable_from;
    });
    return order;
}

}  // namespace tollgate::router
