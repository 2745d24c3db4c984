#include "adapters/dialect/bedrock_answer.hpp"

#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <array>

namespace tollgate::adapters::bedrock {
namespace {

struct Stop {
    std::string_view word;
    FinishReason reason;
};
constexpr std::array kStops{
    Stop{"end_turn", FinishReason::stop},
    Stop{"stop_sequence", FinishReason::stop},
    Stop{"tool_use", FinishReason::tool_calls},
    Stop{"max_tokens", FinishReason::length},
    Stop{"model_context_window_exceeded", FinishReason::length},
    Stop{"guardrail_intervened", FinishReason::content_filter},
    Stop{"content_filtered", FinishReason::content_filter},
};

}  // namespace

Failure broken(std::string_view what) {
    return {.kind = FailureKind::protocol_error,
            .detail = "Bedrock's answer cannot be read: " + std::string(what)};
}

Usage read_usage(json::Value value) {
    Usage usage;
    usage.input = value["inputTokens"].count();
    usage.output = value["outputTokens"].count();
    usage.cache_read = value["cacheReadInputTokens"].exists()
                           ? value["cacheReadInputTokens"].count()
                           : value["cacheReadInputTokenCount"].count();
    std::uint64_t written = value["cacheWriteInputTokens"].exists()
                                ? value["cacheWriteInputTokens"].count()
                                : value["cacheWriteInputTokenCount"].count();
    for (const json::Value detail : value["cacheDetails"]) {
        if (detail["ttl"].string() == "1h") {
            // The detail is a part of the total; never more than that.
            const std::uint64_t hour = std::min(detail["inputTokens"].count(), written);
            usage.cache_write_1h += hour;
            written -= hour;
        }
    }
    usage.cache_write = written;
    usage.reported = value.is_object();
    return usage;
}

std::string in_list(json::Value value) {
    std::string out = "[";
    out.append(openai_shape::one_line(value.raw())).push_back(']');
    return out;
}

std::string thinking_block(std::string_view text, std::string_view signature) {
    std::string out;
    json::Writer writer(out);
    writer.begin_array().begin_object().member("type", "thinking").member("thinking", text);
    writer.member("signature", signature).end_object().end_array();
    return out;
}

std::string redacted_block(std::string_view data) {
    std::string out;
    json::Writer writer(out);
    writer.begin_array().begin_object().member("type", "redacted_thinking").member("data", data);
    writer.end_object().end_array();
    return out;
}

void extend(json::Value event, EventSink& sink) {
    constexpr std::array<std::string_view, 5> kKnown{"output", "stopReason", "usage", "metrics",
                                                     "p"};
    for (const json::Value member : event) {
        const bool is_empty =
            member.is_null() || ((member.is_object() || member.is_array()) && member.size() == 0);
        if (!is_empty && std::ranges::find(kKnown, member.key()) == kKnown.end()) {
            sink.extension(0, member.key(), openai_shape::one_line(member.raw()));
        }
    }
}

ToolKind kind_of_tool(json::Value tool_use) noexcept {
    if (tool_use["type"].string() == "server_tool_use") {
        return ToolKind::server;
    }
    return tool_use["name"].string() == kJsonTool ? ToolKind::json : ToolKind::client;
}

void Progress::say(std::string_view text, EventSink& sink) {
    if (!text.empty()) {
        has_text_ = true;
        sink.text(0, text);
    }
}

unsigned Progress::open_tool(json::Value tool_use, EventSink& sink) {
    sink.tool_call(0, tools_, tool_use["toolUseId"].string(), tool_use["name"].string());
    return tools_++;
}

Result<FinishReason> Progress::reason_of(std::string_view stop_reason) const {
    if (stop_reason.starts_with("malformed_")) {
        if (has_text_ || tools_ != 0) {
            return FinishReason::stop;
        }
        return fail(FailureKind::upstream_unavailable,
                    "Bedrock: the model's output could not be used (" +
                        std::string(stop_reason.substr(0, 64)) + ")");
    }
    for (const Stop& stop : kStops) {
        if (stop.word == stop_reason) {
            const bool is_only_json = stop.reason == FinishReason::tool_calls && tools_ == 0;
            return is_only_json ? FinishReason::stop : stop.reason;
        }
    }
    return FinishReason::stop;
}

}  // namespace tollgate::adapters::bedrock
