// Cohere v2 answers, whole and streamed, as events.
#include "adapters/codec/json.hpp"
#include "adapters/codec/sse.hpp"
#include "adapters/dialect/cohere.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <map>

namespace tollgate::adapters::cohere {
namespace {

using json::Value;

constexpr std::size_t kBodyLimit = 64 * 1024 * 1024;

std::string quoted(std::string_view text) {
    return "'" + std::string(text.substr(0, 200)) + "'";
}

Result<FinishReason> finish_reason(std::string_view reason) {
    if (reason == "MAX_TOKENS" || reason == "ERROR_LIMIT") {
        return FinishReason::length;
    }
    if (reason == "TOOL_CALL") {
        return FinishReason::tool_calls;
    }
    if (reason == "ERROR_TOXIC") {
        return FinishReason::content_filter;
    }
    // Half an answer is not passed off as a whole one, also when there is text already.
    if (reason == "ERROR" || reason == "TIMEOUT") {
        return fail(
            reason == "TIMEOUT" ? FailureKind::upstream_timeout : FailureKind::upstream_unavailable,
            "Cohere broke off the answer with finish_reason " + std::string(reason) + ".");
    }
    return FinishReason::stop;  // COMPLETE, STOP_SEQUENCE, and whatever may be added
}

void report_usage(Value usage, EventSink& sink) {
    // `tokens` is what the model saw, `billed_units` leaves out what Cohere adds itself; OpenAI's
    // meaning is the former.
    const Value counted = usage["tokens"].is_object() ? usage["tokens"] : usage["billed_units"];
    if (!counted.is_object()) {
        return;
    }
    Usage report;
    const std::uint64_t input = counted["input_tokens"].count();
    report.cache_read = std::min(input, usage["cached_tokens"].count());
    report.input = input - report.cache_read;
    report.output = counted["output_tokens"].count();
    report.reported = true;
    sink.usage(report);
}

/// An error that stands where an answer should be.  Its status is unknown, so it counts as the
/// vendor's failure.
Failure in_band(Value error) {
    const std::string_view text = error.is_string() ? error.string() : error["message"].string();
    return {.kind = FailureKind::upstream_unavailable,
            .detail = "Cohere reported an error inside its answer: " +
                      quoted(text.empty() ? error.raw() : text)};
}

void emit_citations(std::string json, EventSink& sink) {
    sink.extension(0, "citations", json);
}

class StreamDecoder final : public Decoder {
public:
    explicit StreamDecoder(std::string_view model) : model_(model) {}

    Result<void> feed(std::string_view bytes, EventSink& sink) override {
        parser_.push(bytes);
        codec::SseEvent event;
        while (parser_.next(event)) {
            if (auto taken = take(event, sink); !taken) {
                return taken;
            }
        }
        if (parser_.overflowed()) {
            return fail(FailureKind::protocol_error,
                        "Cohere sent an event that is larger than 8 MiB.");
        }
        return {};
    }

    Result<void> end(EventSink& sink) override {
        codec::SseEvent event;
        if (parser_.finish(event)) {
            if (auto taken = take(event, sink); !taken) {
                return taken;
            }
        }
        if (!done_) {
            std::string detail = "Cohere's stream ended before its message-end event";
            if (!parser_.stray().empty()) {
                detail += "; it held " + quoted(parser_.stray());
            }
            return fail(FailureKind::protocol_error, detail + ".");
        }
        return {};
    }

private:
    Result<void> take(const codec::SseEvent& event, EventSink& sink) {
        if (done_ || event.data.empty() || event.data == "[DONE]") {
            return {};
        }
        const auto document = json::Document::parse(event.data);
        if (!document) {
            return fail(FailureKind::protocol_error,
                        "Cohere sent an event that cannot be read: " + document.error().detail);
        }
        const Value root = document->root();
        const std::string_view type = root["type"].string(event.name);
        const Value delta = root["delta"];
        if (delta.is_object() && type != "message-start") {
            start({}, sink);  // content without message-start before it
        }
        if (type == "message-start") {
            start(root["id"].string(), sink);
        } else if (type == "content-start" || type == "content-delta") {
            content(delta["message"]["content"], sink);
        } else if (type == "tool-plan-delta") {
            reasoning(delta["message"]["tool_plan"].string(), sink);
        } else if (type == "tool-call-start" || type == "tool-call-delta") {
            return tool_call(type == "tool-call-start", root["index"].count(),
                             delta["message"]["tool_calls"], sink);
        } else if (type == "citation-start") {
            const Value citation = delta["message"]["citations"];
            if (citation.is_object()) {
                emit_citations("[" + openai_shape::one_line(citation.raw()) + "]", sink);
            }
        } else if (type == "message-end") {
            return finish(delta, sink);
        } else if (type == "error" || root["error"].exists() ||
                   (type.empty() && root["message"].is_string())) {
            return std::unexpected(in_band(root["error"].exists() ? root["error"] : root));
        }
        return {};  // content-end, tool-call-end, citation-end, debug and what may be added
    }

