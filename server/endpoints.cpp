#include "server/endpoints.hpp"

#include <array>

namespace tollgate::server {
namespace {

using adapters::Operation;

constexpr std::array kEndpoints{
    Endpoint{"/v1/chat/completions", "POST", Action::model, "chat", Operation::chat},
    Endpoint{"/v1/completions", "POST", Action::model, "completions", Operation::completions},
    Endpoint{"/v1/embeddings", "POST", Action::model, "embeddings", Operation::embeddings},
    Endpoint{"/v1/models", "GET", Action::list_models, "models"},
    Endpoint{"/v1/models/", "GET", Action::show_model, "models"},
    Endpoint{"/health/live", "GET", Action::live, "health", Operation::chat, true},
    Endpoint{"/health/ready", "GET", Action::ready, "health", Operation::chat, true},
    Endpoint{"/health", "GET", Action::ready, "health", Operation::chat, true},
    Endpoint{"/admin/v1/", "*", Action::admin, "admin", Operation::chat, true},
    Endpoint{"/metrics", "GET", Action::metrics, "metrics", Operation::chat, true},
};

constexpr std::string_view kVersion = "/v1";

bool matches(std::string_view row, std::string_view path) noexcept {
    return row.ends_with('/') ? path.size() > row.size() && path.starts_with(row) : path == row;
}

}  // namespace

const Endpoint* find_endpoint(std::string_view path) noexcept {
    for (const Endpoint& row : kEndpoints) {
        if (matches(row.path, path)) {
            return &row;
        }
        if (row.path.starts_with("/v1/") && matches(row.path.substr(kVersion.size()), path)) {
            return &row;
        }
    }
    return nullptr;
}

}  // namespace tollgate::server
