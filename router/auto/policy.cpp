#include "router/auto/policy.hpp"

#include <algorithm>
#include <cmath>

namespace tollgate::router {
namespace {

/// score = quality × points − price × log2(cost / least cost) − latency × log2(time / least time)
///         − shortfall × (points missing from what the difficulty needs)
struct PolicyWeights {
    double quality;
    double price;
    double latency;
    double shortfall;
};

constexpr PolicyWeights weights_of(config::AutoPolicy policy) noexcept {
    switch (policy) {
        case config::AutoPolicy::cheap:
            return {.quality = 0.05, .price = 6, .latency = 0.2, .shortfall = 2};
        case config::AutoPolicy::fast:
            return {.quality = 0.1, .price = 0.2, .latency = 8, .shortfall = 1.5};
        case config::AutoPolicy::best:
            return {.quality = 1, .price = 0.1, .latency = 0.1, .shortfall = 0};
        case config::AutoPolicy::balanced:
            break;
    }
    return {.quality = 0.5, .price = 2, .latency = 1, .shortfall = 2};
}

/// Quality below which an answer is likely not to be good enough.
constexpr double needed(Difficulty difficulty) noexcept {
    switch (difficulty) {
        case Difficulty::easy:
            return 45;
        case Difficulty::medium:
            return 60;
        case Difficulty::hard:
            break;
    }
    return 75;
}

constexpr double kMostDoublings = 8;  // a free or instant target must not outweigh everything

/// How many doublings `value` is above `least`.
double doublings(double value, double least) noexcept {
    return std::min(std::log2(std::max(value, 1.0) / std::max(least, 1.0)), kMostDoublings);
}

struct Least {
    double cost = 0;
    double time = 0;
    double dearest = 0;  ///< what a target of unknown price is taken to cost
    double typical = 0;  ///< what a target of unknown latency is taken to need
};

Least least_of(const std::vector<AutoCandidate>& candidates) {
    Least out;
    bool has_cost = false;
    std::size_t timed = 0;
    for (const AutoCandidate& candidate : candidates) {
        if (candidate.cost) {
            const auto cost = static_cast<double>(*candidate.cost);
            out.cost = has_cost ? std::min(out.cost, cost) : cost;
            out.dearest = std::max(out.dearest, cost);
            has_cost = true;
        }
        if (candidate.first_token) {
            const auto time = static_cast<double>(candidate.first_token->count());
            out.time = timed > 0 ? std::min(out.time, time) : time;
            ++timed;
        }
    }
    if (timed > 0 && timed < candidates.size()) {
        std::vector<double> times;
        times.reserve(timed);
        for (const AutoCandidate& candidate : candidates) {
            if (candidate.first_token) {
                times.push_back(static_cast<double>(candidate.first_token->count()));
            }
        }
        const auto middle = times.begin() + static_cast<std::ptrdiff_t>(timed / 2);
        std::ranges::nth_element(times, middle);
        out.typical = *middle;
    }
    return out;
}

}  // namespace

void rank(std::vector<AutoCandidate>& candidates, config::AutoPolicy policy,
          Difficulty difficulty) {
    const PolicyWeights weights = weights_of(policy);
    const Least least = least_of(candidates);
    for (AutoCandidate& candidate : candidates) {
        const double cost = candidate.cost ? static_cast<double>(*candidate.cost) : least.dearest;
        const double time = candidate.first_token
                                ? static_cast<double>(candidate.first_token->count())
                                : least.typical;
        candidate.score = weights.quality * candidate.quality -
                          weights.price * doublings(cost, least.cost) -
                          weights.latency * doublings(time, least.time) -
                          weights.shortfall * std::max(0.0, needed(difficulty) - candidate.quality);
    }
    // Few, and a stable_sort() would allocate.
    for (auto place = candidates.begin(); place != candidates.end(); ++place) {
        const auto before = std::ranges::upper_bound(candidates.begin(), place, place->score,
                                                     std::ranges::greater(), &AutoCandidate::score);
        std::rotate(before, place, place + 1);
    }
}

}  // namespace tollgate::router
