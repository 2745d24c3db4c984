// What a request may cost at most, by the code and the prices that will bill its answer.
#pragma once

#include "router/limits/budget.hpp"
#include "router/model_prices.hpp"

#include <cstdint>
#include <string_view>

namespace tollgate::router {

/// The most that a request can use.
struct MostUsed {
    std::uint64_t prompt = 0;  ///< tokens
    std::uint64_t output = 0;
    std::string_view body;  ///< of the request: it must name some kinds of tokens to lead to them
};

/// Zero where the price is not known.  An amount beyond all reason is more than any budget.
[[nodiscard]] Pico worst_cost(const ModelPrices& prices, const catalog::Model* model,
                              const MostUsed& most, const metrics::Circumstances& circumstances);

}  // namespace tollgate::router
