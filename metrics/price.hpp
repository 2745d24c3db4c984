// What a usage costs, exactly.  The same functions serve the live path and `tollgate price`.
#pragma once

#include "metrics/catalog/model.hpp"
#include "metrics/money.hpp"
#include "metrics/usage.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::metrics {

/// Counters as prices are written for them: `input` and `output` are counts, all others are parts
/// of what their key is within (catalog/rate.hpp).
struct Counts {
    std::array<std::int64_t, catalog::kKeys> counts{};

    [[nodiscard]] std::int64_t& operator[](catalog::Key key) noexcept {
        return counts[static_cast<std::size_t>(key)];
    }
    [[nodiscard]] std::int64_t operator[](catalog::Key key) const noexcept {
        return counts[static_cast<std::size_t>(key)];
    }
};
/// Of disjoint counters; one request.
[[nodiscard]] Counts counts_of(const Usage& usage) noexcept;

/// A positive fraction, reduced.
struct Ratio {
    std::int64_t numerator = 1;
    std::int64_t denominator = 1;
    [[nodiscard]] bool operator==(const Ratio&) const = default;
};
/// Nothing where the product does not fit.
[[nodiscard]] std::optional<Ratio> product(Ratio a, Ratio b) noexcept;

/// How a provider bills: which of a model's prices counts, and what is put on it.
struct Terms {
    catalog::Currency currency = catalog::Currency::usd;  ///< wanted, where a model has several
    std::string_view region;                              ///< likewise; empty: the default
    Ratio factor;                                         ///< on every amount: discount and margin
    /// US dollars for one unit of the currency.
    std::array<Ratio, catalog::kCurrencies> in_usd{Ratio{},
                                                   Ratio{.numerator = 10, .denominator = 72},
                                                   Ratio{.numerator = 10, .denominator = 9}};
};

/// What a price may depend on besides the model and the counters.
struct Circumstances {
    std::chrono::system_clock::time_point when;
    std::string_view service;  ///< "batch", "flex", "priority", "fast"; empty or other: standard
};

/// An exact amount: numerator / denominator of the currency's unit, not reduced.
struct Exact {
    Int128 numerator = 0;
    Int128 denominator = 1;
};
/// The first `digits` decimals of an amount that is not negative, rounded half to even, without
/// trailing zeros.  `digits` is 30 at most; fewer are written where more do not fit.
[[nodiscard]] std::string to_decimal(Exact amount, unsigned digits);

enum class Priced : std::uint8_t {
    yes,
    free,      ///< known to cost nothing
    no_price,  ///< there is none in the catalog
    zero,      ///< the source says 0 and does not say free
    suspect,   ///< the source's figure is a typing error
};
[[nodiscard]] std::string_view to_string(Priced priced) noexcept;

struct Cost {
    Priced priced = Priced::no_price;
    catalog::Currency currency = catalog::Currency::usd;  ///< of the price list that was used
    const catalog::Price* price = nullptr;                ///< it, in the catalog
    Exact own;                                            ///< in that currency
    Exact usd;
    Pico pico = 0;  ///< usd, rounded once: half to even, to a whole pico-dollar
    /// The same in parts: each exact but for its last pico-dollars, which the largest has, so that
    /// they sum up to the whole.
    CostByKind by_kind{};

    /// True where the amount may be billed.
    [[nodiscard]] bool counts() const noexcept {
        return priced == Priced::yes || priced == Priced::free;
    }
};

/// The kinds of counters that the price list, its tiers or the model's services have rates for: all
/// others cost what the kind does that they are within.
[[nodiscard]] catalog::KeySet priced_keys(const catalog::Model& model,
                                          const catalog::Price& price) noexcept;

/// The price list that counts at that time: of those in the wanted currency and region the last
/// one that has begun and whose time of day it is, else the first.  A model without the region has
/// the default, one without the currency the one that it has.  Null: the model has no price.
[[nodiscard]] const catalog::Price* choose_price(
    const catalog::Model& model, const Terms& terms,
    std::chrono::system_clock::time_point when) noexcept;

/// What the usage costs.  Fails, saying why, where the counters contradict each other (a part is
/// larger than its whole) or the amount is beyond all reason.  No allocation unless it fails; about
/// 50 ns.
[[nodiscard]] std::expected<Cost, std::string> price(const catalog::Model& model,
                                                     const Counts& counts, const Terms& terms,
                                                     const Circumstances& circumstances);

}  // namespace tollgate::metrics
