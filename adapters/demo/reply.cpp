#include "adapters/demo/reply.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/demo/text.hpp"

namespace tollgate::demo {
namespace {

using adapters::Operation;
using json::Writer;

void write_usage(Writer& writer, const Reply& reply) {
    writer.begin_object();
    writer.member_count("prompt_tokens", reply.prompt_tokens);
    writer.member_count("completion_tokens", reply.output_tokens);
    writer.member_count("total_tokens", reply.prompt_tokens + reply.output_tokens);
    writer.key("prompt_tokens_details")
        .begin_object()
        .member_count("cached_tokens", 0)
        .end_object();
    writer.key("completion_tokens_details").begin_object();
    writer.member_count("reasoning_tokens", reply.reasoning_tokens).end_object();
    writer.end_object();
}

void write_head(Writer& writer, const Reply& reply, std::string_view object) {
    writer.begin_object().member("id", reply.id).member("object", object);
    writer.key("created").integer(reply.created).member("model", reply.model);
    writer.member("system_fingerprint", "fp_demo");
}

void write_message(Writer& writer, const Choice& choice) {
    writer.begin_object().member("role", "assistant").key("content");
    if (choice.text.empty() && !choice.calls.empty()) {
        writer.null();
    } else {
        writer.string(choice.text);
    }
    writer.key("refusal").null();
    if (!choice.reasoning.empty()) {
        writer.member("reasoning_content", choice.reasoning);
    }
    if (!choice.calls.empty()) {
        writer.key("tool_calls").begin_array();
        for (const ToolUse& call : choice.calls) {
            writer.begin_object().member("id", call.id).member("type", "function");
            writer.key("function").begin_object().member("name", call.name);
            writer.member("arguments", call.arguments).end_object().end_object();
        }
        writer.end_array();
    }
    writer.end_object();
}

/// Builds the frames of one stream.
class Stream {
public:
    explicit Stream(const Reply& reply) : reply_(reply) {}

    std::vector<std::string> run() {
        for (std::size_t i = 0; i < reply_.choices.size(); ++i) {
            if (reply_.operation == Operation::chat) {
                chat_choice(i, reply_.choices[i]);
            } else {
                text_choice(i, reply_.choices[i]);
            }
        }
        if (reply_.include_usage) {
            std::string json;
            Writer writer(json);
            write_head(writer, reply_, object());
            writer.key("choices").begin_array().end_array().key("usage");
            write_usage(writer, reply_);
            writer.end_object();
            push(json);
        }
        push("[DONE]");
        return std::move(events_);
    }

private:
    [[nodiscard]] std::string_view object() const {
        return reply_.operation == Operation::chat ? "chat.completion.chunk" : "text_completion";
    }

    void push(std::string_view data) {
        std::string frame = "data: ";
        frame.append(data).append("\n\n");
        events_.push_back(std::move(frame));
    }

    /// One frame with one choice; `part` writes the choice's delta or text.
    template <class Part>
    void frame(std::size_t index, std::string_view finish, Part part) {
        std::string json;
        Writer writer(json);
        write_head(writer, reply_, object());
        writer.key("choices").begin_array().begin_object().member_count("index", index);
        part(writer);
        writer.key("logprobs").null().key("finish_reason");
        if (finish.empty()) {
            writer.null();
        } else {
            writer.string(finish);
        }
        writer.end_object().end_array();
        if (reply_.include_usage) {
            writer.key("usage").null();
        }
        writer.end_object();
        push(json);
    }

    void delta(std::size_t index, std::string_view name, std::string_view piece) {
        frame(index, {}, [&](Writer& writer) {
            writer.key("delta").begin_object().member(name, piece).end_object();
        });
    }

    void chat_choice(std::size_t index, const Choice& choice) {
        frame(index, {}, [](Writer& writer) {
            writer.key("delta").begin_object().member("role", "assistant");
            writer.member("content", "").key("refusal").null().end_object();
        });
        for (const std::string_view piece : pieces(choice.reasoning)) {
            delta(index, "reasoning_content", piece);
        }
        for (const std::string_view piece : pieces(choice.text)) {
            delta(index, "content", piece);
        }
        for (std::size_t i = 0; i < choice.calls.size(); ++i) {
            tool_use(index, i, choice.calls[i]);
        }
        frame(index, choice.finish,
              [](Writer& writer) { writer.key("delta").begin_object().end_object(); });
    }

    void tool_use(std::size_t index, std::size_t position, const ToolUse& call) {
        frame(index, {}, [&](Writer& writer) {
            writer.key("delta").begin_object().key("tool_calls").begin_array().begin_object();
            writer.member_count("index", position).member("id", call.id).member("type", "function");
            writer.key("function").begin_object().member("name", call.name);
            writer.member("arguments", "").end_object();
            writer.end_object().end_array().end_object();
        });
        for (const std::string_view piece : pieces(call.arguments)) {
            frame(index, {}, [&](Writer& writer) {
                writer.key("delta").begin_object().key("tool_calls").begin_array().begin_object();
                writer.member_count("index", position).key("function").begin_object();
                writer.member("arguments", piece).end_object();
                writer.end_object().end_array().end_object();
            });
        }
    }

    void text_choice(std::size_t index, const Choice& choice) {
        for (const std::string_view piece : pieces(choice.text)) {
            frame(index, {}, [&](Writer& writer) { writer.member("text", piece); });
        }
        frame(index, choice.finish, [](Writer& writer) { writer.member("text", ""); });
    }

    const Reply& reply_;
    std::vector<std::string> events_;
};

}  // namespace

std::string whole_body(const Reply& reply) {
    std::string body;
    Writer writer(body);
    const bool chat = reply.operation == Operation::chat;
    write_head(writer, reply, chat ? "chat.completion" : "text_completion");
    writer.key("choices").begin_array();
    std::uint64_t index = 0;
    for (const Choice& choice : reply.choices) {
        writer.begin_object().member_count("index", index++);
        if (chat) {
            writer.key("message");
            write_message(writer, choice);
        } else {
            writer.member("text", choice.text);
        }
        writer.key("logprobs").null().member("finish_reason", choice.finish).end_object();
    }
    writer.end_array().key("usage");
    write_usage(writer, reply);
    writer.end_object();
    return body;
}

std::vector<std::string> stream_events(const Reply& reply) {
    return Stream(reply).run();
}

}  // namespace tollgate::demo
