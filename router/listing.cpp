#include "router/listing.hpp"

#include "adapters/dialect.hpp"

#include <algorithm>

namespace tollgate::router {

bool has_model_list(const Provider& provider) {
    return provider.usable && provider.vendor.kind != adapters::VendorKind::builtin &&
           has(provider.vendor.operations, adapters::Op::models) &&
           !adapters::dialect(provider.vendor.dialect).models_path(provider.endpoint).empty();
}

std::vector<std::string_view> offered_models(const Provider& provider,
                                             const std::vector<std::string>* live) {
    std::vector<std::string_view> ids(provider.settings.models.begin(),
                                      provider.settings.models.end());
    for (const auto& [model, deployment] : provider.settings.deployment_map) {
        ids.push_back(model);
    }
    if (!provider.default_model.empty()) {
        ids.push_back(provider.default_model);
    }
    ids.insert(ids.end(), provider.vendor.models.begin(), provider.vendor.models.end());
    if (live != nullptr) {
        ids.insert(ids.end(), live->begin(), live->end());
    } else if (provider.prices.vendor() != nullptr) {
        for (const catalog::Model& model : provider.prices.vendor()->models()) {
            ids.push_back(model.id);
        }
    }
    std::ranges::sort(ids);
    const auto twice = std::ranges::unique(ids);
    ids.erase(twice.begin(), twice.end());
    return ids;
}

}  // namespace tollgate::router
