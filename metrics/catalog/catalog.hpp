// metrics/catalog/ — what is known about models: limits, capabilities, prices.  Facts as text
// (models.txt, the one in the binary is compressed), read vendor by vendor when somebody asks.
// Start here: Catalog; then metrics/price.hpp.
#pragma once

#include "metrics/catalog/model.hpp"

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::catalog {

/// What is wrong in a catalog's text.
struct Fault {
    std::size_t line = 0;  ///< from 1
    std::string text;
};

/// The models of one vendor.  Not movable: models point into it.
class Vendor {
public:
    Vendor() = default;
    Vendor(const Vendor&) = delete;
    Vendor& operator=(const Vendor&) = delete;

    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    /// Comma separated further names.
    [[nodiscard]] std::string_view aliases() const noexcept { return aliases_; }
    /// Which currency the vendor bills where a model has prices in several.
    [[nodiscard]] Currency bills() const noexcept { return bills_; }
    /// Why none of its models has a price that may be billed; empty: some have.
    [[nodiscard]] std::string_view unpriced() const noexcept { return unpriced_; }
    [[nodiscard]] std::span<const Model> models() const noexcept { return models_; }

    /// The model of that id or alias, whatever the case of its letters; null where there is none.
    /// About 30 ns.
    [[nodiscard]] const Model* exactly(std::string_view id) const noexcept;
    /// Likewise, and where the id is not known, that of its family: "gpt-4o-2029-01-01" is a
    /// gpt-4o, "us.anthropic.claude-x-v1:0" an anthropic.claude-x-v1, and "claude-x" stands for its
    /// newest dated version.
    [[nodiscard]] const Model* find(std::string_view id) const;

private:
    friend class VendorReader;
    void index();
    void add_to_index(std::string_view id, std::uint32_t model);

    std::string text_;
    std::pmr::monotonic_buffer_resource arena_{4096};
    std::string_view name_;
    std::string_view aliases_;
    std::string_view unpriced_;
    Currency bills_ = Currency::usd;
    std::vector<Model> models_;
    struct Slot {
        std::string_view id;
        std::uint32_t model = 0;
    };
    std::vector<Slot> slots_;  // open addressing, a power of two
};

/// Vendors by name.  Immutable once read; threads may share it.
class Catalog {
public:
    using Wanted = std::function<bool(std::string_view name)>;

    /// Reads the vendors for which `wanted` holds for the name or an alias.  The others are skipped
    /// unread; with `Check::all` they are read as well and dropped again.
    enum class Check : std::uint8_t { wanted, all };
    [[nodiscard]] static std::expected<Catalog, Fault> read(std::string_view text,
                                                            const Wanted& wanted,
                                                            Check check = Check::wanted);
    /// Of the text in the binary.  Takes some milliseconds and, until it returns, a megabyte.
    [[nodiscard]] static Catalog built_in(const Wanted& wanted);

    /// By name or alias; null where it is not there (or was not wanted).
    [[nodiscard]] const Vendor* vendor(std::string_view name) const noexcept;
    [[nodiscard]] std::span<const std::unique_ptr<Vendor>> vendors() const noexcept {
        return vendors_;
    }

private:
    std::vector<std::unique_ptr<Vendor>> vendors_;
};

/// The text in the binary.
[[nodiscard]] std::string built_in_text();

/// True where `name` is one of a comma separated list.
[[nodiscard]] bool is_listed(std::string_view list, std::string_view name) noexcept;

}  // namespace tollgate::catalog
