#include "config/validate.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tollgate::config {
namespace {

class Checker {
public:
    explicit Checker(const Settings& settings) : settings_(settings) {}

    void problem(std::string_view path, std::string text) {
        if (!is_full()) {
            found.problems.push_back(settings_.source.problem(path, std::move(text)));
        }
    }
    void warning(std::string_view path, std::string text) {
        found.warnings.push_back(settings_.source.problem(path, std::move(text)));
    }

    /// Bounds the work as well as the list.
    [[nodiscard]] bool is_full() const noexcept {
        constexpr std::size_t kMost = 1000;
        return found.problems.size() >= kMost;
    }

    Findings found;

private:
    const Settings& settings_;
};

void check_listen(const Settings& settings, Checker& out) {
    const ServerSettings& server = settings.server;
    if (server.listen.empty()) {
        out.problem("server.listen", "at least one address is needed");
    }
    std::set<std::string> seen;
    const auto check = [&](const ListenAddress& address, const std::string& path) {
        const bool fixed = !address.unix_path.empty() || address.port != 0;
        if (fixed && !seen.insert(to_string(address)).second) {
            out.problem(path, to_string(address) + " is listed twice");
        }
    };
    for (std::size_t i = 0; i < server.listen.size(); ++i) {
        const ListenAddress& address = server.listen[i];
        const std::string path = "server.listen[" + std::to_string(i) + ']';
        check(address, path);
        const bool is_guarded = server.tls.enabled() &&
                                server.tls.client_auth == ClientAuth::required && !address.plain;
        if (!address.is_loopback() && settings.keys.empty() && !server.require_keys &&
            !server.allow_unauthenticated && !is_guarded) {
            out.problem(path, to_string(address) +
                                  " can be reached from other machines, but no keys are "
                                  "configured; add keys, set server.require_keys: true, listen "
                                  "on 127.0.0.1, or set server.allow_unauthenticated: true");
        }
    }
    if (settings.metrics.listen) {
        check(*settings.metrics.listen, "metrics.listen");
    }
    if (server.allow_unauthenticated && (!settings.keys.empty() || server.require_keys)) {
        out.warning("server.allow_unauthenticated",
                    "has no effect: keys are configured, so callers must have one");
    }
    if (settings.admin.listen) {
        check(*settings.admin.listen, "admin.listen");
        if (!settings.admin.listen->is_loopback() && settings.admin.key_hash.empty()) {
            out.problem("admin.listen", to_string(*settings.admin.listen) +
                                            " can be reached from other machines; give "
                                            "admin.key_hash as well");
        }
    }
}

/// Both of a certificate and its key, or neither.
void check_pair(Checker& out, std::string_view path, std::string_view a, std::string_view a_name,
                std::string_view b, std::string_view b_name) {
    if (a.empty() != b.empty()) {
        const std::string_view given = a.empty() ? b_name : a_name;
        const std::string_view absent = a.empty() ? a_name : b_name;
        out.problem(path, std::string(given) + " is given without " + std::string(absent));
    }
}

void check_certificate(const ServerCertificate& one, const std::string& path, Checker& out) {
    check_pair(out, path, one.cert, "cert", one.key, "key");
    if (!one.ocsp.empty() && one.cert.empty()) {
        out.problem(path + ".ocsp", "is given without cert");
    }
}

void check_tls(const Settings& settings, Checker& out) {
    const ServerTls& tls = settings.server.tls;
    check_certificate(tls.certificate, "server.tls", out);
    for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
        const std::string path = "server.tls.certificates[" + std::to_string(i) + ']';
        check_certificate(tls.certificates[i], path, out);
        if (tls.certificates[i].cert.empty() && tls.certificates[i].key.empty()) {
            out.problem(path, "cert and key are missing");
        }
    }
    const bool has_files = !tls.certificate.cert.empty() || !tls.certificates.empty();
    if (tls.self_signed && has_files) {
        out.problem("server.tls.self_signed", "give either self_signed: true or cert and key");
    }
    if (!tls.certificate.cert.empty() && !tls.certificates.empty()) {
        out.problem("server.tls.certificates", "give either cert and key, or certificates");
    }
    if (tls.client_auth != ClientAuth::off && tls.client_ca.empty()) {
        out.problem("server.tls.client_auth", "needs client_ca: the authorities that count");
    }
    if (tls.client_auth != ClientAuth::off && !tls.enabled()) {
        out.problem("server.tls.client_auth", "needs cert and key: there is no TLS without them");
    }
    if (tls.client_auth == ClientAuth::off && !tls.client_ca.empty()) {
        out.warning("server.tls.client_ca", "has no effect while client_auth is off");
    }
}

void check_server(const Settings& settings, Checker& out) {
    const ServerSettings& server = settings.server;
    check_tls(settings, out);
    const bool any_origin =
        std::ranges::find(server.cors.origins, "*") != server.cors.origins.end();
    if (server.cors.credentials && any_origin) {
        out.problem("server.cors.credentials",
                    "browsers refuse credentials for origin \"*\"; list the origins");
    }
}

