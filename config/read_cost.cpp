// cost, and the price of a provider.
#include "config/readers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace tollgate::config {
namespace {

using std::string_view;

constexpr std::array<std::pair<string_view, Unpriced>, 2> kUnpriced{
    {{"warn", Unpriced::warn}, {"reject", Unpriced::reject}}};

scalar::Parsed<std::string> currency(string_view text) {
    constexpr std::array<string_view, 3> kCurrencies{"USD", "CNY", "EUR"};
    if (std::ranges::find(kCurrencies, text) != kCurrencies.end()) {
        return std::string(text);
    }
    return std::unexpected("expected USD, CNY or EUR");
}

/// An amount of any currency.  A million for a million tokens is a typing error, and keeps the
/// exact sums of metrics/price.cpp far from their limits.
scalar::Parsed<Usd> amount(string_view text) {
    constexpr std::int64_t kHighest = 100'000LL * 1'000'000;
    const scalar::Parsed<Usd> value = scalar::usd(text);
    if (value && value->micros <= kHighest) {
        return value;
    }
    return std::unexpected("expected an amount such as 0.15, at most six decimals, up to 100000");
}

/// A share in parts of kShareParts; six decimals of a per cent are exact.
scalar::Parsed<std::int64_t> parts(string_view text, double high) {
    const scalar::Parsed<double> share = scalar::share(text, high);
    if (!share) {
        return std::unexpected(share.error());
    }
    return std::llround(*share * static_cast<double>(kShareParts));
}

void read_rates(Section& in, PriceRates& out) {
    for (const string_view key : kPriceKeys) {
        std::optional<Usd> rate;
        if (in.read(key, rate, amount)) {
            out.emplace_back(key, *rate);
        }
    }
}

void read_price(Section& in, ModelPrice& out) {
    in.read("currency", out.currency, currency);
    in.flag("free", out.free);
    read_rates(in, out.rates);
    in.sections("tiers", [&](Section& section) {
        PriceTier tier;
        section.count("above", tier.above, 1, 1'000'000'000);
        read_rates(section, tier.rates);
        if (!section.is_listing()) {
            out.tiers.push_back(std::move(tier));
        }
    });
    std::ranges::sort(out.tiers, {}, &PriceTier::above);
    if (!in.is_listing() && out.free && !(out.rates.empty() && out.tiers.empty())) {
        in.context().problem(in.at(), in.own_path(), "what is free has no rates");
    }
}

void read_exchange(Section& in, std::vector<ExchangeRate>& out) {
    in.section("rates", [&](Section& section) {
        for (ExchangeRate& rate : out) {
            section.read(rate.currency, rate.per_usd, [](string_view text) -> scalar::Parsed<Usd> {
                const scalar::Parsed<Usd> value = amount(text);
                if (value && value->micros > 0) {
                    return value;
                }
                return std::unexpected(
                    "expected how many of them a US dollar is worth, such as 7.2");
            });
        }
    });
}

}  // namespace

void read_provider_price(Section& in, ProviderPrice& out) {
    in.read("catalog", out.catalog, scalar::name);
    in.read("currency", out.currency, currency);
    in.read("region", out.region, scalar::name);
    in.flag("free", out.free);
    in.read("discount", out.discount, [](string_view text) { return parts(text, 1.0); });
    in.read("margin", out.margin, [](string_view text) { return parts(text, 100.0); });
}

void read_cost(Section& in, CostSettings& out) {
    in.read("currency", out.currency, [](string_view text) -> scalar::Parsed<std::string> {
        return text == "USD" ? scalar::Parsed<std::string>("USD") : std::unexpected("expected USD");
    });
    read_exchange(in, out.rates);
    in.named("prices", "<model>", [&](const Section::Named& entry) {
        ModelPrice price{.model = entry.name};
        if (entry.node != nullptr && entry.node->kind != yaml::Kind::map) {
            in.context().problem(entry.node->at, entry.path,
                                 "expected a mapping such as {input: 0.1, output: 0.3}");
            return;
        }
        Section section(in.context(), entry.node, entry.path);
        read_price(section, price);
        section.finish();
        if (entry.node != nullptr) {
            out.prices.push_back(std::move(price));
        }
    });
    in.choice("unpriced", out.unpriced, kUnpriced);
    in.section("reserve", [&](Section& reserve) {
        reserve.count("output", out.reserve.output, 1, 100'000'000);
        reserve.count("most", out.reserve.most, 0, 100'000'000);
    });
}

}  // namespace tollgate::config
