#include "router/auto/decide.hpp"

#include "router/auto/policy.hpp"

#include <algorithm>
#include <limits>

namespace tollgate::router {
namespace {

using config::AutoPolicy;

std::optional<AutoPolicy> policy_of(std::string_view model, AutoPolicy configured) noexcept {
    if (model == "auto") {
        return configured;
    }
    if (model == "auto/balanced") {
        return AutoPolicy::balanced;
    }
    if (model == "auto/cheap") {
        return AutoPolicy::cheap;
    }
    if (model == "auto/fast") {
        return AutoPolicy::fast;
    }
    if (model == "auto/best") {
        return AutoPolicy::best;
    }
    return std::nullopt;
}

bool lists(const std::vector<std::string>& words, std::string_view word) noexcept {
    return words.empty() || std::ranges::find(words, word) != words.end();
}

class Decider {
public:
    Decider(const AutoRequest& request, const Snapshot& snapshot, const FactsOf& facts)
        : request_(request),
          snapshot_(snapshot),
          settings_(snapshot.settings().router.automatic),
          facts_(facts),
          prompt_(outline_prompt(request.request)) {
        out_.tokens = estimate_tokens(prompt_);
    }

    [[nodiscard]] Result<Decision> run() {
        const std::string_view model = request_.model;
        const std::optional<AutoPolicy> policy = policy_of(model, settings_.policy);
        if (!policy) {
            return std::unexpected(
                Failure{.kind = FailureKind::unknown_model,
                        .detail = "The model '" + std::string(model.substr(0, 200)) +
                                  "' does not exist here. Use auto, auto/balanced, auto/cheap, "
                                  "auto/fast or auto/best.",
                        .param = "model"});
        }
        out_.policy = *policy;
        if (const std::vector<std::string>* const names = chosen_names()) {
            for (const std::string& name : *names) {
                add(name, out_.ranked);
            }
            out_.chosen = out_.ranked.size();
        } else {
            (void)found();
        }
        add_by_policy();
        if (!std::ranges::all_of(out_.ranked, &AutoCandidate::is_well)) {
            std::ranges::stable_partition(out_.ranked, &AutoCandidate::is_well);
        }
        return std::move(out_);
    }

private:
    const Classification& found() {
        if (!out_.classified) {
            out_.classified = true;
            out_.found = classify(prompt_, out_.tokens, {.long_context = settings_.long_context});
        }
        return out_.found;
    }

    [[nodiscard]] bool fits(const config::AutoWhen& when) {
        const bool by_request = when.tokens_above == 0 || out_.tokens > when.tokens_above;
        if (!by_request || (when.tokens_below && out_.tokens >= *when.tokens_below) ||
            (when.tools && *when.tools != prompt_.offers_tools) ||
            (!when.key.empty() && (request_.key.empty() || !lists(when.key, request_.key))) ||
            (!when.tag.empty() && std::ranges::none_of(request_.tags, [&](const std::string& tag) {
                return lists(when.tag, tag);
            }))) {
            return false;
        }
        for (const auto& [name, value] : when.header) {
            const std::optional<std::string_view> given =
                request_.header ? request_.header(name) : std::nullopt;
            if (!given || (value != "*" && *given != value)) {
                return false;
            }
        }
        // The classifier runs last, and only for rules that ask for it.
        if (when.task.empty() && when.difficulty.empty() && when.language.empty()) {
            return true;
        }
        return lists(when.task, to_string(found().task)) &&
               lists(when.difficulty, to_string(found().difficulty)) &&
               lists(when.language, to_string(found().language));
    }

    /// The targets of the first rule that fits, else of the task; null: the policy's turn.
    [[nodiscard]] const std::vector<std::string>* chosen_names() {
        for (std::size_t i = 0; i < settings_.rules.size(); ++i) {
            if (fits(settings_.rules[i].when)) {
                out_.by = DecidedBy::rule;
                out_.rule = i;
                return &settings_.rules[i].to;
            }
        }
        if (!settings_.tasks.empty()) {
            const std::string_view task = to_string(found().task);
            const auto mapped = std::ranges::find(settings_.tasks, task, [](const auto& entry) {
                return std::string_view(entry.first);
            });
            if (mapped != settings_.tasks.end()) {
                out_.by = DecidedBy::task;
                return &mapped->second;
            }
        }
        return nullptr;
    }

    [[nodiscard]] bool known(std::string_view name) const noexcept {
        return std::ranges::find(out_.ranked, name, &AutoCandidate::name) != out_.ranked.end() ||
               std::ranges::find(out_.left_out, name, &AutoCandidate::name) != out_.left_out.end();
    }

