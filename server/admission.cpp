// Limits and budgets on the way of a request: taken before it is sent, settled when it has ended.
#include "server/admission.hpp"

#include "adapters/codec/json.hpp"
#include "router/limits/worst_case.hpp"
#include "server/alerts/budget_text.hpp"
#include "server/dispatch.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tollgate::server {
namespace {

using adapters::Request;
using config::ScopeKind;
using router::LimitKind;

// How often the first of a line looks for a free place that another worker may have made.
constexpr std::chrono::milliseconds kLookAgain{2};

constexpr std::uint64_t kMostTokens = 1'000'000'000;  // of one request; no sum of them overflows
constexpr std::uint64_t kMostAnswers = 2048;          // in one response

bool has_budget(const router::Scopes& scopes) noexcept {
    return std::ranges::any_of(scopes, [](const auto* scope) { return !scope->budgets.empty(); });
}

bool has_rate(const router::Scopes& scopes, LimitKind kind) noexcept {
    return std::ranges::any_of(scopes, [kind](const router::ScopeLimits* scope) {
        return scope->rates != nullptr &&
               (kind == LimitKind::requests ? scope->rates->requests.limit()
                                            : scope->rates->tokens.limit()) != 0;
    });
}

router::WallTime in_seconds(std::chrono::system_clock::time_point time) noexcept {
    return std::chrono::floor<std::chrono::seconds>(time);
}

// As OpenAI writes it: "1s", "6m0s", "12ms" (platform.openai.com/docs/guides/rate-limits, read
// 2026-11-25).
std::string reset_text(std::chrono::nanoseconds wait) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    if (ms < 1000) {
        return std::to_string(ms) + "ms";
    }
    const auto seconds = (ms + 999) / 1000;
    return seconds < 60 ? std::to_string(seconds) + "s"
                        : std::to_string(seconds / 60) + "m" + std::to_string(seconds % 60) + "s";
}

constexpr std::array<std::string_view, 3> kRequestFields{
    "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"};
constexpr std::array<std::string_view, 3> kTokenFields{
    "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"};

std::string_view value_of(const Request& request, std::string_view name) noexcept {
    const adapters::Member* const member = request.find(name);
    return member == nullptr ? std::string_view() : request.raw(*member);
}

std::uint64_t number_of(const Request& request, std::string_view name) noexcept {
    const std::string_view text = value_of(request, name);
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// Each answer may be as long as max_tokens allows: `n` of them, for each prompt of a list.
std::uint64_t answers_of(const Request& request) {
    std::uint64_t answers =
        std::max({std::uint64_t{1}, number_of(request, "n"), number_of(request, "best_of")});
    const std::string_view prompt = request.operation == adapters::Operation::completions
                                        ? value_of(request, "prompt")
                                        : std::string_view();
    if (prompt.starts_with('[')) {
        const Result<json::Document> list = json::Document::parse(prompt);
        std::uint64_t prompts = 0;
        if (list) {
            for (const json::Value one : list->root()) {
                prompts += one.is_number() ? 0 : 1;  // a list of numbers is one prompt
            }
        }
        answers *= std::max<std::uint64_t>(std::min(prompts, kMostAnswers), 1);
    }
    return std::min(answers, kMostAnswers);
}

/// Tokens of that many answers, at most.  `bound`: what the model can write; 0: nobody knows.
std::uint64_t most_output(const Request& request, const config::ReserveSettings& reserve,
                          std::uint64_t answers, std::uint64_t bound) {
    if (request.operation == adapters::Operation::embeddings) {
        return 0;
    }
    const std::uint64_t each = request.max_output ? *request.max_output
                               : bound != 0       ? bound
                                                  : reserve.output;
    const std::uint64_t all = std::min(each, kMostTokens) * answers;
    return std::min(reserve.most != 0 ? std::min(all, reserve.most) : all, kMostTokens);
}

/// Where the vendor's price depends on it; "auto" is the account's own choice.
std::string_view service_of(const Request& request) noexcept {
    std::string_view text = value_of(request, "service_tier");
    if (text.size() < 2) {
        return {};
    }
    text = text.substr(1, text.size() - 2);
    const metrics::Service service = metrics::service_named(text);
    const bool is_dearer =
        service == metrics::Service::priority || service == metrics::Service::fast;
    return is_dearer ? metrics::to_string(service) : std::string_view();
}

}  // namespace

// The most that the request can use at a target.
router::Amounts Dispatch::amounts_for(const router::RoutedTarget& target) {
    const config::ReserveSettings& reserve = snapshot_->settings().cost.reserve;
    const catalog::Model* const known = target.known();
    const std::uint64_t answers = answers_of(request_);
    const router::MostUsed most{
        .prompt = prompt_estimate(),
        .output = most_output(request_, reserve, answers, known != nullptr ? known->max_output : 0),
        .body = request_.body};
    return {.tokens = most.prompt + most_output(request_, reserve, answers, 0),
            .worst = router::worst_cost(target.provider->prices, known, most,
                                        {.when = record_.wall, .service = service_of(request_)})};
}

