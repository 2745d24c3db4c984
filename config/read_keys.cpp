// keys, limits, budgets, alerts, admin.
#include "config/readers.hpp"

#include <array>
#include <cstdint>

namespace tollgate::config {
namespace {

using std::string_view;

constexpr std::array<std::pair<string_view, Period>, 5> kPeriods{{{"hour", Period::hour},
                                                                  {"day", Period::day},
                                                                  {"week", Period::week},
                                                                  {"month", Period::month},
                                                                  {"total", Period::total}}};
constexpr std::array<std::pair<string_view, ScopeKind>, 5> kScopes{
    {{"key", ScopeKind::key},
     {"team", ScopeKind::team},
     {"tag", ScopeKind::tag},
     {"provider", ScopeKind::provider},
     {"model", ScopeKind::model}}};

void require(Section& in, bool given, string_view what) {
    if (!given && !in.is_listing()) {
        in.context().problem(in.at(), in.own_path(), std::string(what) + " is missing");
    }
}

bool read_usd_per(Section& in, KeyBudget& out) {
    const std::size_t before = in.context().problems.size();
    const bool given = in.read("usd", out.usd, scalar::usd);
    in.choice("per", out.per, kPeriods);
    require(in, given || in.context().problems.size() != before, "usd");
    return given;
}

void read_rates(Section& in, KeyLimits& out) {
    in.count("rpm", out.rpm, 0, 1'000'000'000);
    in.count("tpm", out.tpm, 0, 1'000'000'000'000);
    in.count("concurrency", out.concurrency, 0, 1'000'000);
}

// At most one of key, team, tag, provider and model; none of them: everything.
void read_scope(Section& in, Scope& out) {
    for (const auto& [word, kind] : kScopes) {
        std::string name;
        if (!in.read(word, name, scalar::text)) {
            continue;
        }
        if (out.kind != ScopeKind::everything) {
            in.context().problem(in.at(), in.path_of(word),
                                 "give one of key, team, tag, provider and model");
        }
        out = Scope{.kind = kind, .name = std::move(name)};
    }
}

}  // namespace

void read_key(Section& in, std::vector<KeySettings>& out) {
    KeySettings key;
    Context& context = in.context();
    const auto required = [&](string_view name, std::string& value, auto parse) {
        const std::size_t before = context.problems.size();
        in.read(name, value, parse);
        require(in, !value.empty() || context.problems.size() != before, name);
    };
    required("name", key.name, scalar::name);
    const std::size_t before_hash = context.problems.size();
    in.read("hash", key.hash, scalar::key_hash);
    in.read("previous_hash", key.previous_hash, scalar::key_hash);
    in.flag("enabled", key.enabled);
    in.read("expires", key.expires, scalar::timestamp);
    in.text("certificate_subject", key.certificate_subject);
    require(in,
            !key.hash.empty() || !key.certificate_subject.empty() ||
                context.problems.size() != before_hash,
            "hash (or certificate_subject)");
    in.text("team", key.team);
    in.list("models", key.models, scalar::text);
    in.section("budget", [&](Section& budget) {
        KeyBudget value;
        if (read_usd_per(budget, value)) {
            key.budget = value;
        }
    });
    in.section("limits", [&](Section& limits) { read_rates(limits, key.limits); });
    in.list("tags", key.tags, scalar::name);
    if (!in.is_listing()) {
        out.push_back(std::move(key));
    }
}

void read_limits(Section& in, LimitsSettings& out) {
    in.sections("rules", [&](Section& section) {
        LimitRule rule;
        read_scope(section, rule.scope);
        read_rates(section, rule.limits);
        if (!section.is_listing()) {
            out.rules.push_back(std::move(rule));
        }
    });
    in.section("queue", [&](Section& queue) {
        queue.count("size", out.queue.size, 0, 1'000'000);
        queue.duration("wait", out.queue.wait, kShortest, kLongest);
    });
}

void read_budget(Section& in, std::vector<BudgetRule>& out) {
    BudgetRule rule;
    read_scope(in, rule.scope);
    if (read_usd_per(in, rule.budget)) {
        out.push_back(std::move(rule));
    }
}

void read_alerts(Section& in, AlertSettings& out) {
    if (const yaml::Node* node = in.take("webhooks")) {
        in.each(*node, in.path_of("webhooks"),
                [&](const yaml::Node& item, const std::string& path) {
                    if (std::optional<Secret> url = in.context().secret(item, path)) {
                        if (const auto parsed = scalar::webhook_url(url->reveal()); !parsed) {
                            in.context().problem(item.at, path, parsed.error());
                        }
                        out.webhooks.push_back(std::move(*url));
                    }
                });
    }
    in.list("thresholds", out.thresholds, [](string_view text) {
        return scalar::integer(text.ends_with('%') ? text.substr(0, text.size() - 1) : text, 1,
                               100);
    });
}

void read_admin(Section& in, AdminSettings& out) {
    in.read("listen", out.listen, scalar::listen);
    if (in.read("key_hash", out.key_hash, scalar::key_hash)) {
        in.context().source.texts.insert_or_assign(in.path_of("key_hash"), "***");
    }
}

}  // namespace tollgate::config
