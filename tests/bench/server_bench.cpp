// The server's parsers and the relay of a stream, without any socket.
#include "server/h1/chunked.hpp"
#include "server/h1/guard.hpp"
#include "server/h1/head_parser.hpp"
#include "server/relayed_stream.hpp"
#include "server/upstream/response_parser.hpp"
#include "tests/bench/inputs.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace tollgate;
using namespace tollgate::server;

/// What OpenAI's SDK for Python sends in front of a chat request.
constexpr std::string_view kRequestHead =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: 127.0.0.1:4000\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: OpenAI/Python 1.97.0\r\n"
    "X-Stainless-Lang: python\r\n"
    "X-Stainless-Package-Version: 1.97.0\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Arch: x64\r\n"
    "X-Stainless-Runtime: CPython\r\n"
    "X-Stainless-Runtime-Version: 3.12.4\r\n"
    "Authorization: Bearer sk-0123456789abcdef0123456789abcdef\r\n"
    "X-Stainless-Async: false\r\n"
    "x-stainless-retry-count: 0\r\n"
    "x-stainless-read-timeout: 600\r\n"
    "Content-Length: 900\r\n"
    "\r\n";

void request_head(benchmark::State& state) {
    const h1::GuardLimits limits;
    RequestHead head;
    for (auto _ : state) {
        const h1::GuardVerdict verdict = h1::guard(kRequestHead, limits);
        if (verdict.state != h1::GuardVerdict::State::accepted ||
            !h1::parse_head(kRequestHead.substr(0, verdict.head_size), head)) {
            state.SkipWithError("refused");
            break;
        }
        benchmark::DoNotOptimize(head.fields.data());
    }
    bench::set_bytes(state, kRequestHead.size());
}
BENCHMARK(request_head);

constexpr std::string_view kResponseHead =
    "HTTP/1.1 200 OK\r\n"
    "Date: Mon, 10 Mar 2025 01:25:52 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 900\r\n"
    "Connection: keep-alive\r\n"
    "access-control-expose-headers: X-Request-ID\r\n"
    "openai-organization: example\r\n"
    "openai-processing-ms: 412\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-limit-tokens: 200000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-remaining-tokens: 199847\r\n"
    "x-ratelimit-reset-requests: 8.64s\r\n"
    "x-ratelimit-reset-tokens: 45ms\r\n"
    "x-request-id: req_8c1f2a7d3b5e49f0a6d2c4b8e7f19035\r\n"
    "strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n"
    "Server: cloudflare\r\n"
    "\r\n";

void response_head(benchmark::State& state) {
    for (auto _ : state) {
        upstream::ResponseParser parser;
        upstream::CallHead head;
        const auto step = parser.head(kResponseHead, head);
        if (step.state != upstream::ResponseParser::HeadState::done) {
            state.SkipWithError("not read");
            break;
        }
        benchmark::DoNotOptimize(head.relayed.data());
    }
    bench::set_bytes(state, kResponseHead.size());
}
BENCHMARK(response_head);

/// 64 KiB of body in chunks of one SSE event each, as vendors send streams.
void chunked_decoder(benchmark::State& state) {
    const std::string event = bench::sse(bench::kDelta);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string bytes;
    while (bytes.size() < bench::kBurst) {
        bytes.push_back(kDigits[event.size() >> 8 & 15]);
        bytes.push_back(kDigits[event.size() >> 4 & 15]);
        bytes.push_back(kDigits[event.size() & 15]);
        bytes.append("\r\n").append(event).append("\r\n");
    }
    bytes.append("0\r\n\r\n");
    for (auto _ : state) {
        h1::ChunkedDecoder decoder;
        std::string_view rest = bytes;
        while (!decoder.finished() && !decoder.failed()) {
            const auto step = decoder.feed(rest);
            benchmark::DoNotOptimize(step.body.data());
            if (step.consumed == 0) {
                break;
            }
            rest.remove_prefix(step.consumed);
        }
        if (!decoder.finished()) {
            state.SkipWithError("not finished");
            break;
        }
    }
    bench::set_bytes(state, bytes.size());
}
BENCHMARK(chunked_decoder);

void relay_feed(benchmark::State& state, std::size_t size) {
    const std::string bytes = bench::delta_burst(size);
    RelayedStream stream(UsageChunk::strip);
    for (auto _ : state) {
        if (!stream.feed(bytes, true) || stream.pieces().empty()) {
            state.SkipWithError("not relayed");
            break;
        }
        benchmark::DoNotOptimize(stream.pieces().data());
    }
    bench::set_bytes(state, bytes.size());
    const std::size_t events = bytes.size() / bench::sse(bench::kDelta).size();
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events));
}
BENCHMARK_CAPTURE(relay_feed, one_event, 1UL);
BENCHMARK_CAPTURE(relay_feed, burst_64_kib, bench::kBurst);

}  // namespace
