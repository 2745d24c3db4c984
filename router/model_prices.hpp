// What is known about a provider's models here: the catalog's facts with the configuration's
// prices.
#pragma once

#include "config/settings.hpp"
#include "metrics/catalog/catalog.hpp"
#include "metrics/price.hpp"

#include <chrono>
#include <deque>
#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace tollgate::router {

/// One provider's.  Points into the catalog and the settings that it was made from; both outlive
/// it.
class ModelPrices {
public:
    ModelPrices() = default;
    ModelPrices(const catalog::Vendor* vendor, const config::ProviderSettings& provider,
                const config::CostSettings& cost, std::string_view region);

    /// What is known about a model, whatever it is called: id, alias, dated version, or the
    /// provider's own name for it (deployment_map).  Null: nothing.  A configured price alone makes
    /// a model known.
    [[nodiscard]] const catalog::Model* find(std::string_view model) const;

    /// What an answer cost.  `model` as find() gave it, null included.  Fails where the vendor's
    /// counters contradict each other.
    [[nodiscard]] std::expected<metrics::Cost, std::string> price(
        const catalog::Model* model, const metrics::Counts& counts,
        const metrics::Circumstances& circumstances) const;

    /// The kinds of counters that price() has rates of their own for at that time.
    [[nodiscard]] catalog::KeySet priced_keys(
        const catalog::Model* model, std::chrono::system_clock::time_point when) const noexcept;

    /// Whether what the model will cost is known beforehand.
    [[nodiscard]] bool is_priced(const catalog::Model* model) const noexcept;
    /// In words for an operator, why it is not; to follow "provider/model".
    [[nodiscard]] std::string_view why_unpriced(const catalog::Model* model) const noexcept;

    [[nodiscard]] const metrics::Terms& terms() const noexcept { return terms_; }
    [[nodiscard]] const catalog::Vendor* vendor() const noexcept { return vendor_; }

private:
    void add(std::string_view id, const config::ModelPrice& price);
    [[nodiscard]] const catalog::Price* price_of(const catalog::Model& model) const noexcept;

    const catalog::Vendor* vendor_ = nullptr;
    const config::ProviderSettings* provider_ = nullptr;
    metrics::Terms terms_;
    bool is_free_ = false;
    // Storage of configured prices; deques, because models point into them.
    std::deque<std::vector<catalog::Rate>> rates_;
    std::deque<std::vector<catalog::Tier>> tiers_;
    std::deque<std::vector<catalog::Price>> prices_;
    std::map<std::string, catalog::Model, std::less<>> own_;  // by id; "*": all others
};

}  // namespace tollgate::router