    void start(std::string_view id, EventSink& sink) {
        if (!started_) {
            started_ = true;
            sink.started({.id = id, .model = model_, .created = 0});
        }
    }

    // A block's start tells its type, but its deltas carry the text under that type's name, so
    // nothing need be remembered.
    static void content(Value piece, EventSink& sink) {
        reasoning(piece["thinking"].string(), sink);
        if (const std::string_view text = piece["text"].string(); !text.empty()) {
            sink.text(0, text);
        }
    }

    static void reasoning(std::string_view text, EventSink& sink) {
        if (!text.empty()) {
            sink.reasoning(0, text);
        }
    }

    Result<void> tool_call(bool is_start, std::uint64_t vendor_index, Value call, EventSink& sink) {
        const Value function = call["function"];
        if (is_start) {
            calls_[vendor_index] = next_call_;
            sink.tool_call(0, next_call_++, call["id"].string(), function["name"].string());
        }
        const auto index = calls_.find(vendor_index);
        if (index == calls_.end()) {
            return fail(FailureKind::protocol_error,
                        "Cohere continued a tool call that it had not started.");
        }
        if (const std::string_view piece = function["arguments"].string(); !piece.empty()) {
            sink.tool_arguments(0, index->second, piece);
        }
        return {};
    }

    Result<void> finish(Value delta, EventSink& sink) {
        if (openai_shape::is_set(delta["error"])) {
            return std::unexpected(in_band(delta["error"]));
        }
        report_usage(delta["usage"], sink);  // billed also when the answer broke off
        const auto reason = finish_reason(delta["finish_reason"].string());
        if (!reason) {
            return std::unexpected(reason.error());
        }
        sink.finished(0, *reason);
        done_ = true;
        return {};
    }

    std::string_view model_;
    codec::SseParser parser_;
    std::map<std::uint64_t, unsigned> calls_;  // Cohere's index of a call -> ours
    unsigned next_call_ = 0;
    bool started_ = false;
    bool done_ = false;
};

class WholeDecoder final : public Decoder {
public:
    explicit WholeDecoder(std::string_view model) : model_(model) {}

    Result<void> feed(std::string_view bytes, EventSink&) override {
        if (bytes.size() > kBodyLimit - body_.size()) {
            return fail(FailureKind::protocol_error, "Cohere's answer is larger than 64 MiB.");
        }
        body_.append(bytes);
        return {};
    }

    Result<void> end(EventSink& sink) override {
        const auto document = json::Document::parse(body_);
        if (!document) {
            return fail(FailureKind::protocol_error,
                        "Cohere's answer cannot be read: " + document.error().detail);
        }
        const Value root = document->root();
        const Value message = root["message"];
        if (message.is_string() || root["error"].exists()) {
            return std::unexpected(in_band(root["error"].exists() ? root["error"] : root));
        }
        if (!message.is_object() || !root["finish_reason"].is_string()) {
            return fail(FailureKind::protocol_error,
                        "Cohere's answer has no message or no finish_reason.");
        }
        sink.started({.id = root["id"].string(), .model = model_, .created = 0});
        report_usage(root["usage"], sink);
        const auto reason = finish_reason(root["finish_reason"].string());
        if (!reason) {
            return std::unexpected(reason.error());
        }
        emit(message, sink);
        sink.finished(0, *reason);
        return {};
    }

private:
    static void emit(Value message, EventSink& sink) {
        if (const std::string_view plan = message["tool_plan"].string(); !plan.empty()) {
            sink.reasoning(0, plan);
        }
        if (message["content"].is_string()) {
            sink.text(0, message["content"].string());
        }
        for (const Value block : message["content"].is_array() ? message["content"] : Value()) {
            if (const std::string_view thought = block["thinking"].string(); !thought.empty()) {
                sink.reasoning(0, thought);
            }
            if (const std::string_view text = block["text"].string(); !text.empty()) {
                sink.text(0, text);
            }
        }
        unsigned index = 0;
        for (const Value call : message["tool_calls"]) {
            sink.tool_call(0, index, call["id"].string(), call["function"]["name"].string());
            sink.tool_arguments(0, index, call["function"]["arguments"].string());
            ++index;
        }
        if (message["citations"].size() > 0) {
            emit_citations(openai_shape::one_line(message["citations"].raw()), sink);
        }
    }

    std::string_view model_;
    std::string body_;
};

}  // namespace

std::unique_ptr<Decoder> decoder(Delivery delivery, const DecodeContext& context) {
    if (delivery == Delivery::stream) {
        return std::make_unique<StreamDecoder>(context.model);
    }
    return std::make_unique<WholeDecoder>(context.model);
}

}  // namespace tollgate::adapters::cohere
