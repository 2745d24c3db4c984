// Builds snapshots from YAML text and an invented environment.
#pragma once

#include "config/parse.hpp"
#include "router/snapshot.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace tollgate::router::tests {

using Variables = std::map<std::string, std::string, std::less<>>;

inline config::Environment environment_of(Variables variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

/// The world as a test has it: variables, files, and the local servers that answer.
struct World {
    Variables variables = {};
    std::map<std::string, std::string> files = {};
    std::vector<std::string> servers = {};
    bool discover = false;
    const metrics::Vocabulary* previous = nullptr;
    std::shared_ptr<failover::HealthTable> health = nullptr;

    [[nodiscard]] BuildContext context() const {
        BuildContext context;
        context.environment = environment_of(variables);
        context.discover = discover;
        context.previous_vocabulary = previous;
        context.health = health;
        context.answers = [this](std::string_view url) {
            return std::find(servers.begin(), servers.end(), url) != servers.end();
        };
        context.read_file =
            [this](const std::string& path) -> std::expected<std::string, std::string> {
            const auto found = files.find(path);
            if (found == files.end()) {
                return std::unexpected("it cannot be opened");
            }
            return found->second;
        };
        return context;
    }
};

using Built = std::expected<SnapshotPtr, std::vector<config::Problem>>;

inline Built build(std::string_view yaml, const World& world = {}) {
    auto settings = config::parse(yaml, "test.yaml", environment_of(world.variables));
    if (!settings) {
        return std::unexpected(std::move(settings.error()));
    }
    return Snapshot::build(std::move(*settings), world.context());
}

/// The problems as an operator reads them, one a line.
inline std::string problems_of(const Built& built) {
    std::string text;
    if (!built) {
        for (const config::Problem& problem : built.error()) {
            text += to_string(problem) + "\n";
        }
    }
    return text;
}

inline SnapshotPtr build_good(std::string_view yaml, const World& world = {}) {
    const Built built = build(yaml, world);
    INFO(problems_of(built));
    REQUIRE(built);
    return *built;
}

/// "provider/model provider/model" in the order of the tries, or the failure's text.
inline std::string route_text(const Snapshot& snapshot, std::string_view model,
                              std::uint64_t random = 0,
                              adapters::Operation operation = adapters::Operation::chat) {
    const Result<Route> route = snapshot.route(model, operation, random);
    if (!route) {
        CHECK(route.error().kind == FailureKind::unknown_model);
        CHECK(route.error().param == "model");
        return "! " + route.error().detail;
    }
    std::string text(route->reason);
    for (const RoutedTarget& target : route->targets) {
        text += " " + target.provider->settings.name + "/" + std::string(target.model);
    }
    return text;
}

}  // namespace tollgate::router::tests
