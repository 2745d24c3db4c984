#include "router/explain.hpp"

#include <array>

namespace tollgate::router {
namespace {

/// Where people keep their prompts, in the order in which they are looked for.
constexpr std::array<std::string_view, 8> kPromptKeys{"prompt",      "text",  "input",   "question",
                                                      "instruction", "query", "content", "turns"};

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(kBlank);
    return begin == std::string_view::npos
               ? std::string_view()
               : text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

bool is_messages(const json::Value& value) noexcept {
    return value.is_array() && value.size() > 0 && value[std::size_t{0}].is_object();
}

/// Messages of one user's message.
std::string messages_of(std::string_view prompt) {
    std::string out = R"([{"role":"user","content":)";
    json::append_string(out, prompt);
    return out + "}]";
}

/// The messages that a value stands for; empty: none.
std::string messages_in(const json::Value& value) {
    if (value.is_string()) {
        return messages_of(value.string());
    }
    if (is_messages(value)) {
        return std::string(value.raw());
    }
    const json::Value first = value[std::size_t{0}];
    return value.is_array() && first.is_string() ? messages_of(first.string()) : std::string();
}

std::string messages_under(const json::Value& object) {
    if (is_messages(object["messages"])) {
        return std::string(object["messages"].raw());
    }
    for (const std::string_view key : kPromptKeys) {
        if (std::string messages = messages_in(object[key]); !messages.empty()) {
            return messages;
        }
    }
    return {};
}

bool is_prompt_key(std::string_view key) noexcept {
    return std::ranges::find(kPromptKeys, key) != kPromptKeys.end();
}

std::string id_in(const json::Value& object) {
    for (const std::string_view key : {"id", "question_id", "task_id", "uid"}) {
        if (const json::Value id = object[key]; id.is_string() || id.is_number()) {
            return std::string(id.raw());
        }
    }
    return {};
}

}  // namespace

Result<Question> read_question(std::string_view line, std::string_view model) {
    const std::string_view text = trimmed(line);
    const Result<json::Document> document = json::Document::parse(text);
    const json::Value root = document ? document->root() : json::Value();
    Question out;
    std::string messages;
    std::string_view named = model;
    if (root.is_object()) {
        out.id = id_in(root);
        messages = messages_under(root);
        named = model.empty() ? root["model"].string() : model;
        if (messages.empty()) {
            return fail(FailureKind::bad_request,
                        "There is no prompt: give messages, prompt or text.");
        }
    } else {
        messages = messages_in(root);
        if (messages.empty()) {
            messages = messages_of(text);
        }
    }
    json::Writer writer(out.body);
    writer.begin_object();
    writer.member("model", named.empty() ? "auto" : named).member_raw("messages", messages);
    if (root.is_object()) {
        // What else the request says, tools and the length of the answer among it.
        for (const json::Value member : root) {
            const std::string_view key = member.key();
            if (key != "model" && key != "messages" && !is_prompt_key(key)) {
                writer.member_raw(key, member.raw());
            }
        }
    }
    writer.end_object();
    out.size = out.body.size();
    out.body.append(adapters::kBodySlack, ' ');
    return out;
}

}  // namespace tollgate::router
