// What an answer costs: the probe that watches relayed answers, and a translation event by event.
#include "adapters/client/chat_writer.hpp"
#include "adapters/dialect.hpp"
#include "adapters/dialect/openai_probe.hpp"
#include "tests/bench/inputs.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

namespace {

using namespace tollgate;
using namespace tollgate::adapters;

void probe_event(benchmark::State& state, std::string_view data) {
    AnswerProbe probe;
    for (auto _ : state) {
        if (!probe.event(data)) {
            state.SkipWithError("refused");
            break;
        }
    }
    bench::set_bytes(state, data.size());
}
BENCHMARK_CAPTURE(probe_event, delta, bench::kDelta);
BENCHMARK_CAPTURE(probe_event, finish, bench::kFinish);
BENCHMARK_CAPTURE(probe_event, usage_chunk, bench::kUsageChunk);

void probe_whole(benchmark::State& state) {
    const std::string body = bench::whole_answer();
    for (auto _ : state) {
        AnswerProbe probe;
        if (!probe.whole(body) || !probe.usage().reported) {
            state.SkipWithError("not read");
            break;
        }
    }
    bench::set_bytes(state, body.size());
}
BENCHMARK(probe_whole);

std::string anthropic_event(std::string_view name, std::string_view data) {
    return std::string("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

const std::string& anthropic_opening() {
    static const std::string bytes =
        anthropic_event(
            "message_start",
            R"({"type":"message_start","message":{"id":"msg_01","type":"message",)"
            R"("role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,)"
            R"("stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":1}}})") +
        anthropic_event("content_block_start", R"({"type":"content_block_start","index":0,)"
                                               R"("content_block":{"type":"text","text":""}})");
    return bytes;
}

/// One text delta a time through Anthropic's decoder into OpenAI's chunks, one take() each.
void anthropic_to_openai_event(benchmark::State& state) {
    const std::string event = anthropic_event(
        "content_block_delta",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" coin"}})");
    const auto decoder =
        dialect(DialectName::anthropic).decoder(Delivery::stream, {.model = "claude-sonnet-4-5"});
    AnswerContext context;
    context.model = "claude-sonnet-4-5";
    context.id = "chatcmpl-0";
    context.created = 1741569952;
    const auto writer = stream_writer(std::move(context));
    if (!decoder->feed(anthropic_opening(), *writer)) {
        state.SkipWithError("opening refused");
        return;
    }
    benchmark::DoNotOptimize(writer->take());
    for (auto _ : state) {
        if (!decoder->feed(event, *writer)) {
            state.SkipWithError("refused");
            break;
        }
        const std::string chunk = writer->take();
        if (chunk.empty()) {
            state.SkipWithError("no chunk");
            break;
        }
        benchmark::DoNotOptimize(chunk.data());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(anthropic_to_openai_event);

}  // namespace