    /// `name` goes to `ranked`, or with the reason to those left out.
    void add(std::string_view name, std::vector<AutoCandidate>& ranked) {
        const auto planned = snapshot_.auto_plan().names.find(name);
        if (planned == snapshot_.auto_plan().names.end() || known(planned->first)) {
            return;
        }
        AutoCandidate candidate = consider(planned->first, planned->second);
        (candidate.left_out.empty() ? ranked : out_.left_out).push_back(std::move(candidate));
    }

    void add_by_policy() {
        std::vector<AutoCandidate> candidates;
        candidates.reserve(snapshot_.auto_plan().candidates.size());
        out_.ranked.reserve(out_.ranked.size() + candidates.capacity());
        for (const std::string_view name : snapshot_.auto_plan().candidates) {
            add(name, candidates);
        }
        rank(candidates, out_.policy, out_.found.difficulty);
        std::ranges::move(candidates, std::back_inserter(out_.ranked));
    }

    /// The first target that can take the request and is well stands for the name, else the first
    /// that can take it.
    [[nodiscard]] AutoCandidate consider(std::string_view name, const AutoName& planned) {
        AutoCandidate out;
        out.name = name;
        out.left_out = planned.problem;
        out.quality = planned.quality[static_cast<std::size_t>(out_.found.task)];
        out.is_well = false;
        bool is_found = false;
        for (const PlannedTarget& target : planned.targets) {
            TargetFacts facts = facts_ ? facts_(name, target) : TargetFacts{};
            if (!facts.left_out.empty()) {
                if (out.left_out.empty() && !is_found) {
                    out.planned = target;
                    out.left_out = std::move(facts.left_out);
                }
                continue;
            }
            if (is_found && !facts.is_well) {
                continue;
            }
            is_found = true;
            out.planned = target;
            out.left_out.clear();
            out.first_token = facts.first_token;
            out.cost = estimate_cost(target, request_.request, out_.tokens, facts.cached_tokens);
            out.is_well = facts.is_well;
            if (facts.is_well) {
                break;
            }
        }
        return out;
    }

    const AutoRequest& request_;
    const Snapshot& snapshot_;
    const config::AutoRouter& settings_;
    const FactsOf& facts_;
    PromptOutline prompt_;
    Decision out_;
};

}  // namespace

bool is_auto(std::string_view model) noexcept {
    return model == "auto" || model.starts_with("auto/");
}

std::string_view to_string(DecidedBy by) noexcept {
    switch (by) {
        case DecidedBy::rule:
            return "rule";
        case DecidedBy::task:
            return "task";
        case DecidedBy::policy:
            break;
    }
    return "policy";
}

std::optional<std::int64_t> estimate_cost(const PlannedTarget& planned,
                                          const adapters::Request& request, std::uint64_t tokens,
                                          std::uint64_t cached_tokens) noexcept {
    if (!planned.input_price || !planned.output_price) {
        const adapters::VendorKind kind = planned.target.provider->vendor.kind;
        return kind == adapters::VendorKind::cloud || kind == adapters::VendorKind::aggregator
                   ? std::nullopt
                   : std::optional<std::int64_t>(0);
    }
    constexpr std::uint64_t kAnswerTokens = 500;  // where the client set no limit
    const std::uint64_t cached = std::min(cached_tokens, tokens);
    const std::uint64_t answer =
        std::min(request.max_output.value_or(kAnswerTokens), 2 * kAnswerTokens);
    __extension__ using Wide = __int128;
    const Wide sum = Wide(tokens - cached) * *planned.input_price +
                     Wide(cached) * planned.cached_price.value_or(*planned.input_price) +
                     Wide(answer) * *planned.output_price;
    constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::clamp<Wide>(sum, 0, kMost));
}

Failure nothing_left(std::string_view model, const Decision& decision) {
    std::string detail =
        "No model can take this request through '" + std::string(model.substr(0, 200)) + "':";
    constexpr std::size_t kShown = 10;
    for (const AutoCandidate& candidate :
         std::span(decision.left_out).first(std::min(decision.left_out.size(), kShown))) {
        detail += " " + std::string(candidate.name) + ": " + candidate.left_out + ".";
    }
    if (decision.left_out.empty()) {
        detail += " no provider is usable.";
    }
    return Failure{
        .kind = FailureKind::unknown_model, .detail = std::move(detail), .param = "model"};
}

Result<Decision> decide(const AutoRequest& request, const Snapshot& snapshot,
                        const FactsOf& facts) {
    return Decider(request, snapshot, facts).run();
}

}  // namespace tollgate::router
