#include "router/model_prices.hpp"

#include <algorithm>
#include <numeric>

namespace tollgate::router {
namespace {

using catalog::Rate;

/// From micro-units of the configuration to the catalog's finer ones; config bounds the amounts.
constexpr catalog::Amount kPerMicro = 10'000'000;
static_assert(catalog::kAmountDigits == 13);

std::vector<Rate> to_rates(const config::PriceRates& rates) {
    std::vector<Rate> out;
    for (const auto& [name, amount] : rates) {
        if (const auto key = catalog::key_named(name)) {
            out.push_back({.key = *key, .amount = amount.micros * kPerMicro});
        }
    }
    std::ranges::sort(out, {}, &Rate::key);
    return out;
}

/// `over` replaces what `base` says of the same keys.
std::vector<Rate> overlaid(std::span<const Rate> base, std::vector<Rate> over) {
    for (const Rate& rate : base) {
        if (std::ranges::find(over, rate.key, &Rate::key) == over.end()) {
            over.push_back(rate);
        }
    }
    std::ranges::sort(over, {}, &Rate::key);
    return over;
}

metrics::Ratio reduced(std::int64_t numerator, std::int64_t denominator) {
    const std::int64_t divisor = std::gcd(numerator, denominator);
    return {.numerator = numerator / divisor, .denominator = denominator / divisor};
}

}  // namespace

ModelPrices::ModelPrices(const catalog::Vendor* vendor, const config::ProviderSettings& provider,
                         const config::CostSettings& cost, std::string_view region)
    : vendor_(vendor), provider_(&provider), is_free_(provider.price.free) {
    const config::ProviderPrice& price = provider.price;
    const auto currency = catalog::currency_named(price.currency);
    terms_.currency = currency            ? *currency
                      : vendor != nullptr ? vendor->bills()
                                          : catalog::Currency::usd;
    terms_.region = price.region.empty() ? region : std::string_view(price.region);
    terms_.factor =
        metrics::product(reduced(config::kShareParts - price.discount, config::kShareParts),
                         reduced(config::kShareParts + price.margin, config::kShareParts))
            .value_or(metrics::Ratio{});
    for (const config::ExchangeRate& rate : cost.rates) {
        if (const auto of = catalog::currency_named(rate.currency)) {
            terms_.in_usd[static_cast<std::size_t>(*of)] = reduced(1'000'000, rate.per_usd.micros);
        }
    }
    for (const config::ModelPrice& own : cost.prices) {
        const std::string_view name = own.model;
        if (name.size() > provider.name.size() && name.starts_with(provider.name) &&
            name[provider.name.size()] == '/') {
            add(name.substr(provider.name.size() + 1), own);
        }
    }
}

void ModelPrices::add(std::string_view id, const config::ModelPrice& own) {
    const catalog::Model* const known =
        vendor_ == nullptr || id == "*" ? nullptr : vendor_->find(id);
    catalog::Model model = known != nullptr ? *known : catalog::Model();
    model.services = {};  // the price list's service tiers are not the configuration's
    catalog::Price price;
    price.currency = *catalog::currency_named(own.currency);
    price.mark = own.free ? catalog::Mark::free : catalog::Mark::none;
    // What the configuration leaves out has the catalog's rate of today's kind: the last list in
    // that currency.
    std::span<const Rate> base;
    for (const catalog::Price& listed : model.prices) {
        if (listed.currency == price.currency && listed.region.empty()) {
            base = listed.rates;
        }
    }
    price.rates =
        own.free ? rates_.emplace_back() : rates_.emplace_back(overlaid(base, to_rates(own.rates)));
    std::vector<catalog::Tier>& tiers = tiers_.emplace_back();
    for (const config::PriceTier& tier : own.tiers) {
        tiers.push_back({.above = tier.above, .rates = rates_.emplace_back(to_rates(tier.rates))});
    }
    price.tiers = tiers;
    model.prices = prices_.emplace_back(std::vector<catalog::Price>{price});
    const auto [at, added] = own_.emplace(std::string(id), model);
    if (added && known == nullptr) {
        at->second.id = at->first;
    }
}

const catalog::Model* ModelPrices::find(std::string_view model) const {
    if (const auto own = own_.find(model); own != own_.end()) {
        return &own->second;
    }
    if (provider_ != nullptr) {
        for (const auto& [name, deployment] : provider_->deployment_map) {
            if (deployment == model && name != model) {
                return find(name);
            }
        }
    }
    const catalog::Model* const known = vendor_ == nullptr ? nullptr : vendor_->find(model);
    if (const auto any = own_.find("*"); any != own_.end()) {
        if (known == nullptr || !is_priced(known)) {
            return &any->second;
        }
    }
    return known;
}

std::expected<metrics::Cost, std::string> ModelPrices::price(
    const catalog::Model* model, const metrics::Counts& counts,
    const metrics::Circumstances& circumstances) const {
    if (is_free_) {
        metrics::Cost nothing;
        nothing.priced = metrics::Priced::free;
        return nothing;
    }
    if (model == nullptr) {
        return metrics::Cost();
    }
    return metrics::price(*model, counts, terms_, circumstances);
}

catalog::KeySet ModelPrices::priced_keys(
    const catalog::Model* model, std::chrono::system_clock::time_point when) const noexcept {
    const catalog::Price* const price =
        is_free_ || model == nullptr ? nullptr : metrics::choose_price(*model, terms_, when);
    return price == nullptr ? catalog::KeySet{0} : metrics::priced_keys(*model, *price);
}

const catalog::Price* ModelPrices::price_of(const catalog::Model& model) const noexcept {
    return metrics::choose_price(model, terms_, std::chrono::system_clock::time_point::max());
}

bool ModelPrices::is_priced(const catalog::Model* model) const noexcept {
    return is_free_ || (model != nullptr && why_unpriced(model).empty());
}

std::string_view ModelPrices::why_unpriced(const catalog::Model* model) const noexcept {
    if (is_free_) {
        return {};
    }
    if (model == nullptr) {
        return "is in no price list";
    }
    const catalog::Price* const price = price_of(*model);
    if (price == nullptr) {
        return "has no known price";
    }
    switch (price->mark) {
        case catalog::Mark::zero:
            return "is listed at 0, which may mean that its price is not published";
        case catalog::Mark::suspect:
            return "has a price that must be a typing error";
        case catalog::Mark::none:
        case catalog::Mark::free:
        case catalog::Mark::converted:
            break;
    }
    return {};
}

}  // namespace tollgate::router