// Rate limits of the caller.  Budgets depend on the price of the target: take_attempt_limits().
Task<Result<void>> Dispatch::take_limits() {
    taken_.callers->caller_scopes(taken_.caller, record_.tags, taken_.scopes);
    if (taken_.scopes.empty() && !taken_.callers->rules().has_targets()) {
        co_return Result<void>();
    }
    router::Amounts amounts;
    if (has_rate(taken_.scopes, LimitKind::tokens)) {
        amounts.tokens =
            prompt_estimate() +
            most_output(request_, snapshot_->settings().cost.reserve, answers_of(request_), 0);
    }
    LimitQueue& queue = worker_.limit_queue();
    const auto line = std::ranges::find_if(taken_.scopes, [&](const router::ScopeLimits* scope) {
        return scope->rates != nullptr && queue.has_line(*scope->rates);
    });
    std::optional<router::Refusal> refusal;
    if (line != taken_.scopes.end()) {
        refusal = router::Refusal{.scope = *line, .kind = LimitKind::concurrency};
    } else {
        refusal = taken_.request.take(taken_.scopes, {}, amounts, record_.started,
                                      in_seconds(record_.wall));
    }
    if (refusal) {
        co_return co_await wait_for_turn(amounts, *refusal);
    }
    co_return Result<void>();
}

// Waits in the line of the limit that is reached, as far as the configuration allows.
Task<Result<void>> Dispatch::wait_for_turn(const router::Amounts& amounts,
                                           router::Refusal refusal) {
    const config::LimitQueue& settings = snapshot_->settings().limits.queue;
    router::Rates& rates = *refusal.scope->rates;
    if (rates.waiting.fetch_add(1, std::memory_order_relaxed) >= settings.size) {
        rates.waiting.fetch_sub(1, std::memory_order_relaxed);
        co_return std::unexpected(explain_refusal(refusal, 0));
    }
    LimitQueue& queue = worker_.limit_queue();
    deadline_.arm(Cause::elapsed, Reactor::now() + settings.wait);
    Wake wake = co_await queue.enter(rates, x_.interrupt);
    if (wake == Wake::ready) {
        for (;;) {
            const std::optional<router::Refusal> again = taken_.request.take(
                taken_.scopes, {}, amounts, Reactor::now(), in_seconds(record_.wall));
            if (!again) {
                break;
            }
            refusal = *again;
            const Clock::duration pause =
                refusal.wait.count() != 0 ? Clock::duration(refusal.wait) : kLookAgain;
            wake = co_await worker_.reactor().sleep_until(Reactor::now() + pause, x_.interrupt);
            if (wake == Wake::interrupted) {
                break;
            }
        }
        queue.leave(rates);
    }
    deadline_.clear();
    rates.waiting.fetch_sub(1, std::memory_order_relaxed);
    if (wake == Wake::ready) {
        co_return Result<void>();
    }
    Failure failure = explain_refusal(refusal, 0);
    if (x_.interrupt.cause() != Cause::elapsed) {
        failure = explain_interrupt(x_.interrupt, std::move(failure));
    } else {
        x_.interrupt.reset();
        failure.detail += " It waited for limits.queue.wait.";
    }
    co_return std::unexpected(std::move(failure));
}

// The target's own limits, and the price of the target against every budget.
std::optional<router::Refusal> Dispatch::reserve(Attempt& attempt, router::Scopes& scopes) {
    const router::RoutedTarget& target = attempt.target;
    const std::string& provider = target.provider->endpoint.provider;
    const router::RuleSet& rules = taken_.callers->rules();
    scopes.clear();
    if (rules.has_targets()) {
        if (const router::ScopeLimits* const scope = rules.find(ScopeKind::provider, provider)) {
            scopes.push_back(scope);
        }
        rules.find_model(provider, target.model, scopes);
    }
    if (scopes.empty() && !has_budget(taken_.scopes)) {
        return std::nullopt;
    }
    const Clock::time_point now = attempt.began;  // a moment ago
    // The target's first: a full target sends it elsewhere.
    return attempt.lease.take(scopes, {scopes, taken_.scopes}, amounts_for(target), now,
                              in_seconds(record_.wall + (now - record_.started)));
}

Result<void> Dispatch::take_attempt_limits() {
    const std::optional<router::Refusal> refusal = reserve(current_, taken_.target_scopes);
    if (!refusal) {
        return {};
    }
    Failure failure = explain_refusal(
        *refusal, refusal->kind == LimitKind::budget ? amounts_for(current_.target).worst : 0);
    if (refusal->scope->scope.kind >= ScopeKind::provider) {
        failure.kind = FailureKind::target_limited;
        failure.code = refusal->kind == LimitKind::budget ? "insufficient_quota" : "";
    }
    return std::unexpected(std::move(failure));
}

