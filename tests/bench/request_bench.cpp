// What a request costs before it leaves: the peek at the client's body and OpenAI's encoding of it.
#include "adapters/catalog.hpp"
#include "adapters/dialect.hpp"
#include "adapters/request.hpp"
#include "tests/bench/inputs.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace {

using namespace tollgate;
using namespace tollgate::adapters;

constexpr std::size_t kDepth = 64;

void peek(benchmark::State& state, const std::string& body) {
    const bench::PaddedBody padded(body);
    for (auto _ : state) {
        const auto request = Request::peek(Operation::chat, padded.view(), kDepth);
        if (!request) {
            state.SkipWithError("refused");
            break;
        }
        benchmark::DoNotOptimize(request->model.data());
    }
    bench::set_bytes(state, body.size());
}
BENCHMARK_CAPTURE(peek, chat_900_bytes, bench::chat_request(1, 730));
BENCHMARK_CAPTURE(peek, prompt_64_kib, bench::chat_request(1, 64UL * 1024));
BENCHMARK_CAPTURE(peek, messages_100, bench::chat_request(100, 200));

/// `model` differs from what the client wrote, so the encoder has to replace it; it also asks for
/// usage.
void encode_openai(benchmark::State& state, const std::string& body) {
    const bench::PaddedBody padded(body);
    const auto request = Request::peek(Operation::chat, padded.view(), kDepth);
    const Vendor* vendor = find_vendor("openai");
    if (!request || vendor == nullptr) {
        state.SkipWithError("no request or no vendor");
        return;
    }
    Endpoint endpoint;
    endpoint.vendor = vendor;
    endpoint.provider = "openai";
    endpoint.base_url = "https://api.openai.com/v1";
    const Target target{.endpoint = &endpoint, .model = "gpt-4.1-nano"};
    const Dialect& openai = dialect(DialectName::openai);
    for (auto _ : state) {
        UpstreamRequest out;
        if (!openai.encode(*request, target, out)) {
            state.SkipWithError("refused");
            break;
        }
        benchmark::DoNotOptimize(out.body.size());
    }
}
BENCHMARK_CAPTURE(encode_openai, model_swap_900_bytes, bench::chat_request(1, 730));
BENCHMARK_CAPTURE(encode_openai, model_swap_64_kib, bench::chat_request(1, 64UL * 1024));

}  // namespace
