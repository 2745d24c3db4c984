#include "adapters/catalog.hpp"

#include <algorithm>
#include <array>

namespace tollgate::vendors {
#define TOLLGATE_VENDOR(name) extern const adapters::Vendor name;
#include "adapters/catalog.inc"
#undef TOLLGATE_VENDOR
}  // namespace tollgate::vendors

namespace tollgate::adapters {
namespace {

// Taking the addresses is what makes the linker keep the vendors' files.
constexpr std::array kVendors{
#define TOLLGATE_VENDOR(name) &vendors::name,
#include "adapters/catalog.inc"
#undef TOLLGATE_VENDOR
};

}  // namespace

std::span<const Vendor* const> vendors() noexcept {
    return kVendors;
}

const Vendor* find_vendor(std::string_view name) noexcept {
    for (const Vendor* const vendor : kVendors) {
        if (vendor->name == name || std::find(vendor->aliases.begin(), vendor->aliases.end(),
                                              name) != vendor->aliases.end()) {
            return vendor;
        }
    }
    return nullptr;
}

}  // namespace tollgate::adapters