Failure Dispatch::explain_refusal(const router::Refusal& refusal, router::Pico worst) {
    worker_.shared().rejections.count(record_.key_label, refusal.kind);
    const std::string owner = whose(refusal.scope->scope);
    Failure failure;
    failure.kind = FailureKind::limited;
    if (refusal.kind == LimitKind::budget) {
        const router::WallTime now = in_seconds(std::chrono::system_clock::now());
        const router::Budget::State state = refusal.budget->state(now);
        failure.kind = FailureKind::budget_exhausted;
        failure.detail = "The budget of " + owner + " (" + usd_text(state.limit) + " per " +
                         std::string(router::to_string(refusal.budget->per())) + ") has " +
                         usd_text(state.left()) + " left, and this request may cost " +
                         usd_text(worst) + ".";
        if (state.window.end != router::WallTime::max()) {
            failure.detail += " It renews at " + time_text(state.window.end) + ".";
            failure.retry_after = state.window.end - now;
        }
        return failure;
    }
    const router::Rates& rates = *refusal.scope->rates;
    const std::string limit =
        refusal.kind == LimitKind::concurrency
            ? std::to_string(rates.concurrency.limit()) + " requests at the same time"
        : refusal.kind == LimitKind::requests
            ? std::to_string(rates.requests.limit()) + " requests per minute"
            : std::to_string(rates.tokens.limit()) + " tokens per minute";
    failure.detail = "The limit of " + owner + " is reached: " + limit + ".";
    failure.retry_after = std::max(std::chrono::ceil<std::chrono::milliseconds>(refusal.wait),
                                   std::chrono::milliseconds(refusal.wait.count() != 0 ? 1 : 1000));
    return failure;
}

// What was used is paid, the rest is given back.
void Dispatch::settle_attempt(Attempt& attempt, const adapters::Usage& usage, metrics::Pico cost) {
    if (attempt.lease.empty()) [[likely]] {
        return;
    }
    std::vector<router::Alert> alerts;
    attempt.lease.settle(usage.tokens(), cost, snapshot_->settings().alerts.thresholds, &alerts);
    for (const router::Alert& alert : alerts) {
        if (worker_.shared().alert) {
            worker_.shared().alert(alert);
        }
    }
}

void Dispatch::settle_limits() {
    settle_attempt(current_, record_.usage, record_.cost);
    if (!taken_.request.empty()) {
        std::uint64_t used = record_.usage.tokens();
        for (const metrics::SpentAttempt& spent : record_.spent) {
            used += spent.usage.tokens();
        }
        taken_.request.settle(used, 0, {}, nullptr);
    }
}

// The tightest of our own limits.
void Dispatch::add_limit_fields(ResponseHead& head, Clock::time_point now) const {
    if (taken_.scopes.empty() && taken_.target_scopes.empty()) {
        return;
    }
    const auto add = [&](router::Rate router::Rates::*member,
                         const std::array<std::string_view, 3>& names) {
        std::uint64_t limit = 0;
        router::Rate::State tightest{};
        for (const router::Scopes* const scopes : {&taken_.scopes, &taken_.target_scopes}) {
            for (const router::ScopeLimits* const scope : *scopes) {
                if (scope->rates == nullptr || (scope->rates.get()->*member).limit() == 0) {
                    continue;
                }
                const router::Rate& rate = scope->rates.get()->*member;
                const router::Rate::State state = rate.state(now);
                if (limit == 0 || state.remaining < tightest.remaining) {
                    limit = rate.limit();
                    tightest = state;
                }
            }
        }
        if (limit != 0) {
            DecimalSpace space;
            head.add(names[0], decimal(limit, space));
            head.add(names[1], decimal(tightest.remaining, space));
            head.add(names[2], reset_text(tightest.until_full));
        }
    };
    add(&router::Rates::requests, kRequestFields);
    add(&router::Rates::tokens, kTokenFields);
}

// The vendor's fields, without those that our own limits replace.
void Dispatch::relay_fields(ResponseHead& head, std::string_view fields) const {
    constexpr std::string_view kPrefix = "x-ratelimit-";
    const auto is_limited = [&](LimitKind kind) {
        return has_rate(taken_.scopes, kind) || has_rate(taken_.target_scopes, kind);
    };
    const bool requests = is_limited(LimitKind::requests);
    const bool tokens = is_limited(LimitKind::tokens);
    if (!requests && !tokens) {
        head.fields.append(fields);
        return;
    }
    while (!fields.empty()) {
        const std::size_t end = fields.find("\r\n");
        const std::string_view line =
            fields.substr(0, end == std::string_view::npos ? end : end + 2);
        fields.remove_prefix(line.size());
        const std::string_view name = line.substr(0, line.find(':'));
        const bool ours = name.starts_with(kPrefix) && ((requests && name.ends_with("-requests")) ||
                                                        (tokens && name.ends_with("-tokens")));
        if (!ours) {
            head.fields.append(line);
        }
    }
}

}  // namespace tollgate::server
