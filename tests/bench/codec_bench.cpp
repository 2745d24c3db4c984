// The codecs by themselves: JSON trees and server-sent events.
#include "adapters/codec/json.hpp"
#include "adapters/codec/sse.hpp"
#include "adapters/codec/sse_blocks.hpp"
#include "tests/bench/inputs.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace {

using namespace tollgate;

void json_parse(benchmark::State& state, const std::string& text) {
    for (auto _ : state) {
        const auto document = json::Document::parse(text);
        if (!document) {
            state.SkipWithError("not JSON");
            break;
        }
        benchmark::DoNotOptimize(document->root().size());
    }
    bench::set_bytes(state, text.size());
}
BENCHMARK_CAPTURE(json_parse, delta, std::string(bench::kDelta));
BENCHMARK_CAPTURE(json_parse, answer_900_bytes, bench::whole_answer());
BENCHMARK_CAPTURE(json_parse, prompt_64_kib, bench::chat_request(1, 64UL * 1024));
BENCHMARK_CAPTURE(json_parse, messages_100, bench::chat_request(100, 200));

/// Both are asked for every event of a burst; the rate of items is events.
void set_events(benchmark::State& state, std::size_t bytes, std::int64_t events) {
    bench::set_bytes(state, bytes);
    state.SetItemsProcessed(events);
    if (events == 0) {
        state.SkipWithError("no events");
    }
}

void sse_parser_burst(benchmark::State& state) {
    const std::string burst = bench::delta_burst(bench::kBurst);
    codec::SseParser parser;
    std::int64_t events = 0;
    for (auto _ : state) {
        parser.push(burst);
        codec::SseEvent event;
        while (parser.next(event)) {
            benchmark::DoNotOptimize(event.data.data());
            ++events;
        }
    }
    set_events(state, burst.size(), events);
}
BENCHMARK(sse_parser_burst);

void sse_blocks_burst(benchmark::State& state) {
    const std::string burst = bench::delta_burst(bench::kBurst);
    codec::SseBlocks blocks;
    std::int64_t events = 0;
    for (auto _ : state) {
        blocks.push(burst);
        std::string_view block;
        while (blocks.next(block)) {
            benchmark::DoNotOptimize(block.data());
            ++events;
        }
    }
    set_events(state, burst.size(), events);
}
BENCHMARK(sse_blocks_burst);

}  // namespace
