// router.auto: rules, targets by task, and what the policy chooses from.
#include "config/auto_words.hpp"
#include "config/readers.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace tollgate::config {
namespace {

using std::string_view;

constexpr std::array<std::pair<string_view, AutoPolicy>, 4> kPolicies{
    {{"balanced", AutoPolicy::balanced},
     {"cheap", AutoPolicy::cheap},
     {"fast", AutoPolicy::fast},
     {"best", AutoPolicy::best}}};
constexpr std::array<std::pair<string_view, RegionRule>, 3> kRegions{
    {{"any", RegionRule::any}, {"overseas", RegionRule::overseas}, {"china", RegionRule::china}}};
constexpr std::uint64_t kMostTokens = 1'000'000'000;

/// A parser for one word of a fixed list.
auto word_of(std::span<const string_view> words) {
    return [words](string_view text) -> scalar::Parsed<std::string> {
        if (std::ranges::find(words, text) != words.end()) {
            return std::string(text);
        }
        std::string expected = "expected one of ";
        for (const string_view word : words) {
            expected += (word == words.front() ? "" : ", ") + std::string(word);
        }
        return std::unexpected(std::move(expected));
    };
}

struct TokenRange {
    std::uint64_t above = 0;
    std::optional<std::uint64_t> below = {};
};

/// ">8000", "<500" or "500-8000".
scalar::Parsed<TokenRange> token_range(string_view text) {
    const auto number = [](string_view digits) -> std::optional<std::uint64_t> {
        const auto trimmed = digits.substr(std::min(digits.find_first_not_of(' '), digits.size()));
        const auto parsed = scalar::integer(trimmed, 0, kMostTokens);
        return parsed ? std::optional(*parsed) : std::nullopt;
    };
    const std::size_t dash = text.find('-');
    if (text.starts_with('>')) {
        if (const auto above = number(text.substr(1))) {
            return TokenRange{.above = *above};
        }
    } else if (text.starts_with('<')) {
        if (const auto below = number(text.substr(1))) {
            return TokenRange{.below = *below};
        }
    } else if (dash != string_view::npos) {
        const auto low = number(text.substr(0, dash));
        const auto high = number(text.substr(dash + 1));
        if (low && high && *low <= *high) {
            return TokenRange{.above = *low == 0 ? 0 : *low - 1, .below = *high + 1};
        }
    }
    return std::unexpected("expected tokens such as \">8000\", \"<500\" or 500-8000");
}

void read_when(Section& in, AutoWhen& out) {
    in.list("task", out.task, word_of(kTaskWords));
    in.list("difficulty", out.difficulty, word_of(kDifficultyWords));
    in.list("language", out.language, word_of(kLanguageWords));
    TokenRange range;
    in.read("tokens", range, token_range);
    out.tokens_above = range.above;
    out.tokens_below = range.below;
    in.flag("tools", out.tools);
    in.list("tag", out.tag, scalar::name);
    in.named("header", "<name>", [&](const Section::Named& entry) {
        std::string value;
        if (entry.node != nullptr &&
            in.context().value(*entry.node, entry.path, value, scalar::text)) {
            std::string name = entry.name;
            std::ranges::transform(name, name.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
            });
            out.header.emplace_back(std::move(name), std::move(value));
        }
    });
    in.list("key", out.key, scalar::name);
}

void read_rule(Section& in, std::vector<AutoRule>& out) {
    AutoRule rule;
    const std::size_t problems = in.context().problems.size();
    in.section("when", [&](Section& when) { read_when(when, rule.when); });
    in.list("to", rule.to, target_name);
    if (in.is_listing()) {
        return;
    }
    if (rule.to.empty() && in.context().problems.size() == problems) {
        in.context().problem(in.at(), in.own_path(), "to is missing: the target of the rule");
    }
    out.push_back(std::move(rule));
}

}  // namespace

void read_router(Section& in, RouterSettings& out) {
    in.list("allow", out.allow, target_name);
    in.list("deny", out.deny, target_name);
    in.choice("region", out.region, kRegions);
    in.section("auto", [&](Section& automatic) {
        AutoRouter& router = out.automatic;
        automatic.choice("policy", router.policy, kPolicies);
        automatic.sections("rules", [&](Section& rule) { read_rule(rule, router.rules); });
        automatic.section("tasks", [&](Section& tasks) {
            for (const string_view task : kTaskWords) {
                std::vector<std::string> targets;
                tasks.list(task, targets, target_name);
                if (!targets.empty()) {
                    router.tasks.emplace_back(task, std::move(targets));
                }
            }
        });
        automatic.list("candidates", router.candidates, target_name);
        automatic.named("quality", "<model>", [&](const Section::Named& entry) {
            AutoQuality quality{.model = entry.name};
            if (entry.node != nullptr &&
                automatic.context().value(
                    *entry.node, entry.path, quality.quality,
                    [](string_view text) { return scalar::integer(text, 0, 100); })) {
                router.quality.push_back(std::move(quality));
            }
        });
        automatic.count("long_context", router.long_context, 1, kMostTokens);
        automatic.choice("sticky", router.sticky, kStickies);
    });
}

}  // namespace tollgate::config
