// Answers: one event, one whole message, and the decoders around them.
#include "adapters/codec/sse.hpp"
#include "adapters/dialect/anthropic.hpp"

#include <algorithm>
#include <utility>

namespace tollgate::adapters::anthropic {
namespace {

constexpr std::size_t kOpenBlocks = 1024;  // the API has one open at a time
constexpr std::size_t kKeptBytes =
    8 * 1024 * 1024;  // thinking and citations kept until a block ends
constexpr std::size_t kWholeBytes = 64 * 1024 * 1024;

Failure protocol_error(std::string detail) {
    return {.kind = FailureKind::protocol_error, .detail = std::move(detail)};
}

// An error that came with status 200.
Failure error_inside(std::string_view body) {
    ResponseInfo head;
    head.status = 200;
    return classify(head, body);
}

FinishReason finish_of(std::string_view stop_reason, bool has_tools) {
    if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") {
        return FinishReason::length;
    }
    if (stop_reason == "refusal") {
        return FinishReason::content_filter;
    }
    // The tool that stands in for structured output is no tool call to the client.
    return stop_reason == "tool_use" && has_tools ? FinishReason::tool_calls : FinishReason::stop;
}

// Counters of a stream are cumulative and may be repeated, or left at nought, by later events.
void raise_to(std::uint64_t& counter, json::Value value) {
    counter = std::max(counter, value.count());
}

void append_raw(std::string& list, std::string_view json) {
    if (!list.empty()) {
        list += ',';
    }
    list += json;
}

// A web citation in OpenAI's form; everything else in the vendor's.
void emit_citations(const std::string& citations, std::size_t begin, std::size_t end,
                    EventSink& sink) {
    const std::string list = "[" + citations + "]";
    const Result<json::Document> parsed = json::Document::parse(list);
    if (!parsed) {
        return;
    }
    std::string annotations;
    std::string others;
    for (const json::Value citation : parsed->root()) {
        if (citation["type"].string() != "web_search_result_location") {
            append_raw(others, citation.raw());
            continue;
        }
        std::string annotation;
        json::Writer writer(annotation);
        writer.begin_object().member("type", "url_citation").key("url_citation").begin_object();
        writer.member_count("start_index", begin).member_count("end_index", end);
        writer.member("url", citation["url"].string());
        writer.member("title", citation["title"].string());
        writer.end_object().end_object();
        append_raw(annotations, annotation);
    }
    if (!annotations.empty()) {
        sink.extension(0, "annotations", "[" + annotations + "]");
    }
    if (!others.empty()) {
        sink.extension(0, "citations", "[" + others + "]");
    }
}

}  // namespace

Result<void> EventReader::read(std::string_view event, EventSink& sink) {
    const Result<json::Document> document = json::Document::parse(event);
    if (!document) {
        return std::unexpected(
            protocol_error("an event of the stream is not readable: " + document.error().detail));
    }
    const json::Value root = document->root();
    const std::string_view type = root["type"].string();
    if (type == "content_block_delta") {
        return block_delta(root, sink);
    }
    if (type == "content_block_start") {
        return open_block(root["index"].count(), root["content_block"], sink);
    }
    if (type == "content_block_stop") {
        const auto found = open_.find(root["index"].count());
        if (found != open_.end()) {
            close_block(found->second, sink);
            open_.erase(found);
        }
    } else if (type == "message_start") {
        start(root["message"], sink);
    } else if (type == "message_delta") {
        add_usage(root["usage"], sink);
        stop(root["delta"], sink);
    } else if (type == "message_stop") {
        is_complete_ = true;
    } else if (type == "error" || root["error"].is_object()) {
        return std::unexpected(error_inside(event));
    }
    return {};  // ping, and what the vendor may add
}