void check_providers(const Settings& settings, Checker& out) {
    const std::string& name = settings.default_provider;
    if (!name.empty() && !settings.providers.empty()) {
        const ProviderSettings* provider = settings.provider(name);
        if (provider == nullptr) {
            out.problem("providers.default", name + " is not among the providers below");
        } else if (provider->enabled == false) {
            out.problem("providers.default", name + " is switched off (enabled: false)");
        }
    }
    for (const ProviderSettings& provider : settings.providers) {
        const std::string path = "providers." + provider.name;
        check_pair(out, path + ".tls", provider.tls.client_cert, "client_cert",
                   provider.tls.client_key, "client_key");
        if (!provider.tls.verify && provider.enabled != false) {
            out.warning(
                path + ".tls.verify",
                "certificates are not checked: anyone on the way can read keys and prompts");
        }
        if (provider.aws.access_key_id.empty() != provider.aws.secret_access_key.empty() &&
            provider.enabled != false) {
            out.warning(path + ".aws", "access_key_id and secret_access_key only work together");
        }
        std::unordered_set<std::string> seen;
        for (const auto& [header, value] : provider.headers) {
            std::string lower = header;
            std::ranges::transform(lower, lower.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
            if (!seen.insert(lower).second) {
                out.problem(path + ".headers." + header,
                            "this header is given twice, in different case");
            }
        }
        const ProviderTimeouts& timeouts = provider.timeouts;
        if (timeouts.total < timeouts.connect || timeouts.total < timeouts.first_byte) {
            out.warning(path + ".timeouts.total",
                        "is shorter than connect or first_byte, which then never apply");
        }
    }
}

/// Depth-first over alias → alias; a target that starts "provider/" of a known provider is no
/// alias.
class AliasCycles {
public:
    AliasCycles(const Settings& settings, Checker& out) : settings_(settings), out_(out) {
        for (std::size_t i = 0; i < settings.models.size(); ++i) {
            index_.emplace(settings.models[i].name, i);
        }
        state_.resize(settings.models.size(), State::fresh);
    }

    void check() {
        for (std::size_t i = 0; i < settings_.models.size(); ++i) {
            walk(i);
        }
    }

private:
    enum class State : std::uint8_t { fresh, open, done };
    struct Step {
        std::size_t alias;
        std::size_t next;
    };

    // A loop with its own stack: chains of aliases may be as long as the file allows.
    void walk(std::size_t first) {
        if (state_[first] != State::fresh) {
            return;
        }
        std::vector<Step> stack{{first, 0}};
        state_[first] = State::open;
        while (!stack.empty() && !out_.is_full()) {
            Step& step = stack.back();
            const ModelAlias& alias = settings_.models[step.alias];
            if (step.next == alias.targets.size()) {
                state_[step.alias] = State::done;
                stack.pop_back();
                continue;
            }
            const auto found = index_.find(alias.targets[step.next++].model);
            if (found == index_.end() || state_[found->second] == State::done) {
                continue;
            }
            if (state_[found->second] == State::open) {
                report(stack, found->second);
                continue;
            }
            state_[found->second] = State::open;
            stack.push_back({found->second, 0});
        }
    }

    void report(const std::vector<Step>& stack, std::size_t start) {
        std::string text = "this alias leads back to itself: ";
        const auto from = std::ranges::find(stack, start, &Step::alias);
        constexpr std::ptrdiff_t kShown = 8;
        for (auto step = from; step != stack.end() && step - from < kShown; ++step) {
            text += settings_.models[step->alias].name + " → ";
        }
        text += stack.end() - from > kShown ? "… → " : "";
        out_.problem("models." + settings_.models[start].name, text + settings_.models[start].name);
    }

    const Settings& settings_;
    Checker& out_;
    std::unordered_map<std::string_view, std::size_t> index_;
    std::vector<State> state_;
};

void check_models(const Settings& settings, Checker& out) {
    std::unordered_set<std::string_view> providers;
    for (const ProviderSettings& provider : settings.providers) {
        providers.insert(provider.name);
    }
    for (const ModelAlias& alias : settings.models) {
        const std::string path = "models." + alias.name;
        if (alias.name == "auto" || alias.name.starts_with("auto/")) {
            out.problem(path, "names that start with auto belong to the auto-router");
        }
        if (const std::size_t slash = alias.name.find('/'); slash != std::string::npos) {
            if (providers.contains(std::string_view(alias.name).substr(0, slash))) {
                out.warning(path, "hides a model of the provider with that name");
            }
        }
        const bool all_zero =
            !alias.targets.empty() &&
            std::ranges::all_of(alias.targets, [](const ModelTarget& t) { return t.weight == 0; });
        if (!alias.is_chain && all_zero) {
            out.problem(path, "every target has weight 0");
        }
    }
    AliasCycles(settings, out).check();
}

void check_keys(const Settings& settings, Checker& out) {
    std::unordered_set<std::string_view> names;
    std::unordered_set<std::string_view> hashes;
    std::unordered_set<std::string_view> subjects;
    for (std::size_t i = 0; i < settings.keys.size(); ++i) {
        const KeySettings& key = settings.keys[i];
        const std::string path = "keys[" + std::to_string(i) + ']';
        if (!key.name.empty() && !names.insert(key.name).second) {
            out.problem(path + ".name", key.name + " is the name of an earlier key");
        }
        for (const auto& [field, hash] :
             {std::pair(".hash", std::string_view(key.hash)),
              std::pair(".previous_hash", std::string_view(key.previous_hash))}) {
            if (!hash.empty() && !hashes.insert(hash).second) {
                out.problem(path + field, "this is the hash of an earlier key");
            }
        }
        if (key.hash == settings.admin.key_hash && !key.hash.empty()) {
            out.problem(path + ".hash", "this is the hash of admin.key_hash; use two keys");
        }
        if (key.certificate_subject.empty()) {
            continue;
        }
        const std::string subject_path = path + ".certificate_subject";
        if (!subjects.insert(key.certificate_subject).second) {
            out.problem(subject_path, "this is the subject of an earlier key");
        }
        if (settings.server.tls.client_auth == ClientAuth::off) {
            out.problem(subject_path,
                        "clients are not asked for certificates; set server.tls.client_auth");
        }
    }
}

// Amounts are counted in pico-dollars in 64 bits, which end at 9.2 million.
void check_budget(const KeyBudget& budget, const std::string& path, Checker& out) {
    constexpr std::int64_t kMostUsd = 4'000'000;
    if (budget.usd.micros > kMostUsd * 1'000'000) {
        out.problem(path + ".usd", "a budget is at most 4000000 USD");
    }
}

void check_limits(const Settings& settings, Checker& out) {
    const auto check_scope = [&](const Scope& scope, const std::string& path) {
        if (scope.kind == ScopeKind::provider && !settings.providers.empty() &&
            settings.provider(scope.name) == nullptr) {
            out.warning(path + ".provider", scope.name + " is not among the providers");
        }
    };
    for (std::size_t i = 0; i < settings.keys.size(); ++i) {
        if (settings.keys[i].budget) {
            check_budget(*settings.keys[i].budget, "keys[" + std::to_string(i) + "].budget", out);
        }
    }
    for (std::size_t i = 0; i < settings.budgets.size(); ++i) {
        const std::string path = "budgets[" + std::to_string(i) + ']';
        check_budget(settings.budgets[i].budget, path, out);
        check_scope(settings.budgets[i].scope, path);
    }
    for (std::size_t i = 0; i < settings.limits.rules.size(); ++i) {
        const LimitRule& rule = settings.limits.rules[i];
        const std::string path = "limits.rules[" + std::to_string(i) + ']';
        check_scope(rule.scope, path);
        if (rule.limits == KeyLimits()) {
            out.warning(path, "limits nothing: give rpm, tpm or concurrency");
        }
    }
    const bool has_key_budget = std::ranges::any_of(
        settings.keys, [](const KeySettings& key) { return key.budget.has_value(); });
    if (!settings.ledger.enabled && (!settings.budgets.empty() || has_key_budget)) {
        out.warning("ledger.enabled",
                    "without a ledger nothing remembers what budgets have spent: after a restart "
                    "they begin at zero");
    }
    if (std::ranges::adjacent_find(settings.alerts.thresholds, std::ranges::greater_equal()) !=
        settings.alerts.thresholds.end()) {
        out.problem("alerts.thresholds", "the thresholds must rise from one to the next");
    }
    constexpr std::size_t kMostThresholds = 8;
    if (settings.alerts.thresholds.size() > kMostThresholds) {
        out.problem("alerts.thresholds", "expected at most 8 thresholds");
    }
}

void check_policy(const Settings& settings, Checker& out) {
    const FailoverSettings& failover = settings.failover;
    if (failover.backoff.max < failover.backoff.base) {
        out.problem("failover.backoff.max", "is shorter than base");
    }
    const std::vector<double>& buckets = settings.metrics.buckets;
    if (std::ranges::adjacent_find(buckets, std::ranges::greater_equal()) != buckets.end()) {
        out.problem("metrics.buckets", "the bounds must rise from one to the next");
    }
    constexpr std::size_t kMostBuckets = 64;  // every series has one counter for each
    if (buckets.size() > kMostBuckets) {
        out.problem("metrics.buckets", "expected at most 64 bounds");
    }
    if (settings.logging.content) {
        out.warning("logging.content", "prompts and answers are written to the log");
    }
}

}  // namespace

Findings validate(const Settings& settings) {
    Checker out(settings);
    check_listen(settings, out);
    check_server(settings, out);
    check_providers(settings, out);
    check_models(settings, out);
    check_keys(settings, out);
    check_limits(settings, out);
    check_policy(settings, out);
    return std::move(out.found);
}

}  // namespace tollgate::config
