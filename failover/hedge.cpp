#include "failover/hedge.hpp"

#include <algorithm>

namespace tollgate::failover {

std::optional<Clock::duration> hedge_delay(const HedgeOptions& options,
                                           const Percentiles& answers) noexcept {
    if (options.percentile == 0) {
        return options.delay;
    }
    return answers.read(options.percentile);
}

void HedgeBudget::request(const HedgeOptions& options) noexcept {
    credit_ = std::min(credit_ + options.share, kMost);
}

bool HedgeBudget::try_hedge() noexcept {
    if (credit_ < 1) {
        return false;
    }
    credit_ -= 1;
    return true;
}

}  // namespace tollgate::failover
