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
// the answer can be found one after the other.  Only kinds with a rate of their own are tried.
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
    const catalog::KeySet keys = prices.priced_keys(model, circumstances.when);
    const auto has = [keys](catalog::Key key) { return (keys & catalog::bit(key)) != 0; };
    std::uint64_t Usage::*dearest = &Usage::input;
    Pico worst = cost(dearest, &Usage::output);
    const auto try_prompt = [&](catalog::Key key, std::uint64_t Usage::*kind,
                                std::string_view word) {
        const Pico amount = has(key) ? cost(kind, &Usage::output) : 0;
        if (amount > worst && mentions(most.body, word)) {
            worst = amount;
            dearest = kind;
        }
    };
    try_prompt(catalog::Key::cache_write, &Usage::cache_write,
               {});  // some vendors' caches need not be asked for
    try_prompt(catalog::Key::cache_write_1h, &Usage::cache_write_1h, "\"1h\"");
    try_prompt(catalog::Key::input_image, &Usage::image_input, "\"image_url\"");
    try_prompt(catalog::Key::input_audio, &Usage::audio_input, "\"input_audio\"");
    if (has(catalog::Key::reasoning)) {
        worst = std::max(worst, cost(dearest, &Usage::reasoning));
    }
    const Pico spoken = has(catalog::Key::output_audio) ? cost(dearest, &Usage::audio_output) : 0;
    return spoken > worst && mentions(most.body, "\"modalities\"") ? spoken : worst;
}

}  // namespace tollgate::router
