#include "adapters/client/chat_writer.hpp"

#include "adapters/codec/json.hpp"

namespace tollgate::adapters {

std::string usage_json(const Usage& usage, std::string_view cost) {
    std::string out;
    out.reserve(256);
    json::Writer writer(out);
    writer.begin_object();
    writer.member_count("prompt_tokens", usage.prompt_total());
    writer.member_count("completion_tokens", usage.completion_total());
    writer.member_count("total_tokens", usage.prompt_total() + usage.completion_total());
    writer.key("prompt_tokens_details").begin_object();
    writer.member_count("cached_tokens", usage.cache_read);
    writer.member_count("audio_tokens", usage.audio_input);
    // Not OpenAI's: caching is free of charge there.  Only told where a vendor bills the write.
    if (const std::uint64_t written = usage.cache_write + usage.cache_write_1h; written != 0) {
        writer.member_count("cache_write_tokens", written);
    }
    writer.end_object();
    writer.key("completion_tokens_details").begin_object();
    writer.member_count("reasoning_tokens", usage.reasoning);
    writer.member_count("audio_tokens", usage.audio_output);
    writer.end_object();
    if (!cost.empty()) {
        writer.member_raw("cost", cost);
    }
    writer.end_object();
    return out;
}

std::string error_json(const Failure& failure, std::string_view request_id) {
    const failover::FailurePolicy& row = failover::policy(failure.kind);
    const std::string_view code = failure.code.empty() ? row.code : std::string_view(failure.code);
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.key("error").begin_object();
    writer.member("message",
                  failure.detail.empty() ? row.meaning : std::string_view(failure.detail));
    writer.member("type", row.type);
    writer.key("param");
    if (failure.param.empty()) {
        writer.null();
    } else {
        writer.string(failure.param);
    }
    writer.key("code");
    if (code.empty()) {
        writer.null();
    } else {
        writer.string(code);
    }
    if (!request_id.empty()) {
        writer.member("request_id", request_id);
    }
    writer.end_object();
    writer.end_object();
    return out;
}

}  // namespace tollgate::adapters
