// The admin API under /admin/v1/: one visible table of routes, each with a plain function that may
// block.  Handlers run on the side thread, never on a worker's (server/io/side_thread.hpp).
#pragma once

#include "adapters/codec/json.hpp"
#include "config/problem.hpp"
#include "failover/failure.hpp"
#include "router/snapshot.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server {
class RunTimeKeys;
}

namespace tollgate::server::admin {

inline constexpr std::string_view kPrefix = "/admin/v1/";

/// What handlers may use.  Everything here is for any thread, may block, and outlives the handlers.
struct Services {
    std::function<router::SnapshotPtr()> snapshot = {};
    /// The problems that kept the new configuration out; empty: it is in force.
    std::function<std::vector<config::Problem>()> reload = {};
    RunTimeKeys* keys = nullptr;  ///< null: there are none here
};

/// One admin request; owns its bytes, because its client may leave before the handler has run.
struct Request {
    std::string path;   ///< as sent
    std::string query;  ///< as sent, without '?'
    std::string body;
    std::vector<std::string> arguments;  ///< what stood in the place of each {…} of the pattern

    /// A query parameter, decoded; nothing where it is absent.
    [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
    /// The body as a JSON object; an empty body is an empty object.
    [[nodiscard]] Result<json::Document> object() const;
};

struct Answer {
    std::uint16_t status = 200;
    std::string body;
    std::string_view content_type = "application/json";
};
using Handler = Result<Answer> (*)(const Request& request, const Services& services);

struct Route {
    std::string_view method;
    std::string_view pattern;  ///< below kPrefix; a segment {name} stands for any one segment
    Handler handler;
};
/// Every route, in the order of docs/operations.md.
[[nodiscard]] std::span<const Route> routes() noexcept;

/// The route for a request, with the arguments filled in.  Fails with not_found or
/// method_not_allowed.
[[nodiscard]] Result<const Route*> find_route(std::string_view method, Request& request);
/// For the Allow field of a 405.
[[nodiscard]] std::string allowed_methods(std::string_view path);

// ---- handlers, by file ----
[[nodiscard]] Result<Answer> show_config(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> reload(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> list_providers(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> list_keys(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> create_key(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> show_key(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> change_key(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> rotate_key(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> delete_key(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> show_usage(const Request& request, const Services& services);
[[nodiscard]] Result<Answer> explain(const Request& request, const Services& services);

}  // namespace tollgate::server::admin
