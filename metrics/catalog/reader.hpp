// Reads the lines of one vendor (the form is told at the top of models.txt).  Internal to
// metrics/catalog.
#pragma once

#include "metrics/catalog/catalog.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::catalog {

class VendorReader {
public:
    /// `section`: from its vendor line up to the next one; `line` is the number of the first.
    [[nodiscard]] static std::expected<std::unique_ptr<Vendor>, Fault> read(
        std::string_view section, std::size_t line);

private:
    explicit VendorReader(Vendor& vendor) : v_(vendor) {}

    // Each takes what is behind its keyword, and says what is wrong with it.
    using Wrong = std::optional<std::string>;
    [[nodiscard]] Wrong line(std::string_view text);
    [[nodiscard]] Wrong vendor(std::string_view rest);
    [[nodiscard]] Wrong model(std::string_view rest);
    [[nodiscard]] Wrong model_field(Model& model, std::string_view key, std::string_view value);
    [[nodiscard]] Wrong price(std::string_view rest);
    [[nodiscard]] Wrong above(std::string_view rest);
    [[nodiscard]] Wrong service(std::string_view name, std::string_view rest);
    [[nodiscard]] Wrong factors(std::string_view rest);
    [[nodiscard]] Wrong images(std::string_view rest);
    [[nodiscard]] Wrong rates(std::string_view rest, std::span<const Rate>& out);
    void finish_price();
    void finish_model();
    template <class T>
    [[nodiscard]] std::span<const T> keep(std::vector<T>& values);

    Vendor& v_;
    // Of the model that is being read; kept in the vendor's arena when it is complete.
    std::vector<Price> prices_;
    std::vector<Tier> tiers_;
    std::vector<Service> services_;
    std::vector<Factor> factors_;
    std::vector<ImagePrice> images_;
    std::vector<Rate> rates_;
};

}  // namespace tollgate::catalog
