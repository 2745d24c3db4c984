// The non-streaming half of chat_writer.hpp: events are collected, finish() writes one JSON body.
#include "adapters/client/chat_writer.hpp"
#include "adapters/codec/json.hpp"

#include <algorithm>
#include <utility>

namespace tollgate::adapters {
namespace {

struct Tool {
    std::string id;
    std::string name;
    std::string arguments;
};

struct Extension {
    std::string name;
    std::string json;
};

struct Choice {
    std::string text;
    std::string reasoning;
    std::string refusal;
    std::map<unsigned, Tool> tools;
    std::vector<Extension> extensions;  // in the order of their first appearance
    FinishReason reason = FinishReason::none;
};

bool is_array(std::string_view value) {
    return value.size() >= 2 && value.front() == '[' && value.back() == ']';
}

// Lists of the same name come piece by piece (thinking blocks, annotations) and grow; of other
// values the last one stands.
void merge(std::string& have, std::string_view more) {
    if (!is_array(have) || !is_array(more)) {
        have = more;
    } else if (have == "[]") {
        have = more;
    } else if (more != "[]") {
        have.back() = ',';
        have.append(more.substr(1));
    }
}

class WholeWriter : public AnswerWriter {
public:
    explicit WholeWriter(AnswerContext context) : context_(std::move(context)) {}

    void started(const AnswerStart& start) override {
        if (!start.id.empty()) {
            context_.id = start.id;
        }
        if (!start.model.empty()) {
            context_.model = start.model;
        }
        if (start.created != 0) {
            context_.created = start.created;
        }
    }
    void text(unsigned choice, std::string_view piece) override { choices_[choice].text += piece; }
    void reasoning(unsigned choice, std::string_view piece) override {
        choices_[choice].reasoning += piece;
    }
    void refusal(unsigned choice, std::string_view piece) override {
        choices_[choice].refusal += piece;
    }
    void tool_call(unsigned choice, unsigned index, std::string_view id,
                   std::string_view name) override {
        Tool& tool = choices_[choice].tools[index];
        tool.id = id;
        tool.name = name;
    }
    void tool_arguments(unsigned choice, unsigned index, std::string_view piece) override {
        choices_[choice].tools[index].arguments += piece;
    }
    void extension(unsigned choice, std::string_view name, std::string_view value) override {
        std::vector<Extension>& all = choices_[choice].extensions;
        const auto found = std::ranges::find(all, name, &Extension::name);
        if (found == all.end()) {
            all.push_back({.name = std::string(name), .json = std::string(value)});
        } else {
            merge(found->json, value);
        }
    }
    void finished(unsigned choice, FinishReason reason) override {
        if (reason != FinishReason::none) {
            choices_[choice].reason = reason;
            finished_ = true;
        }
    }
    void usage(const Usage& usage) override { usage_ = usage; }

    std::string take() override { return std::exchange(out_, {}); }

    void finish() override {
        const bool is_chat = context_.operation != Operation::completions;
        json::Writer writer(out_);
        writer.begin_object();
        writer.member("id", context_.id);
        writer.member("object", is_chat ? "chat.completion" : "text_completion");
        writer.key("created").integer(context_.created);
        writer.member("model", context_.model);
        writer.key("choices").begin_array();
        for (const auto& [index, choice] : choices_) {
            writer.begin_object();
            writer.member_count("index", index);
            if (is_chat) {
                write_message(writer, choice);
            } else {
                write_text(writer, choice);
            }
            writer.key("logprobs").null();
            writer.key("finish_reason");
            if (choice.reason == FinishReason::none) {
                writer.null();
            } else {
                writer.string(to_string(choice.reason));
            }
            writer.end_object();
        }
        writer.end_array();
        if (usage_.reported) {
            writer.member_raw("usage", usage_json(usage_));
        }
        writer.end_object();
    }

private:
    static void write_extensions(json::Writer& writer, const Choice& choice) {
        if (!choice.reasoning.empty()) {
            writer.member("reasoning_content", choice.reasoning);
        }
        for (const Extension& extension : choice.extensions) {
            writer.member_raw(extension.name, extension.json);
        }
    }

    static void write_message(json::Writer& writer, const Choice& choice) {
        writer.key("message").begin_object();
        writer.member("role", "assistant");
        writer.key("content");
        if (choice.text.empty() && !(choice.tools.empty() && choice.refusal.empty())) {
            writer.null();
        } else {
            writer.string(choice.text);
        }
        writer.key("refusal");
        if (choice.refusal.empty()) {
            writer.null();
        } else {
            writer.string(choice.refusal);
        }
        if (!choice.tools.empty()) {
            writer.key("tool_calls").begin_array();
            for (const auto& [index, tool] : choice.tools) {
                writer.begin_object().member("id", tool.id).member("type", "function");
                writer.key("function").begin_object();
                writer.member("name", tool.name).member("arguments", tool.arguments);
                writer.end_object().end_object();
            }
            writer.end_array();
        }
        write_extensions(writer, choice);
        writer.end_object();
    }

    // The legacy shape has text and nothing else: a refusal is text there, tool calls cannot be
    // asked for.
    static void write_text(json::Writer& writer, const Choice& choice) {
        writer.member("text", choice.text + choice.refusal);
        write_extensions(writer, choice);
    }

    AnswerContext context_;
    std::map<unsigned, Choice> choices_;  // not a vector: the vendor chooses the numbers
    std::string out_;
};

}  // namespace

std::unique_ptr<AnswerWriter> whole_writer(AnswerContext context) {
    return std::make_unique<WholeWriter>(std::move(context));
}

}  // namespace tollgate::adapters
