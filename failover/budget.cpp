#include "failover/budget.hpp"

#include <algorithm>

namespace tollgate::failover {

bool RetryBudget::try_retry(Clock::time_point now) noexcept {
    const Counts sum = window_.sum(now);
    const double allowed = std::max(static_cast<double>(options_.floor),
                                    options_.share * static_cast<double>(sum.requests));
    if (static_cast<double>(sum.retries) + 1 > allowed) {
        return false;
    }
    ++window_.at(now).retries;
    return true;
}

}  // namespace tollgate::failover
