// What the benchmarks read: requests, answers and streams of ordinary shape and size, made here.
#pragma once

#include "adapters/request.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tollgate::bench {

/// `size` bytes of plain words.
inline std::string prose(std::size_t size) {
    constexpr std::string_view kWords =
        "the gateway counts each coin once and lets the wagon pass ";
    std::string text;
    text.reserve(size + kWords.size());
    while (text.size() < size) {
        text.append(kWords);
    }
    text.resize(size);
    return text;
}

/// A chat request: `messages` messages of `size` bytes each, by turns of the user and the model.
inline std::string chat_request(std::size_t messages, std::size_t size) {
    std::string body =
        R"({"model":"gpt-4o-mini","temperature":0.7,"max_tokens":256,"stream":true,"user":"u-1",)"
        R"("messages":[{"role":"system","content":"You are a terse assistant."})";
    for (std::size_t i = 0; i < messages; ++i) {
        body.append(i % 2 == 0 ? R"(,{"role":"user","content":")"
                               : R"(,{"role":"assistant","content":")");
        body.append(prose(size)).append("\"}");
    }
    return body.append("]}");
}

/// A request body with the slack that Request::peek needs behind it.
class PaddedBody {
public:
    explicit PaddedBody(std::string body) : bytes_(std::move(body)), size_(bytes_.size()) {
        bytes_.resize(size_ + adapters::kBodySlack);
    }
    [[nodiscard]] std::string_view view() const noexcept {
        return std::string_view(bytes_).substr(0, size_);
    }

private:
    std::string bytes_;
    std::size_t size_;
};

/// OpenAI's chunk with some text; about 250 bytes, as OpenAI sends it.
inline constexpr std::string_view kDelta =
    R"({"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk",)"
    R"("created":1741569952,"model":"gpt-4o-mini-2024-07-18","service_tier":"default",)"
    R"("system_fingerprint":"fp_06737a9306","choices":[{"index":0,"delta":{"content":" coin"},)"
    R"("logprobs":null,"finish_reason":null}]})";

inline constexpr std::string_view kFinish =
    R"({"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk",)"
    R"("created":1741569952,"model":"gpt-4o-mini-2024-07-18","service_tier":"default",)"
    R"("system_fingerprint":"fp_06737a9306","choices":[{"index":0,"delta":{},"logprobs":null,)"
    R"("finish_reason":"stop"}]})";

inline constexpr std::string_view kUsageChunk =
    R"({"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk",)"
    R"("created":1741569952,"model":"gpt-4o-mini-2024-07-18","service_tier":"default",)"
    R"("system_fingerprint":"fp_06737a9306","choices":[],"usage":{"prompt_tokens":128,)"
    R"("completion_tokens":245,"total_tokens":373,"prompt_tokens_details":{"cached_tokens":64,)"
    R"("audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)"
    R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}})";

/// A whole answer of about 900 bytes.
inline std::string whole_answer() {
    return R"({"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion",)"
           R"("created":1741569952,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,)"
           R"("message":{"role":"assistant","content":")" +
           prose(400) +
           R"(","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],)"
           R"("usage":{"prompt_tokens":128,"completion_tokens":90,"total_tokens":218,)"
           R"("prompt_tokens_details":{"cached_tokens":64,"audio_tokens":0},)"
           R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},)"
           R"("service_tier":"default","system_fingerprint":"fp_06737a9306"})";
}

inline std::string sse(std::string_view data) {
    return std::string("data: ").append(data).append("\n\n");
}

/// Events of kDelta, `size` bytes or a little more.
inline std::string delta_burst(std::size_t size) {
    const std::string event = sse(kDelta);
    std::string burst;
    while (burst.size() < size) {
        burst.append(event);
    }
    return burst;
}

/// Each iteration took `size` bytes.
inline void set_bytes(benchmark::State& state, std::size_t size) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

inline constexpr std::size_t kBurst = 64UL * 1024;

}  // namespace tollgate::bench
