// Answers of ConverseStream: event-stream frames.
#include "adapters/codec/aws_eventstream.hpp"
#include "adapters/dialect/bedrock_answer.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace tollgate::adapters::bedrock {
namespace {

// Above any real answer; a vendor that goes on beyond it is broken, or worse.
constexpr std::size_t kReasoningLimit = 4 * 1024 * 1024;
constexpr std::size_t kToolLimit = 1024;

std::unexpected<Failure> failed(std::string_view what) {
    return std::unexpected(broken(what));
}

class StreamDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink& sink) override {
        parser_.push(bytes);
        codec::AwsFrame frame;
        while (parser_.next(frame)) {
            if (auto done = read_frame(frame, sink); !done) {
                return done;
            }
        }
        if (!parser_.failure().empty()) {
            return failed(parser_.failure());
        }
        return {};
    }

    Result<void> end(EventSink& sink) override {
        if (parser_.pending()) {
            return failed("the stream ends inside a frame");
        }
        if (!has_metadata_ || !has_stopped_) {
            return failed(has_stopped_ ? "the stream ends before its metadata"
                                       : "the stream ends before messageStop");
        }
        sink.finished(0, reason_);
        return {};
    }

private:
    struct Tool {
        ToolKind kind = ToolKind::client;
        unsigned index = 0;
        bool has_arguments = false;
    };
    using Handler = Result<void> (StreamDecoder::*)(json::Value, EventSink&);

    Result<void> read_frame(const codec::AwsFrame& frame, EventSink& sink) {
        if (frame.message_type == "error") {
            return std::unexpected(failure_of(frame.error_code, frame.error_message, 0));
        }
        const bool is_exception =
            frame.message_type == "exception" || !frame.exception_type.empty();
        static constexpr std::array<std::pair<std::string_view, Handler>, 6> kHandlers{{
            {"contentBlockDelta", &StreamDecoder::read_delta},
            {"contentBlockStart", &StreamDecoder::read_start},
            {"contentBlockStop", &StreamDecoder::read_stop},
            {"messageStart", &StreamDecoder::read_message_start},
            {"messageStop", &StreamDecoder::read_message_stop},
            {"metadata", &StreamDecoder::read_metadata},
        }};
        const auto handler = std::ranges::find(kHandlers, frame.event_type,
                                               &std::pair<std::string_view, Handler>::first);
        if (!is_exception && handler == kHandlers.end()) {
            return {};  // events from the future
        }
        const auto document = json::Document::parse(frame.payload);
        if (is_exception) {
            return std::unexpected(exception(frame, document ? document->root() : json::Value{}));
        }
        if (!document) {
            return failed("the payload of a " + std::string(frame.event_type) +
                          " frame is not JSON");
        }
        return (this->*handler->second)(document->root(), sink);
    }

    static Failure exception(const codec::AwsFrame& frame, json::Value payload) {
        std::string message(payload["message"].string(payload["Message"].string()));
        if (const std::string_view original = payload["originalMessage"].string();
            !original.empty()) {
            message.append(message.empty() ? "" : " ").append("(").append(original).append(")");
        }
        return failure_of(frame.exception_type, message, 0);
    }

    Result<void> read_message_start(json::Value, EventSink& sink) {
        if (!std::exchange(has_started_, true)) {
            sink.started({});
        }
        return {};
    }

    Result<void> read_start(json::Value event, EventSink& sink) {
        enter(event, sink);
        for (const json::Value start : event["start"]) {
            if (start.key() != "toolUse") {
                sink.extension(0, start.key(), in_list(start));
                continue;
            }
            if (tools_.size() == kToolLimit) {
                return failed("it calls more than 1024 tools");
            }
            Tool tool{.kind = kind_of_tool(start)};
            if (tool.kind == ToolKind::client) {
                tool.index = progress_.open_tool(start, sink);
            } else if (tool.kind == ToolKind::server) {
                sink.extension(0, "toolUse", in_list(start));
            }
            tools_[block_] = tool;
        }
        return {};
    }

    Result<void> read_delta(json::Value event, EventSink& sink) {
        enter(event, sink);
        for (const json::Value delta : event["delta"]) {
            const std::string_view kind = delta.key();
            if (kind == "text") {
                progress_.say(delta.string(), sink);
            } else if (kind == "toolUse") {
                if (auto done = read_arguments(delta["input"].string(), sink); !done) {
                    return done;
                }
            } else if (kind == "reasoningContent") {
                read_reasoning(delta, sink);
            } else {
                sink.extension(0, kind, in_list(delta));
            }
        }
        return {};
    }

    Result<void> read_arguments(std::string_view piece, EventSink& sink) {
        const auto found = tools_.find(block_);
        if (found == tools_.end()) {
            return failed("tool input comes before its tool");
        }
        Tool& tool = found->second;
        if (!piece.empty()) {
            tool.has_arguments = true;
            if (tool.kind == ToolKind::client) {
                sink.tool_arguments(0, tool.index, piece);
            } else if (tool.kind == ToolKind::json) {
                progress_.say(piece, sink);
            }
        }
        return {};
    }

    void read_reasoning(json::Value delta, EventSink& sink) {
        if (const std::string_view text = delta["text"].string(); !text.empty()) {
            sink.reasoning(0, text);
            if (thinking_.size() + text.size() <= kReasoningLimit) {
                thinking_.append(text);
            }
        }
        signature_.append(delta["signature"].string());
        if (delta["redactedContent"].is_string()) {
            sink.extension(0, "thinking_blocks", redacted_block(delta["redactedContent"].string()));
        }
    }

    Result<void> read_stop(json::Value event, EventSink& sink) {
        enter(event, sink);
        leave(sink);
        return {};
    }

    Result<void> read_message_stop(json::Value event, EventSink& sink) {
        leave(sink);
        while (!tools_.empty()) {  // a stop event may be missing
            close_tool(tools_.begin(), sink);
        }
        const auto reason = progress_.reason_of(event["stopReason"].string());
        if (!reason) {
            return std::unexpected(reason.error());
        }
        reason_ = *reason;
        has_stopped_ = true;
        extend(event, sink);
        return {};
    }

    // The last frame.  The finish waits for the end of the bytes behind it: an exception may still
    // come.
    Result<void> read_metadata(json::Value event, EventSink& sink) {
        extend(event, sink);
        if (event["usage"].is_object()) {
            sink.usage(read_usage(event["usage"]));
        }
        has_metadata_ = true;
        return {};
    }

    // Makes the event's block the current one.  A block whose stop event is missing ends where the
    // next begins.
    void enter(json::Value event, EventSink& sink) {
        const std::uint64_t block = event["contentBlockIndex"].count();
        if (block != block_) {
            flush_reasoning(sink);
            block_ = block;
        }
    }

    void leave(EventSink& sink) {
        flush_reasoning(sink);
        if (const auto found = tools_.find(block_); found != tools_.end()) {
            close_tool(found, sink);
        }
    }

    void close_tool(std::map<std::uint64_t, Tool>::iterator found, EventSink& sink) {
        const Tool tool = found->second;
        tools_.erase(found);
        if (tool.has_arguments) {
            return;
        }
        if (tool.kind == ToolKind::client) {
            sink.tool_arguments(0, tool.index, "{}");
        } else if (tool.kind == ToolKind::json) {
            progress_.say("{}", sink);
        }
    }

    void flush_reasoning(EventSink& sink) {
        if (!signature_.empty()) {
            sink.extension(0, "thinking_blocks", thinking_block(thinking_, signature_));
        }
        thinking_.clear();
        signature_.clear();
    }

    codec::AwsEventStreamParser parser_;
    Progress progress_;
    std::map<std::uint64_t, Tool> tools_;  // open ones, by content block
    std::string thinking_;                 // of the open reasoning block, for its signed copy
    std::string signature_;
    std::uint64_t block_ = 0;
    FinishReason reason_ = FinishReason::none;
    bool has_started_ = false;
    bool has_stopped_ = false;
    bool has_metadata_ = false;
};

}  // namespace

std::unique_ptr<Decoder> stream_decoder() {
    return std::make_unique<StreamDecoder>();
}

}  // namespace tollgate::adapters::bedrock
