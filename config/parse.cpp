#include "config/parse.hpp"

#include "config/expand.hpp"
#include "config/readers.hpp"
#include "config/section.hpp"
#include "config/validate.hpp"
#include "config/yaml.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

namespace tollgate::config {
namespace {

void read_settings(Section& in, Settings& out) {
    in.section("server", [&](Section& server) { read_server(server, out.server); });
    in.section("providers", [&](Section& providers) { read_providers(providers, out); });
    in.named("models", "<alias>",
             [&](const Section::Named& entry) { read_alias(in.context(), entry, out.models); });
    in.section("router", [&](Section& router) { read_router(router, out.router); });
    in.section("failover", [&](Section& failover) { read_failover(failover, out.failover); });
    in.sections("keys", [&](Section& key) { read_key(key, out.keys); });
    in.section("limits", [&](Section& limits) { read_limits(limits, out.limits); });
    in.sections("budgets", [&](Section& budget) { read_budget(budget, out.budgets); });
    in.section("alerts", [&](Section& alerts) { read_alerts(alerts, out.alerts); });
    in.section("admin", [&](Section& admin) { read_admin(admin, out.admin); });
    in.section("cost", [&](Section& cost) { read_cost(cost, out.cost); });
    in.section("metrics", [&](Section& metrics) { read_metrics(metrics, out.metrics); });
    in.section("logging", [&](Section& logging) { read_logging(logging, out.logging); });
    in.path("catalog", out.catalog);
    in.read("catalog_refresh", out.catalog_refresh, [](std::string_view text) {
        return text == "off" ? scalar::Parsed<milliseconds>(milliseconds(0))
                             : scalar::duration(text, std::chrono::seconds(1), kLongest);
    });
    in.section("ledger", [&](Section& ledger) { read_ledger(ledger, out.ledger); });
    in.path("keys_file", out.keys_file);
    in.path("state_dir", out.state_dir);
}

void sort_by_place(std::vector<Problem>& problems) {
    std::ranges::stable_sort(problems, {},
                             [](const Problem& p) { return std::tie(p.line, p.column); });
}

/// True where `path` or something in or around it was already found wrong, so that a rule about it
/// would only repeat it.
bool is_covered(const std::vector<Problem>& problems, const std::string& path) {
    const auto within = [](std::string_view inner, std::string_view outer) {
        return inner.starts_with(outer) &&
               (inner.size() == outer.size() || inner[outer.size()] == '.' ||
                inner[outer.size()] == '[');
    };
    return std::ranges::any_of(problems, [&](const Problem& p) {
        return !p.path.empty() && (within(path, p.path) || within(p.path, path));
    });
}

}  // namespace

std::expected<Settings, std::vector<Problem>> parse(std::string_view yaml_text,
                                                    std::string_view file_name,
                                                    const Environment& env) {
    yaml::Document document = yaml::read(yaml_text, file_name);
    Context context(env, file_name);
    Settings settings = defaults(env);
    if (document.root->kind == yaml::Kind::map) {
        Section root(context, document.root.get(), {});
        read_settings(root, settings);
        root.finish();
    } else if (document.root->kind != yaml::Kind::null) {
        context.problem(document.root->at, {},
                        "expected a mapping such as `server: {...}` at the top");
    }
    settings.source = std::move(context.source);
    Findings findings = validate(settings);

    std::vector<Problem> problems = std::move(document.problems);
    problems.insert(problems.end(), context.problems.begin(), context.problems.end());
    const std::vector<Problem> direct = problems;
    for (Problem& problem : findings.problems) {
        if (!is_covered(direct, problem.path)) {
            problems.push_back(std::move(problem));
        }
    }
    if (!problems.empty()) {
        sort_by_place(problems);
        if (problems.size() > kMaxProblems) {
            problems.resize(kMaxProblems);
            problems.push_back(
                Problem{.file = std::string(file_name), .text = "further problems are not listed"});
        }
        return std::unexpected(std::move(problems));
    }
    settings.warnings = std::move(context.warnings);
    settings.warnings.insert(settings.warnings.end(), findings.warnings.begin(),
                             findings.warnings.end());
    sort_by_place(settings.warnings);
    return settings;
}

std::expected<Settings, std::vector<Problem>> parse_file(const std::string& path,
                                                         const Environment& env) {
    std::expected<std::string, ExpandError> text = read_file(path, yaml::kMaxBytes);
    if (!text) {
        return std::unexpected(
            std::vector<Problem>{Problem{.file = path, .text = text.error().text}});
    }
    auto settings = parse(*text, path, env);
    wipe(*text);
    return settings;
}

Settings defaults(const Environment& env) {
    Settings settings;
    settings.state_dir = expand_home(settings.state_dir, env);
    return settings;
}

std::optional<std::string> find_config(const std::optional<std::string>& explicit_path,
                                       const Environment& env) {
    if (explicit_path) {
        return explicit_path;
    }
    if (const std::optional<std::string> named = env("TOLLGATE_CONFIG"); named && !named->empty()) {
        return named;
    }
    const std::array<std::string, 2> places{"tollgate.yaml",
                                            expand_home("~/.config/tollgate/tollgate.yaml", env)};
    for (const std::string& place : places) {
        std::error_code error;
        if (!place.starts_with('~') && std::filesystem::exists(place, error)) {
            return place;
        }
    }
    return std::nullopt;
}

std::vector<std::string> known_keys() {
    std::vector<std::string> keys;
    const Environment env = empty_environment();
    Context context(env, {});
    context.listing = &keys;
    Settings unused;
    Section root(context, nullptr, {});
    read_settings(root, unused);
    return keys;
}

}  // namespace tollgate::config
