#include "metrics/price.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

namespace tollgate::metrics {
namespace {

using catalog::Key;
using catalog::KeySet;
using catalog::Rate;

// Rates are per 1, 3,600 or 1,000,000: all sums are kept in parts of this.
constexpr std::int64_t kParts = 9'000'000;
constexpr std::int64_t kAmountScale = 10'000'000'000'000;  // 10^catalog::kAmountDigits
static_assert(kParts % 3600 == 0 && kParts % 1'000'000 == 0 && catalog::kAmountDigits == 13);
constexpr Int128 kWhole = Int128{kAmountScale} * kParts;  // one unit of the currency in such sums
static_assert(kWhole % kPicoPerUsd == 0);

/// The rates that count for one call.
class Rates {
public:
    void put(std::span<const Rate> rates) noexcept {
        for (const Rate& rate : rates) {
            amounts_[static_cast<std::size_t>(rate.key)] = rate.amount;
            keys_ |= bit(rate.key);
        }
    }
    [[nodiscard]] bool has(Key key) const noexcept { return (keys_ & bit(key)) != 0; }
    [[nodiscard]] catalog::Amount operator[](Key key) const noexcept {
        return amounts_[static_cast<std::size_t>(key)];
    }

private:
    std::array<catalog::Amount, catalog::kKeys> amounts_;  // only those of keys_ are set
    KeySet keys_ = 0;
};

bool add(Int128& sum, Int128 amount) noexcept {
    return !__builtin_add_overflow(sum, amount, &sum);
}

Int128 common_divisor(Int128 a, Int128 b) noexcept {
    while (b != 0) {
        a = std::exchange(b, a % b);
    }
    return a;
}

void reduce(Exact& amount) noexcept {
    const Int128 divisor = common_divisor(amount.denominator, amount.numerator);
    amount.numerator /= divisor;
    amount.denominator /= divisor;
}

/// False, with nothing changed: beyond 128 bits.
bool multiply(Exact& amount, Int128 numerator, Int128 denominator) noexcept {
    Exact product;
    if (__builtin_mul_overflow(amount.numerator, numerator, &product.numerator) ||
        __builtin_mul_overflow(amount.denominator, denominator, &product.denominator)) {
        return false;
    }
    amount = product;
    return true;
}

/// Multiplies by a ratio without going beyond 128 bits where that can be avoided: a fraction is
/// reduced when it must be, as that takes ten times as long as the rest of a price.
bool scale(Exact& amount, Ratio by) noexcept {
    if (by == Ratio{} || multiply(amount, by.numerator, by.denominator)) {
        return true;
    }
    reduce(amount);
    return multiply(amount, by.numerator, by.denominator);
}

/// numerator / denominator * 10^12, rounded.
std::optional<Pico> to_pico(Exact amount) noexcept {
    if (amount.denominator == kWhole) [[likely]] {
        amount.denominator = kWhole / kPicoPerUsd;
    } else if (!multiply(amount, kPicoPerUsd, 1)) {
        reduce(amount);
        if (!multiply(amount, kPicoPerUsd, 1)) {
            return std::nullopt;
        }
    }
    const Int128 pico = divide_half_even(amount.numerator, amount.denominator);
    if (pico > std::numeric_limits<Pico>::max()) {
        return std::nullopt;
    }
    return static_cast<Pico>(pico);
}

/// Whether `when` is in the price's times of day; a window may span midnight.
bool is_time_of(const catalog::Price& price, std::int64_t minute_of_day) noexcept {
    if (price.tod_begin == price.tod_end) {
        return true;
    }
    if (price.tod_begin < price.tod_end) {
        return minute_of_day >= price.tod_begin && minute_of_day < price.tod_end;
    }
    return minute_of_day >= price.tod_begin || minute_of_day < price.tod_end;
}

Ratio factor_named(const catalog::Model& model, std::string_view name) noexcept {
    for (const catalog::Factor& factor : model.factors) {
        if (!name.empty() && factor.name == name) {
            const std::int64_t divisor = std::gcd(factor.factor, kAmountScale);
            return {.numerator = factor.factor / divisor, .denominator = kAmountScale / divisor};
        }
    }
    return {};
}

constexpr CostKind kind_of(std::string_view key) noexcept {
    return key.starts_with("cache_read")    ? CostKind::cache_read
           : key.starts_with("cache_write") ? CostKind::cache_write
           : key.starts_with("input")       ? CostKind::input
           : key.starts_with("output") || key == "reasoning" || key == "citation" ? CostKind::output
                                                                                  : CostKind::other;
}
constexpr std::array<CostKind, catalog::kKeys> kKinds = [] {
    std::array<CostKind, catalog::kKeys> kinds{};
    for (std::size_t i = 0; i < catalog::kKeys; ++i) {
        kinds[i] = kind_of(catalog::kKeyFacts[i].name);
    }
    return kinds;
}();

/// Amounts by CostKind, and together.
struct Sums {
    Int128 total = 0;
    std::array<Int128, kCostKinds> by_kind{};
};

/// Shares out `pico` in the proportions of `sums`.
CostByKind share_out(Pico pico, const Sums& sums) noexcept {
    CostByKind shares{};
    if (pico == 0 || sums.total <= 0) {
        return shares;
    }
    // Both factors within 63 bits, so that their product fits.
    constexpr Int128 kMost = std::numeric_limits<std::int64_t>::max();
    int shift = 0;
    while ((sums.total >> shift) > kMost) {
        ++shift;
    }
    Pico rest = pico;
    std::size_t largest = 0;
    for (std::size_t i = 0; i < kCostKinds; ++i) {
        if (sums.by_kind[i] == 0) {
            continue;
        }
        shares[i] =
            static_cast<Pico>(Int128{pico} * (sums.by_kind[i] >> shift) / (sums.total >> shift));
        rest -= shares[i];
        largest = sums.by_kind[i] > sums.by_kind[largest] ? i : largest;
    }
    shares[largest] += rest;
    return shares;
}

/// The sum of all rates times what is left of their counters once their parts are taken out.
std::expected<Sums, std::string> sum_up(const Rates& rates, const Counts& counts) {
    Sums sums;
    std::array<std::int64_t, catalog::kKeys> inside{};  // leaves of the priced keys within a key
    for (std::size_t i = catalog::kKeys; i-- > 0;) {
        const auto key = static_cast<Key>(i);
        const catalog::KeyFacts& facts = catalog::facts(key);
        if (counts.counts[i] < 0) {
            return std::unexpected("the usage is not valid: " + std::string(facts.usage) +
                                   " is negative");
        }
        if (!rates.has(key)) {
            continue;
        }
        std::int64_t leaf = 0;
        if (__builtin_sub_overflow(counts.counts[i], inside[i], &leaf) || leaf < 0) {
            return std::unexpected("the usage is not valid: the parts of " +
                                   std::string(facts.usage) + " are more than the whole");
        }
        for (KeySet within = facts.within; within != 0; within &= within - 1) {
            const auto outer = static_cast<std::size_t>(std::countr_zero(within));
            if (__builtin_add_overflow(inside[outer], leaf, &inside[outer])) {
                return std::unexpected("the usage is not valid: a counter is too large");
            }
        }
        Int128 amount = Int128{rates[key]} * leaf;
        if (__builtin_mul_overflow(amount, Int128{kParts / facts.per}, &amount) ||
            !add(sums.total, amount)) {
            return std::unexpected("the usage is not valid: a counter is too large");
        }
        sums.by_kind[static_cast<std::size_t>(kKinds[i])] += amount;
    }
    return sums;
}

}  // namespace

std::optional<Ratio> product(Ratio a, Ratio b) noexcept {
    const std::int64_t across = std::gcd(a.numerator, b.denominator);
    const std::int64_t other = std::gcd(b.numerator, a.denominator);
    Ratio result;
    if (__builtin_mul_overflow(a.numerator / across, b.numerator / other, &result.numerator) ||
        __builtin_mul_overflow(a.denominator / other, b.denominator / across,
                               &result.denominator)) {
        return std::nullopt;
    }
    return result;
}

std::string_view to_string(Priced priced) noexcept {
    static constexpr std::array<std::string_view, 5> kNames{"priced", "free", "no_price", "zero",
                                                            "suspect"};
    return kNames[static_cast<std::size_t>(priced)];
}

Counts counts_of(const Usage& usage) noexcept {
    Counts counts;
    const auto put = [&](Key key, std::uint64_t count) {
        counts[key] = static_cast<std::int64_t>(
            std::min(count, std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
    };
    put(Key::input, usage.prompt_total());
    put(Key::output, usage.completion_total());
    put(Key::cache_read, usage.cache_read_total());
    put(Key::cache_write, usage.cache_write_total());
    put(Key::cache_write_1h, usage.cache_write_1h);
    put(Key::reasoning, usage.reasoning);
    put(Key::citation, usage.citation);
    put(Key::input_audio, usage.audio_input + usage.audio_cache_read);
    put(Key::output_audio, usage.audio_output);
    put(Key::cache_read_audio, usage.audio_cache_read);
    put(Key::input_image, usage.image_input + usage.image_cache_read);
    put(Key::output_image, usage.image_output);
    put(Key::cache_read_image, usage.image_cache_read);
    put(Key::input_video, usage.video_input);
    put(Key::request, 1);
    put(Key::web_search, usage.web_searches);
    put(Key::rerank_search, usage.rerank_searches);
    put(Key::input_chars, usage.input_characters);
    put(Key::output_chars, usage.output_characters);
    put(Key::audio_hour, usage.input_audio_seconds + usage.output_audio_seconds);
    put(Key::input_audio_hour, usage.input_audio_seconds);
    put(Key::output_audio_hour, usage.output_audio_seconds);
    put(Key::input_image_each, usage.input_images);
    put(Key::output_image_each, usage.output_images);
    put(Key::page, usage.pages);
    return counts;
}

KeySet priced_keys(const catalog::Model& model, const catalog::Price& price) noexcept {
    KeySet keys = 0;
    const auto add = [&](std::span<const Rate> rates) {
        for (const Rate& rate : rates) {
            keys |= bit(rate.key);
        }
    };
    add(price.rates);
    for (const catalog::Tier& tier : price.tiers) {
        add(tier.rates);
    }
    for (const catalog::Service& service : model.services) {
        add(service.rates);
    }
    return keys;
}

const catalog::Price* choose_price(const catalog::Model& model, const Terms& terms,
                                   std::chrono::system_clock::time_point when) noexcept {
    if (model.prices.empty()) {
        return nullptr;
    }
    const auto minutes = std::chrono::floor<std::chrono::minutes>(when.time_since_epoch());
    const auto day = std::chrono::floor<std::chrono::days>(when.time_since_epoch());
    const std::int64_t minute_of_day =
        (minutes - std::chrono::duration_cast<std::chrono::minutes>(day)).count();
    const auto choose = [&](auto matches) -> const catalog::Price* {
        const catalog::Price* first = nullptr;
        const catalog::Price* last = nullptr;
        for (const catalog::Price& price : model.prices) {
            if (!matches(price)) {
                continue;
            }
            first = first == nullptr ? &price : first;
            if (price.from_day <= day.count() && is_time_of(price, minute_of_day)) {
                last = &price;
            }
        }
        return last != nullptr ? last : first;
    };
    const auto with = [&](catalog::Currency currency) -> const catalog::Price* {
        const auto at = [&](std::string_view region) {
            return choose([&](const catalog::Price& price) {
                return price.currency == currency && price.region == region;
            });
        };
        const catalog::Price* found = at(terms.region);
        return found != nullptr || terms.region.empty() ? found : at({});
    };
    if (const catalog::Price* const price = with(terms.currency)) {
        return price;
    }
    for (const catalog::Price& price : model.prices) {
        if (const catalog::Price* const found = with(price.currency)) {
            return found;
        }
    }
    // Only in regions that were not asked for.
    return choose([&](const catalog::Price& price) {
        return price.currency == model.prices.front().currency &&
               price.region == model.prices.front().region;
    });
}

std::expected<Cost, std::string> price(const catalog::Model& model, const Counts& counts,
                                       const Terms& terms, const Circumstances& circumstances) {
    Cost cost;
    cost.price = choose_price(model, terms, circumstances.when);
    if (cost.price == nullptr) {
        return cost;
    }
    cost.currency = cost.price->currency;
    cost.priced = cost.price->mark == catalog::Mark::free      ? Priced::free
                  : cost.price->mark == catalog::Mark::zero    ? Priced::zero
                  : cost.price->mark == catalog::Mark::suspect ? Priced::suspect
                                                               : Priced::yes;
    Rates rates;
    rates.put(cost.price->rates);
    const catalog::Tier* tier = nullptr;
    for (const catalog::Tier& candidate : cost.price->tiers) {  // rising
        if (counts[Key::input] > static_cast<std::int64_t>(candidate.above)) {
            tier = &candidate;
        }
    }
    if (tier != nullptr) {
        rates.put(tier->rates);
    }
    bool has_service = false;  // a tier with rates of its own needs no factor
    for (const catalog::Service& service : model.services) {
        if (service.name == circumstances.service && cost.priced == Priced::yes) {
            rates.put(service.rates);
            has_service = true;
        }
    }
    Counts billed = counts;
    for (const Key key : {Key::audio_hour, Key::input_audio_hour}) {
        if (billed[key] > 0) {
            billed[key] = std::max(billed[key], std::int64_t{model.min_seconds});
        }
    }
    const std::expected<Sums, std::string> sums = sum_up(rates, billed);
    if (!sums) {
        return std::unexpected(sums.error());
    }
    cost.own = {.numerator = sums->total, .denominator = kWhole};
    const bool is_regional = !cost.price->region.empty();
    bool fits =
        scale(cost.own, has_service ? Ratio{} : factor_named(model, circumstances.service)) &&
        scale(cost.own, is_regional ? Ratio{} : factor_named(model, terms.region)) &&
        scale(cost.own, terms.factor);
    cost.usd = cost.own;
    fits = fits && scale(cost.usd, terms.in_usd[static_cast<std::size_t>(cost.currency)]);
    const std::optional<Pico> pico = fits ? to_pico(cost.usd) : std::nullopt;
    if (!pico) {
        return std::unexpected("the usage is not valid: it would cost millions");
    }
    cost.pico = *pico;
    cost.by_kind = share_out(cost.pico, *sums);
    return cost;
}

std::string to_decimal(Exact amount, unsigned digits) {
    reduce(amount);
    // Digit by digit, so that nothing can overflow: the remainder stays below the denominator.
    constexpr Int128 kMost = ~(Int128{1} << 127) / 10;
    const Int128 whole = amount.numerator / amount.denominator;
    Int128 rest = amount.numerator % amount.denominator;
    if (amount.denominator > kMost) {  // its last digits are beyond what anybody asks for
        amount.denominator /= 10;
        rest /= 10;
    }
    Int128 fraction = 0;
    for (unsigned i = 0; i < digits; ++i) {
        rest *= 10;
        fraction = fraction * 10 + rest / amount.denominator;
        rest %= amount.denominator;
    }
    if (rest > amount.denominator - rest ||
        (rest == amount.denominator - rest && fraction % 2 == 1)) {
        ++fraction;
    }
    Int128 unit = 1;
    for (unsigned i = 0; i < digits; ++i) {
        unit *= 10;
    }
    DecimalText space;
    return std::string(write_decimal(whole * unit + fraction, digits, space));
}

}  // namespace tollgate::metrics
