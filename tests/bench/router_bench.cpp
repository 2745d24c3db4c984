// What the auto-router costs: the classifier by itself, and whole decisions with and without it.
#include "config/parse.hpp"
#include "router/auto/classifier.hpp"
#include "router/auto/decide.hpp"
#include "tests/bench/inputs.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tollgate;
using namespace tollgate::router;

constexpr std::string_view kWish =
    "Please review the following report and tell me which of its three recommendations would cost "
    "the least; explain why in two sentences. ";
constexpr std::string_view kProse =
    "The bridge committee met on Tuesday to look at the repairs of the northern pier, which the "
    "storm of last winter had damaged more than anybody expected. Costs: 12,400 for timber. ";
constexpr std::string_view kChinese =
    "请阅读下面的会议记录，概括三位发言人的主要观点，并指出分歧。";

std::string text_of(std::string_view first, std::string_view then, std::size_t bytes) {
    std::string out(first);
    while (out.size() + then.size() <= bytes) {
        out += then;
    }
    return out;
}

std::string chat(std::string_view text) {
    return R"({"model":"auto","messages":[{"role":"user","content":")" + std::string(text) +
           R"("}]})";
}

void classify_prompt(benchmark::State& state, const std::string& text) {
    const bench::PaddedBody body(chat(text));
    const auto request = adapters::Request::peek(adapters::Operation::chat, body.view(), 64);
    if (!request) {
        state.SkipWithError("refused");
        return;
    }
    for (auto _ : state) {
        const PromptOutline outline = outline_prompt(*request);
        benchmark::DoNotOptimize(classify(outline, estimate_tokens(outline), {}));
    }
    bench::set_bytes(state, text.size());
}
BENCHMARK_CAPTURE(classify_prompt, english_100_bytes, std::string(kWish));
BENCHMARK_CAPTURE(classify_prompt, english_4_kib, text_of(kWish, kProse, 4096));
BENCHMARK_CAPTURE(classify_prompt, chinese_4_kib, text_of(kChinese, kChinese, 4096));
BENCHMARK_CAPTURE(classify_prompt, english_64_kib, text_of(kWish, kProse, 65536));

SnapshotPtr snapshot_with(std::string_view automatic) {
    const std::string yaml =
        "providers:\n"
        "  openai: {api_key: sk-1, models: [gpt-5, gpt-5-mini, gpt-4.1-nano]}\n"
        "  anthropic: {api_key: a-1, models: [claude-haiku-4-5]}\n"
        "  deepseek: {api_key: d-1}\n"
        "models:\n"
        "  smart: [anthropic/claude-sonnet-4-5, openai/gpt-5]\n"
        "router: {auto: " +
        std::string(automatic) + "}\n";
    BuildContext context;
    context.environment = [](std::string_view) -> std::optional<std::string> {
        return std::nullopt;
    };
    auto settings = config::parse(yaml, "bench.yaml", context.environment);
    if (!settings) {
        return nullptr;
    }
    auto built = Snapshot::build(std::move(*settings), context);
    return built ? *built : nullptr;
}

void decide_request(benchmark::State& state, std::string_view automatic, std::size_t bytes) {
    const bench::PaddedBody body(chat(text_of(kWish, kProse, bytes)));
    const auto request = adapters::Request::peek(adapters::Operation::chat, body.view(), 64);
    const SnapshotPtr snapshot = snapshot_with(automatic);
    if (!request || snapshot == nullptr) {
        state.SkipWithError("no request or no snapshot");
        return;
    }
    for (auto _ : state) {
        const auto decision = decide({.request = *request}, *snapshot, {});
        if (!decision) {
            state.SkipWithError("no decision");
            break;
        }
        benchmark::DoNotOptimize(decision->ranked.size());
    }
}
BENCHMARK_CAPTURE(decide_request, by_rule_without_classifier,
                  R"({rules: [{when: {tokens: ">0"}, to: smart}], candidates: [smart]})", 900);
BENCHMARK_CAPTURE(decide_request, by_rule_with_six_candidates,
                  R"({rules: [{when: {tokens: ">0"}, to: smart}]})", 900);
BENCHMARK_CAPTURE(decide_request, classified_4_kib, R"({policy: balanced})", 4096);

}  // namespace
