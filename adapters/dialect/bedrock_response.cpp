// Answers of Converse: one JSON body.
#include "adapters/dialect/bedrock_answer.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <utility>

namespace tollgate::adapters::bedrock {
namespace {

// Above any real answer; a vendor that goes on beyond it is broken, or worse.
constexpr std::size_t kBodyLimit = 64 * 1024 * 1024;

std::unexpected<Failure> failed(std::string_view what) {
    return std::unexpected(broken(what));
}

class WholeDecoder final : public Decoder {
public:
    Result<void> feed(std::string_view bytes, EventSink&) override {
        if (bytes.size() > kBodyLimit - body_.size()) {
            return failed("it is larger than 64 MiB");
        }
        body_.append(bytes);
        return {};
    }

    Result<void> end(EventSink& sink) override {
        const auto document = json::Document::parse(body_);
        if (!document) {
            return failed(document.error().detail);
        }
        const json::Value root = document->root();
        const std::string_view word = root["stopReason"].string();
        if (word.empty()) {
            return without_stop_reason(root);
        }
        sink.started({});
        for (const json::Value block : root["output"]["message"]["content"]) {
            for (const json::Value member : block) {
                read_block(member, sink);
            }
        }
        const auto reason = progress_.reason_of(word);
        if (!reason) {
            return std::unexpected(reason.error());
        }
        extend(root, sink);
        if (root["usage"].is_object()) {
            sink.usage(read_usage(root["usage"]));
        }
        sink.finished(0, *reason);
        return {};
    }

private:
    static Result<void> without_stop_reason(json::Value root) {
        const bool is_error = root["message"].is_string() || root["Message"].is_string() ||
                              root["__type"].is_string() || root["Output"]["__type"].is_string();
        if (is_error) {
            return std::unexpected(classify(ResponseInfo{}, root.raw()));
        }
        return failed("it has no stopReason");
    }

    void read_block(json::Value member, EventSink& sink) {
        const std::string_view kind = member.key();
        if (kind == "text") {
            progress_.say(member.string(), sink);
        } else if (kind == "toolUse") {
            read_tool(member, sink);
        } else if (kind == "reasoningContent") {
            read_reasoning(member, sink);
        } else {
            for (const json::Value part : member["content"]) {
                progress_.say(
                    kind == "citationsContent" ? part["text"].string() : std::string_view{}, sink);
            }
            sink.extension(0, kind, in_list(member));
        }
    }

    void read_tool(json::Value tool, EventSink& sink) {
        const json::Value input = tool["input"];
        const std::string arguments = input.exists() ? openai_shape::one_line(input.raw()) : "{}";
        switch (kind_of_tool(tool)) {
            case ToolKind::json:
                progress_.say(arguments, sink);
                return;
            case ToolKind::server:
                sink.extension(0, "toolUse", in_list(tool));
                return;
            case ToolKind::client:
                sink.tool_arguments(0, progress_.open_tool(tool, sink), arguments);
                return;
        }
    }

    static void read_reasoning(json::Value block, EventSink& sink) {
        const json::Value text = block["reasoningText"];
        if (text["text"].is_string()) {
            sink.reasoning(0, text["text"].string());
        }
        if (const std::string_view signature = text["signature"].string(); !signature.empty()) {
            sink.extension(0, "thinking_blocks", thinking_block(text["text"].string(), signature));
        }
        if (block["redactedContent"].is_string()) {
            sink.extension(0, "thinking_blocks", redacted_block(block["redactedContent"].string()));
        }
    }

    std::string body_;
    Progress progress_;
};

}  // namespace

std::unique_ptr<Decoder> whole_decoder() {
    return std::make_unique<WholeDecoder>();
}

}  // namespace tollgate::adapters::bedrock
