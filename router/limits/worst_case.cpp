#include "router/limits/worst_case.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace tollgate::router {
namespace {

using metrics::Usage;

// The sum of a few of them fits into 64 bits.
constexpr Pico kBeyondReason = std::numeric_limits<Pico>::max() / 8;

// Asked only where it changes the price.
bool mentions(std::string_view body, std::string_view word) noexcept {
    return word.empty() || (!body.empty() && ::memmem(body.data(), body.size(), word.data(),
                                                      word.size()) != nullptr);
}

}  // namespace

// A price is a sum over kinds of tokens, so the dearest kind of the prompt and the dearest kind of
// the answer can be found one after the other.
Pico worst_cost(const ModelPrices& prices, const catalog::Model* model, const MostUsed& most,
                const metrics::Circumstances& circumstances) {
    const auto cost = [&](std::uint64_t Usage::*in, std::uint64_t Usage::*out) -> Pico {
        Usage usage;
        usage.*in = most.prompt;
        usage.*out = most.output;
        const auto priced = prices.price(model, metrics::counts_of(usage), circumstances);
        if (!priced) {
            return kBeyondReason;
        }
        return priced->counts() ? std::min(priced->pico, kBeyondReason) : 0;
    };
    std::uint64_t Usage::*dearest = &Usage::input;
    Pico worst = cost(dearest, &Usage::output);
    const auto try_prompt = [&](std::uint64_t Usage::*kind, std::string_view word) {
        const Pico amount = cost(kind, &Usage::output);
        if (amount > worst && mentions(most.body, word)) {
            worst = amount;
            dearest = kind;
        }
    };
    try_prompt(&Usage::cache_write, {});  // some vendors' caches need not be asked for
    try_prompt(&Usage::cache_write_1h, "\"1h\"");
    try_prompt(&Usage::image_input, "\"image_url\"");
    try_prompt(&Usage::audio_input, "\"input_audio\"");
    worst = std::max(worst, cost(dearest, &Usage::reasoning));
    const Pico spoken = cost(dearest, &Usage::audio_output);
    return spoken > worst && mentions(most.body, "\"modalities\"") ? spoken : worst;
}

}  // namespace tollgate::router
