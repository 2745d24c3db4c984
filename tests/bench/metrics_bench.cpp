// What an exchange leaves behind: its access line and its counters.
#include "metrics/access_log.hpp"
#include "metrics/registry.hpp"

#include <benchmark/benchmark.h>

#include <chrono>

namespace {

using namespace tollgate::metrics;

RequestRecord chat_record() {
    RequestRecord record;
    record.endpoint = "chat";
    record.method = "POST";
    record.path = "/v1/chat/completions";
    record.request_id = "req_01JDG5M6Q8N3T4V7W9X0YZABCD";
    record.client_address = "127.0.0.1";
    record.provider = "openai";
    record.model = "gpt-4o-mini";
    record.requested_model = "openai/gpt-4o-mini";
    record.key_name = "search-team";
    record.status = 200;
    record.stream = true;
    record.attempts = 1;
    record.usage.input = 128;
    record.usage.output = 245;
    record.usage.reported = true;
    record.bytes_in = 900;
    record.bytes_out = 62'000;
    record.first_byte = std::chrono::milliseconds(310);
    record.duration = std::chrono::milliseconds(4200);
    record.upstream_wait = std::chrono::microseconds(4'199'950);
    return record;
}

/// The worker's own cost; the log's thread, which shares the core where there is only one, writes
/// to /dev/null.
void access_log_write(benchmark::State& state, LogFormat format) {
    LogOptions options;
    options.format = format;
    options.destination = "/dev/null";
    const auto logger = Logger::open(options);
    if (!logger) {
        state.SkipWithError("no logger");
        return;
    }
    AccessLog log(**logger);
    RequestRecord record = chat_record();
    record.wall = std::chrono::system_clock::now();
    for (auto _ : state) {
        log.write(record);
        if (log.wants_flush()) {
            log.flush();
        }
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(access_log_write, json, LogFormat::json);
BENCHMARK_CAPTURE(access_log_write, text, LogFormat::text);

void shard_publish(benchmark::State& state) {
    Registry registry;
    const TargetName names[]{{.provider = "openai", .model = "gpt-4o-mini"}};
    const auto vocabulary = Vocabulary::grown(nullptr, names);
    Shard& shard = registry.add_shard();
    const RequestRecord record = chat_record();
    for (auto _ : state) {
        shard.publish(record, vocabulary->labels(record));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(shard_publish);

}  // namespace
