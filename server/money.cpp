// What an exchange costs, and requests whose cost cannot be known.
#include "adapters/vendor.hpp"
#include "metrics/price.hpp"
#include "server/dispatch.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <string>

namespace tollgate::server {

metrics::Pricing Dispatch::price_of(const Attempt& attempt, const adapters::Usage& usage,
                                    metrics::Pico& cost, metrics::CostByKind* by_kind) {
    cost = 0;
    if (attempt.provider == nullptr || (usage.tokens() == 0 && !usage.reported)) {
        return metrics::Pricing::none;
    }
    const std::expected<metrics::Cost, std::string> priced = attempt.provider->prices.price(
        attempt.known, metrics::counts_of(usage),
        {.when = record_.wall, .service = metrics::to_string(usage.service)});
    if (!priced) {
        worker_.logger().log(metrics::Level::warn, "usage without a price",
                             {{"request_id", record_.request_id},
                              {"provider", attempt.provider->endpoint.provider},
                              {"model", attempt.model},
                              {"detail", priced.error()}});
        return metrics::Pricing::unpriced;
    }
    if (!priced->counts()) {
        return metrics::Pricing::unpriced;
    }
    cost = priced->pico;
    if (by_kind != nullptr) {
        *by_kind = priced->by_kind;
    }
    return priced->priced == metrics::Priced::free ? metrics::Pricing::free
                                                   : metrics::Pricing::priced;
}

std::string Dispatch::usage_cost(const adapters::Usage& usage) {
    metrics::Pico cost = 0;
    const metrics::Pricing pricing = price_of(current_, usage, cost);
    return pricing == metrics::Pricing::priced || pricing == metrics::Pricing::free
               ? metrics::to_decimal(cost)
               : std::string();
}

void Dispatch::price_usage() {
    record_.pricing = price_of(current_, record_.usage, record_.cost, &record_.cost_by_kind);
}

// Only where the whole answer is known before its head goes out; streams tell it in their usage.
void Dispatch::add_cost(ResponseHead& head) const {
    if (settled_ && (record_.pricing == metrics::Pricing::priced ||
                     record_.pricing == metrics::Pricing::free)) {
        metrics::DecimalText space;
        head.add("x-tollgate-cost-usd",
                 metrics::write_decimal(record_.cost, metrics::kPicoDigits, space));
    }
}

}  // namespace tollgate::server
