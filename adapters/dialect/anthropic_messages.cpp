// The chat history: turns are merged, tool results gathered, system messages taken out.
#include "adapters/dialect/anthropic.hpp"
#include "adapters/dialect/call_id.hpp"

#include <algorithm>
#include <utility>

namespace tollgate::adapters::anthropic {
namespace {

// Inserted where the API insists on a user turn and the client wrote none.
constexpr std::string_view kFiller = R"({"type":"text","text":"."})";

// Ids come from any vendor's answers; here they may only have these characters.
std::string clean_id(std::string_view id) {
    std::string clean(without_signature(id));
    for (char& c : clean) {
        const bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!is_fine) {
            c = '_';
        }
    }
    return clean;
}

std::string_view raw_object(json::Value value) {
    return value.is_object() ? value.raw() : std::string_view{};
}

std::string_view trim_end(std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t\r\n\f\v");
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

class Reader {
public:
    Reader(json::Value messages, std::string_view vendor) : messages_(messages), vendor_(vendor) {}

    Result<Conversation> read() {
        std::size_t index = 0;
        for (const json::Value message : messages_) {
            const bool is_last = index + 1 == messages_.size();
            where_ = "messages[" + std::to_string(index++) + "]";
            if (Result<void> read = add(message, is_last); !read) {
                return std::unexpected(std::move(read.error()));
            }
        }
        close_turn();
        if (out_.messages.empty()) {
            others_ = kFiller;
            role_ = "user";
            close_turn();
        }
        return std::move(out_);
    }

private:
    Result<void> add(json::Value message, bool is_last) {
        const std::string_view role = message["role"].string();
        if (role == "system" || role == "developer") {
            return add_content(out_.system, message, "");
        }
        if (role == "user") {
            return add_blocks("user", message);
        }
        if (role == "assistant") {
            return add_assistant(message, is_last);
        }
        if (role == "tool" || role == "function") {
            return add_result(message);
        }
        return fail_param(where_ + ".role", "the role \"" + std::string(role) + "\" is not known");
    }

    // Content of any form into `blocks`.  A message's own cache_control marks its last block.
    Result<void> add_content(std::string& blocks, json::Value message, std::string_view tail) {
        const json::Value content = message["content"];
        const std::string_view cache_control = raw_object(message["cache_control"]);
        if (!content.is_array()) {
            append_text(blocks, content.string(), cache_control);
            return {};
        }
        std::size_t index = 0;
        for (const json::Value part : content) {
            const bool is_last = index + 1 == content.size();
            const std::string where = where_ + ".content[" + std::to_string(index++) + "]";
            if (tail == "assistant" && add_native(blocks, part)) {
                continue;
            }
            if (Result<void> read = append_part(
                    blocks, part, where, is_last ? cache_control : std::string_view{}, vendor_);
                !read) {
                return read;
            }
            out_.has_files |=
                part["file"]["file_id"].is_string() || part["source"]["file_id"].is_string();
        }
        return {};
    }

    Result<void> add_blocks(std::string_view role, json::Value message) {
        std::string blocks;
        if (Result<void> read = add_content(blocks, message, role); !read) {
            return read;
        }
        append(role, others_, blocks);
        return {};
    }

    // What only an assistant's turn has: refusals, and blocks in Anthropic's own form.
    bool add_native(std::string& blocks, json::Value part) {
        const std::string_view type = part["type"].string();
        if (type == "refusal") {
            append_text(blocks, part["refusal"].string(), {});
            return true;
        }
        if (type != "tool_use" && type != "server_tool_use" && !type.ends_with("_tool_result")) {
            return type == "thinking" || type == "redacted_thinking";  // see add_thinking
        }
        append_raw(blocks, part.raw());
        out_.has_tools |= type == "tool_use";
        return true;
    }

    Result<void> add_assistant(json::Value message, bool is_last) {
        std::string blocks;
        add_thinking(blocks, message);
        const bool has_thinking = !blocks.empty();
        const bool calls =
            message["tool_calls"].size() != 0 || message["function_call"].is_object();
        if (is_last && !calls && message["content"].is_string()) {
            // A prefill: the API refuses white space at its end.
            append_text(blocks, trim_end(message["content"].string()),
                        raw_object(message["cache_control"]));
        } else if (Result<void> read = add_content(blocks, message, "assistant"); !read) {
            return read;
        }
        if (message["content"].size() == 0 && message["content"].string().empty()) {
            append_text(blocks, message["refusal"].string(), {});
        }
        std::size_t index = 0;
        for (const json::Value call : message["tool_calls"]) {
            const std::string where = where_ + ".tool_calls[" + std::to_string(index++) + "]";
            if (!call["function"].is_object()) {
                return fail_param(where,
                                  std::string(vendor_) + " takes tool calls of type function");
            }
            add_call(blocks, call["id"].string(), call["function"],
                     raw_object(call["cache_control"]));
        }
        if (const json::Value call = message["function_call"]; call.is_object()) {
            add_call(blocks, "function_" + std::string(call["name"].string()), call, {});
        }
        out_.unsigned_tool_turn = calls && !has_thinking;
        append("assistant", others_, blocks);
        return {};
    }

    // Thinking comes first, and only with the proof that the vendor wrote it.
    void add_thinking(std::string& blocks, json::Value message) {
        for (const char* list : {"thinking_blocks", "content"}) {
            for (const json::Value block : message[list]) {
                const std::string_view type = block["type"].string();
                if ((type == "thinking" && !block["signature"].string().empty()) ||
                    (type == "redacted_thinking" && block["data"].is_string())) {
                    append_raw(blocks, block.raw());
                }
            }
        }
        const std::string_view signature = message["signature"].string();
        if (blocks.empty() && !signature.empty() && message["reasoning_content"].is_string()) {
            std::string block;
            json::Writer(block)
                .begin_object()
                .member("type", "thinking")
                .member("thinking", message["reasoning_content"].string())
                .member("signature", signature)
                .end_object();
            append_raw(blocks, block);
        }
    }

    void add_call(std::string& blocks, std::string_view id, json::Value function,
                  std::string_view cache_control) {
        const std::string_view arguments = function["arguments"].string();
        std::string block;
        json::Writer writer(block);
        writer.begin_object().member("type", "tool_use").member("id", clean_id(id));
        writer.member("name", function["name"].string()).key("input");
        const Result<json::Document> parsed = json::Document::parse(arguments);
        if (parsed && parsed->root().is_object()) {
            writer.raw(arguments);
        } else if (trim_end(arguments).empty()) {
            writer.raw("{}");
        } else {
            // A model's broken JSON must not end the conversation; the model sees what it wrote.
            writer.begin_object().member("_raw", arguments).end_object();
        }
        if (!cache_control.empty()) {
            writer.member_raw("cache_control", cache_control);
        }
        writer.end_object();
        append_raw(blocks, block);
        out_.has_tools = true;
    }

    Result<void> add_result(json::Value message) {
        const bool is_legacy = message["role"].string() == "function";
        const std::string id = is_legacy
                                   ? clean_id("function_" + std::string(message["name"].string()))
                                   : clean_id(message["tool_call_id"].string());
        if (id.empty()) {
            return fail_param(where_ + ".tool_call_id", "a tool message needs the id of its call");
        }
        std::string content;
        std::size_t index = 0;
        for (const json::Value part : message["content"]) {
            const std::string where = where_ + ".content[" + std::to_string(index++) + "]";
            if (Result<void> read = append_part(content, part, where, {}, vendor_); !read) {
                return read;
            }
        }
        std::string block;
        json::Writer writer(block);
        writer.begin_object().member("type", "tool_result").member("tool_use_id", id);
        if (!content.empty()) {
            writer.key("content").begin_array().raw(content).end_array();
        } else if (!message["content"].string().empty()) {
            writer.member("content", message["content"].string());
        }
        if (message["is_error"].boolean()) {
            writer.key("is_error").boolean(true);
        }
        if (message["cache_control"].is_object()) {
            writer.member_raw("cache_control", message["cache_control"].raw());
        }
        writer.end_object();
        append("user", results_, block);
        out_.has_tools = true;
        return {};
    }

    static void append_raw(std::string& list, std::string_view json) {
        if (!list.empty()) {
            list += ',';
        }
        list += json;
    }

    // Adds blocks to the turn of `role`: the open one, or a new one.
    void append(std::string_view role, std::string& list, std::string_view blocks) {
        if (blocks.empty()) {
            return;
        }
        if (role_ != role) {
            close_turn();
            role_ = role;
        }
        append_raw(list, blocks);
    }

    void close_turn() {
        if (role_.empty()) {
            return;
        }
        std::string turn;
        json::Writer writer(turn);
        if (out_.messages.empty() && role_ == "assistant") {  // the API wants a user's turn first
            writer.begin_object().member("role", "user");
            writer.key("content").begin_array().raw(kFiller).end_array().end_object();
        }
        writer.begin_object().member("role", role_).key("content").begin_array();
        if (!results_.empty()) {  // must come first, whatever the order of the messages was
            writer.raw(results_);
        }
        if (!others_.empty()) {
            writer.raw(others_);
        }
        writer.end_array().end_object();
        append_raw(out_.messages, turn);
        results_.clear();
        others_.clear();
        role_ = {};
    }

    json::Value messages_;
    std::string_view vendor_;
    Conversation out_;
    std::string where_;      // path of the message being read
    std::string_view role_;  // of the open turn
    std::string results_;    // its tool_result blocks
    std::string others_;     // its other blocks
};

}  // namespace

Result<Conversation> read_messages(json::Value messages, std::string_view vendor) {
    return Reader(messages, vendor).read();
}

}  // namespace tollgate::adapters::anthropic
