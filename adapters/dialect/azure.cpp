// Azure OpenAI: OpenAI's bodies behind other paths.  A date as api-version means the deployments
// surface, "v1" (or the SDKs' "preview" and "latest") the newer one.
// https://learn.microsoft.com/azure/ai-services/openai/reference, read 2026-11.
#include "adapters/dialect/openai.hpp"

namespace tollgate::adapters {
namespace {

// Older versions answer 400 to the unknown field.
constexpr std::string_view kStreamOptionsSince = "2024-09-01";

std::string_view operation_path(Operation operation) noexcept {
    switch (operation) {
        case Operation::chat:
            return "chat/completions";
        case Operation::completions:
            return "completions";
        case Operation::embeddings:
            return "embeddings";
    }
    return {};
}

/// Where an Azure resource's paths begin, and which of its two surfaces is meant.
struct Surface {
    std::string prefix;   ///< up to and including "/openai" or "/openai/v1"
    std::string version;  ///< the api-version query's value; empty: none
    bool is_v1 = false;
};

Surface surface_of(const Endpoint& endpoint) {
    Surface surface;
    surface.version =
        endpoint.api_version.empty() ? endpoint.vendor->api_version : endpoint.api_version;
    std::string_view path = openai::base_path(endpoint.base_url);
    // Base URLs are copied from the portal with and without these.
    if (path.ends_with("/openai/v1")) {
        path.remove_suffix(std::string_view("/openai/v1").size());
        surface.is_v1 = true;
    } else if (path.ends_with("/openai")) {
        path.remove_suffix(std::string_view("/openai").size());
    }
    const bool dated = !surface.version.empty() && surface.version.front() >= '0' &&
                       surface.version.front() <= '9';
    surface.is_v1 = surface.is_v1 || !dated;
    if (surface.is_v1 && (dated || surface.version == "v1")) {
        surface.version.clear();
    }
    surface.prefix = std::string(path) + (surface.is_v1 ? "/openai/v1" : "/openai");
    return surface;
}

std::string with_version(std::string path, const Surface& surface) {
    if (!surface.version.empty()) {
        path += "?api-version=" + encode_segment(surface.version);
    }
    return path;
}

class AzureDialect final : public OpenAiDialect {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "azure"; }
    [[nodiscard]] std::string models_path(const Endpoint& endpoint) const override {
        const Surface surface = surface_of(endpoint);
        return with_version(surface.prefix + "/models", surface);
    }

protected:
    [[nodiscard]] std::string target_path(Operation operation, const Endpoint& endpoint,
                                          std::string_view model) const override {
        const Surface surface = surface_of(endpoint);
        std::string path = surface.prefix;
        if (!surface.is_v1) {
            path += "/deployments/" + encode_segment(model);
        }
        return with_version(std::move(path.append("/").append(operation_path(operation))), surface);
    }
    [[nodiscard]] bool takes_stream_options(const Endpoint& endpoint) const override {
        const Surface surface = surface_of(endpoint);
        return OpenAiDialect::takes_stream_options(endpoint) &&
               (surface.is_v1 || surface.version >= kStreamOptionsSince);
    }
};

}  // namespace

namespace dialects {

const Dialect& azure() noexcept {
    static const AzureDialect dialect;
    return dialect;
}

}  // namespace dialects
}  // namespace tollgate::adapters
