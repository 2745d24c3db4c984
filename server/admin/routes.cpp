#include "server/admin/admin.hpp"
#include "server/exchange.hpp"

#include <array>

namespace tollgate::server::admin {
namespace {

constexpr std::array kRoutes{
    Route{"GET", "config", show_config},
    Route{"POST", "reload", reload},
    Route{"GET", "providers", list_providers},
    Route{"GET", "usage", show_usage},
    Route{"GET", "keys", list_keys},
    Route{"POST", "keys", create_key},
    Route{"GET", "keys/{name}", show_key},
    Route{"PATCH", "keys/{name}", change_key},
    Route{"DELETE", "keys/{name}", delete_key},
    Route{"POST", "keys/{name}/rotate", rotate_key},
    Route{"POST", "explain", explain},
};

/// Takes the next segment off `path`.
std::string_view segment(std::string_view& path) noexcept {
    const std::size_t slash = path.find('/');
    const std::string_view taken = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    return taken;
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& arguments) {
    arguments.clear();
    while (!pattern.empty() && !path.empty()) {
        const std::string_view wanted = segment(pattern);
        const std::string_view given = segment(path);
        if (wanted.starts_with('{')) {
            arguments.push_back(percent_decoded(given));
        } else if (wanted != given) {
            return false;
        }
    }
    return pattern.empty() && path.empty();
}

}  // namespace

std::span<const Route> routes() noexcept {
    return kRoutes;
}

Result<const Route*> find_route(std::string_view method, Request& request) {
    const std::string_view path = std::string_view(request.path).substr(kPrefix.size());
    bool exists = false;
    for (const Route& route : kRoutes) {
        if (matches(route.pattern, path, request.arguments)) {
            exists = true;
            if (route.method == method || (route.method == "GET" && method == "HEAD")) {
                return &route;
            }
        }
    }
    if (!exists) {
        return fail(FailureKind::not_found, "The admin API has nothing at this path.");
    }
    return fail(FailureKind::method_not_allowed,
                "Use " + allowed_methods(request.path) + " for this path.");
}

std::string allowed_methods(std::string_view path) {
    std::string allowed;
    std::vector<std::string> ignored;
    for (const Route& route : kRoutes) {
        if (matches(route.pattern, path.substr(kPrefix.size()), ignored)) {
            allowed.append(allowed.empty() ? "" : ", ").append(route.method);
        }
    }
    return allowed;
}

std::optional<std::string> Request::parameter(std::string_view name) const {
    std::string_view rest = query;
    while (!rest.empty()) {
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        const std::size_t equals = pair.find('=');
        if (percent_decoded(pair.substr(0, equals)) == name) {
            return equals == std::string_view::npos ? std::string()
                                                    : percent_decoded(pair.substr(equals + 1));
        }
    }
    return std::nullopt;
}

Result<json::Document> Request::object() const {
    const std::string_view text = body.empty() ? std::string_view("{}") : std::string_view(body);
    Result<json::Document> document = json::Document::parse(text);
    if (!document) {
        document.error().kind = FailureKind::bad_request;
    } else if (!document->root().is_object()) {
        return fail(FailureKind::bad_request, "The body must be a JSON object.");
    }
    return document;
}

}  // namespace tollgate::server::admin
