#include "config/readers.hpp"

#include <array>

namespace tollgate::config {
namespace {

using std::string_view;

constexpr std::array<std::pair<string_view, Balance>, 6> kBalances{
    {{"weighted", Balance::weighted},
     {"latency", Balance::latency},
     {"least_inflight", Balance::least_inflight},
     {"cost", Balance::cost},
     {"usage", Balance::usage},
     {"order", Balance::order}}};
void read_overrides(Section& in, TimeoutOverrides& out) {
    in.section("timeouts", [&](Section& timeouts) {
        const auto read = [&](string_view key, std::optional<milliseconds>& value,
                              milliseconds low) {
            timeouts.read(key, value, [low](string_view text) {
                return scalar::duration(text, low, kLongest);
            });
        };
        read("connect", out.connect, kShortest);
        read("first_byte", out.first_byte, kShortest);
        read("first_token", out.first_token, milliseconds(0));
        read("idle", out.idle, kShortest);
        read("total", out.total, kShortest);
    });
}

/// A target is a name, or a mapping with a weight.
void read_target(Context& context, const yaml::Node* node, const std::string& path,
                 ModelAlias& out) {
    ModelTarget target;
    if (node != nullptr && node->kind != yaml::Kind::map) {
        if (context.value(*node, path, target.model, target_name)) {
            out.targets.push_back(std::move(target));
        }
        return;
    }
    Section section(context, node, path);
    const bool named = section.read("model", target.model, target_name);
    section.count("weight", target.weight, 0, 1'000'000);
    read_overrides(section, target.timeouts);
    section.finish();
    if (named) {
        out.targets.push_back(std::move(target));
    } else if (node != nullptr && section.take("model") == nullptr) {
        context.problem(node->at, path, "model is missing");
    }
}

void read_group(Section& in, ModelAlias& out) {
    Context& context = in.context();
    if (const yaml::Node* chain = in.take("chain")) {
        in.each(*chain, in.path_of("chain"), [&](const yaml::Node& item, const std::string& path) {
            read_target(context, &item, path, out);
        });
    }
    const bool is_chain = !out.targets.empty();
    out.is_chain = true;
    const bool balanced = read_balance(in, "balance", out.balance);
    in.read("sticky", out.sticky, [](string_view text) -> scalar::Parsed<Sticky> {
        for (const auto& [word, value] : kStickies) {
            if (word == text) {
                return value;
            }
        }
        return std::unexpected("expected one of none, conversation, key");
    });
    read_overrides(in, out.timeouts);
    in.list("context_fallbacks", out.context_fallbacks, target_name);
    in.list("content_fallbacks", out.content_fallbacks, target_name);
    in.section("shadow", [&](Section& shadow) {
        Shadow& to = out.shadow.emplace();
        const bool named = shadow.read("model", to.model, target_name);
        const bool shared =
            shadow.read("share", to.share, [](string_view text) { return scalar::share(text); });
        if (!shadow.is_listing() && !(named && shared)) {
            context.problem(shadow.at(), shadow.own_path(), "shadow wants model and share");
        }
    });
    const yaml::Node* targets = in.take("targets");
    if (in.is_listing()) {
        read_target(context, nullptr, in.path_of("targets[]"), out);
    }
    if (targets == nullptr) {
        if (balanced) {
            context.problem(in.at(), in.own_path(), "balance needs targets");
        }
        return;
    }
    if (is_chain) {
        context.problem(targets->at, in.path_of("targets"),
                        "give either chain or targets, not both");
        return;
    }
    out.is_chain = false;
    in.each(*targets, in.path_of("targets"), [&](const yaml::Node& item, const std::string& path) {
        read_target(context, &item, path, out);
    });
}

}  // namespace

scalar::Parsed<std::string> target_name(string_view text) {
    const scalar::Parsed<std::string> name = scalar::text(text);
    if (!name || text.find(' ') != string_view::npos || text.size() > 256 ||
        text.starts_with('/') || text.ends_with('/')) {
        return std::unexpected("expected provider/model such as openai/gpt-4o, or an alias");
    }
    return name;
}

bool read_balance(Section& in, string_view key, Balance& out) {
    const yaml::Node* node = in.take(key);
    return node != nullptr && in.context().value(*node, in.path_of(key), out, [](string_view text) {
        for (const auto& [word, value] : kBalances) {
            if (word == text) {
                return scalar::Parsed<Balance>(value);
            }
        }
        return scalar::Parsed<Balance>(std::unexpected(
            "expected one of weighted, latency, least_inflight, cost, usage, order"));
    });
}

void read_alias(Context& context, const Section::Named& entry, std::vector<ModelAlias>& out) {
    ModelAlias alias{.name = entry.name};
    if (entry.node != nullptr) {
        if (const scalar::Parsed<std::string> name = scalar::alias(entry.name); !name) {
            context.problem(entry.at, entry.path, name.error());
            return;
        }
    }
    const std::size_t problems = context.problems.size();
    Section section(context, entry.node, entry.path);
    if (entry.node == nullptr || entry.node->kind == yaml::Kind::map) {
        read_group(section, alias);
        section.finish();
    } else if (entry.node->kind != yaml::Kind::null) {
        section.each(*entry.node, entry.path, [&](const yaml::Node& item, const std::string& path) {
            read_target(context, &item, path, alias);
        });
    }
    if (entry.node == nullptr) {
        return;
    }
    if (alias.targets.empty() && context.problems.size() == problems) {
        context.problem(
            entry.at, entry.path,
            "expected at least one target, such as [openai/gpt-4o] or {chain: [openai/gpt-4o]}");
    }
    out.push_back(std::move(alias));
}

}  // namespace tollgate::config