Result<void> EventReader::read_whole(std::string_view body, EventSink& sink) {
    const Result<json::Document> document = json::Document::parse(body);
    if (!document) {
        return std::unexpected(
            protocol_error("the answer is not readable: " + document.error().detail));
    }
    const json::Value root = document->root();
    if (root["type"].string() == "error" || root["error"].is_object()) {
        return std::unexpected(error_inside(body));
    }
    if (!root["content"].is_array()) {
        return std::unexpected(protocol_error("the answer has no content"));
    }
    start(root, sink);
    for (const json::Value block : root["content"]) {
        if (Result<void> opened = open_block(0, block, sink); !opened) {
            return opened;
        }
        close_block(open_[0], sink);
        open_.clear();
    }
    stop(root, sink);
    is_complete_ = true;
    return {};
}

void EventReader::start(json::Value message, EventSink& sink) {
    sink.started({.id = message["id"].string(), .model = message["model"].string(), .created = 0});
    add_usage(message["usage"], sink);
}

Result<void> EventReader::open_block(std::uint64_t index, json::Value source, EventSink& sink) {
    if (open_.size() >= kOpenBlocks) {
        return std::unexpected(protocol_error("too many content blocks are open"));
    }
    Block& block = open_[index];
    block = {};
    const std::string_view type = source["type"].string();
    if (type == "text") {
        block.kind = BlockKind::text;
        block.begin = characters_;
        say(source["text"].string(), sink);
        for (const json::Value citation : source["citations"]) {
            append_raw(block.citations, citation.raw());
        }
    } else if (type == "thinking") {
        block.kind = BlockKind::thinking;
        block.signature = source["signature"].string();
        think(block, source["thinking"].string(), sink);
    } else if (type == "redacted_thinking") {
        sink.extension(0, "thinking_blocks", "[" + std::string(source.raw()) + "]");
    } else if (type == "tool_use") {
        block.kind = source["name"].string() == kJsonTool ? BlockKind::json : BlockKind::tool;
        if (source["input"].size() != 0) {
            block.input = source["input"].raw();
        }
        if (block.kind == BlockKind::tool) {
            block.tool = tools_++;
            sink.tool_call(0, block.tool, source["id"].string(), source["name"].string());
        }
    }
    return {};
}

Result<void> EventReader::block_delta(json::Value event, EventSink& sink) {
    const json::Value delta = event["delta"];
    const std::string_view type = delta["type"].string();
    if (type == "text_delta") {
        say(delta["text"].string(), sink);
        return {};
    }
    const auto found = open_.find(event["index"].count());
    if (found == open_.end()) {
        return std::unexpected(protocol_error("a delta for a content block that is not open"));
    }
    Block& block = found->second;
    if (type == "input_json_delta") {
        const std::string_view piece = delta["partial_json"].string();
        block.has_input |= !piece.empty();
        if (block.kind == BlockKind::json) {
            say(piece, sink);
        } else if (block.kind == BlockKind::tool && !piece.empty()) {
            sink.tool_arguments(0, block.tool, piece);
        }
    } else if (type == "thinking_delta") {
        think(block, delta["thinking"].string(), sink);
    } else if (type == "signature_delta") {
        block.signature += delta["signature"].string();
    } else if (type == "citations_delta") {
        append_raw(block.citations, delta["citation"].raw());
    }
    if (block.thinking.size() + block.signature.size() + block.citations.size() > kKeptBytes) {
        return std::unexpected(protocol_error("a content block is too large"));
    }
    return {};
}

void EventReader::close_block(Block& block, EventSink& sink) {
    if (block.kind == BlockKind::tool || block.kind == BlockKind::json) {
        if (block.has_input) {
            return;
        }
        const std::string_view input = block.input.empty() ? "{}" : std::string_view(block.input);
        if (block.kind == BlockKind::json) {
            say(input, sink);
        } else {
            sink.tool_arguments(0, block.tool, input);
        }
    } else if (block.kind == BlockKind::thinking && !block.signature.empty()) {
        // The whole block again: the client must be able to send back exactly what the signature
        // signs.
        std::string blocks;
        json::Writer writer(blocks);
        writer.begin_array().begin_object().member("type", "thinking");
        writer.member("thinking", block.thinking).member("signature", block.signature);
        writer.end_object().end_array();
        sink.extension(0, "thinking_blocks", blocks);
    } else if (block.kind == BlockKind::text && !block.citations.empty()) {
        emit_citations(block.citations, block.begin, characters_, sink);
    }
}

void EventReader::stop(json::Value holder, EventSink& sink) {
    const std::string_view reason = holder["stop_reason"].string();
    if (reason.empty()) {
        return;
    }
    if (const auto why = holder["stop_details"]["explanation"].string(); !why.empty()) {
        sink.refusal(0, why);
    }
    sink.finished(0, finish_of(reason, tools_ != 0));
}

void EventReader::add_usage(json::Value usage, EventSink& sink) {
    if (!usage.is_object()) {
        return;
    }
    const json::Value written = usage["cache_creation"];
    raise_to(usage_.input, usage["input_tokens"]);
    raise_to(usage_.cache_read, usage["cache_read_input_tokens"]);
    raise_to(usage_.cache_write_1h, written["ephemeral_1h_input_tokens"]);
    raise_to(cache_write_total_, usage["cache_creation_input_tokens"]);
    cache_write_total_ = std::max(
        cache_write_total_, written["ephemeral_5m_input_tokens"].count() + usage_.cache_write_1h);
    usage_.cache_write = cache_write_total_ - usage_.cache_write_1h;
    raise_to(output_total_, usage["output_tokens"]);
    raise_to(usage_.reasoning, usage["output_tokens_details"]["thinking_tokens"]);
    usage_.output = output_total_ - std::min(output_total_, usage_.reasoning);
    raise_to(usage_.web_searches, usage["server_tool_use"]["web_search_requests"]);
    if (usage["service_tier"].is_string()) {
        usage_.service = metrics::service_named(usage["service_tier"].string());
    }
    usage_.reported = true;
    sink.usage(usage_);
}

void EventReader::say(std::string_view text, EventSink& sink) {
    if (!text.empty()) {
        characters_ += static_cast<std::size_t>(std::ranges::count_if(
            text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
        sink.text(0, text);
    }
}

void EventReader::think(Block& block, std::string_view piece, EventSink& sink) {
    if (!piece.empty()) {
        block.thinking += piece;
        sink.reasoning(0, piece);
    }
}

namespace {

class StreamDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink& sink) override {
        parser_.push(bytes);
        codec::SseEvent event;
        while (parser_.next(event)) {
            if (Result<void> read = take(event, sink); !read) {
                return read;
            }
        }
        if (parser_.overflowed()) {
            return std::unexpected(protocol_error("an event of the stream is too large"));
        }
        return {};
    }

    Result<void> end(EventSink& sink) override {
        codec::SseEvent event;
        if (parser_.finish(event)) {
            if (Result<void> read = take(event, sink); !read) {
                return read;
            }
        }
        if (reader_.is_complete()) {
            return {};
        }
        if (!parser_.stray().empty()) {  // an error in plain JSON where a stream was due
            const Result<json::Document> document = json::Document::parse(parser_.stray());
            if (document && (*document)["error"].is_object()) {
                return std::unexpected(error_inside(parser_.stray()));
            }
        }
        return std::unexpected(protocol_error("the stream ended before message_stop"));
    }

private:
    Result<void> take(const codec::SseEvent& event, EventSink& sink) {
        // Those who imitate the protocol sometimes close with OpenAI's mark.
        if (event.data.empty() || event.data == "[DONE]" || reader_.is_complete()) {
            return {};
        }
        return reader_.read(event.data, sink);
    }

    codec::SseParser parser_;
    EventReader reader_;
};

class WholeDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink&) override {
        if (bytes.size() > kWholeBytes - body_.size()) {
            return std::unexpected(protocol_error("the answer is too large"));
        }
        body_ += bytes;
        return {};
    }

    Result<void> end(EventSink& sink) override { return EventReader{}.read_whole(body_, sink); }

private:
    std::string body_;
};

}  // namespace

std::unique_ptr<Decoder> decoder(Delivery delivery) {
    if (delivery == Delivery::stream) {
        return std::make_unique<StreamDecoder>();
    }
    return std::make_unique<WholeDecoder>();
}

}  // namespace tollgate::adapters::anthropic
