// An OpenAI chat history as Converse's `messages` and `system`: strict alternation, user first, no
// blank text.
#include "adapters/dialect/bedrock.hpp"
#include "adapters/dialect/call_id.hpp"

#include <algorithm>

namespace tollgate::adapters::bedrock {
namespace {

// What stands where Converse demands text and the client said none; it refuses blank text.
constexpr std::string_view kPlaceholder = ".";
constexpr std::size_t kToolIdLength = 64;

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

std::string at(std::string_view where, std::string_view member, std::size_t index) {
    return std::string(where).append(".").append(member).append("[").append(std::to_string(index)) +
           "]";
}

bool is_tool_id_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
}

// Ids that Bedrock refuses (other vendors' may be longer or richer) become a digest: the same for
// call and result, and never seen by the client, whose history keeps its own.
std::string tool_id(std::string_view call_id) {
    const std::string_view id = without_signature(call_id);
    const bool is_fine =
        !id.empty() && id.size() <= kToolIdLength && std::ranges::all_of(id, is_tool_id_character);
    return is_fine ? std::string(id) : digest_id("tooluse_", id);
}

class Reader {
public:
    Reader(const ModelTraits& traits, CacheBudget& budget) : traits_(traits), budget_(budget) {}

    Result<Conversation> read(json::Value messages) {
        writer_.begin_array();
        std::size_t index = 0;
        for (const json::Value message : messages) {
            const bool is_last = index + 1 == messages.size();
            const std::string where = "messages[" + std::to_string(index++) + "]";
            if (auto done = read_message(message, where, is_last); !done) {
                return std::unexpected(std::move(done).error());
            }
        }
        close_turn();
        writer_.end_array();
        if (!has_turns_) {
            return fail_param("messages",
                              "Bedrock needs at least one user message; the request has only "
                              "system messages.");
        }
        out_.messages = std::move(text_);
        return std::move(out_);
    }

private:
    Result<void> read_message(json::Value message, const std::string& where, bool is_last) {
        const std::string_view role = message["role"].string();
        if (role == "system" || role == "developer") {
            return read_system(message, where);
        }
        if (role == "user") {
            return read_user(message, where);
        }
        if (role == "assistant") {
            return read_assistant(message, where, is_last);
        }
        if (role == "tool") {
            return read_tool_result(message, where);
        }
        return fail_param(where + ".role",
                          "Bedrock knows the roles system, developer, user, assistant and tool; " +
                              where + ".role is '" + std::string(role.substr(0, 64)) + "'.");
    }

    Result<void> read_system(json::Value message, const std::string& where) {
        const json::Value content = message["content"];
        const auto add = [&](std::string_view text, json::Value marked) {
            if (!is_blank(text)) {
                system_.begin_object().member("text", text).end_object();
                write_cache_point(system_, marked, traits_, budget_);
            }
        };
        if (content.is_string()) {
            add(content.string(), message);
            return {};
        }
        std::size_t index = 0;
        for (const json::Value part : content) {
            if (!part["text"].is_string()) {
                return fail_param(
                    at(where, "content", index),
                    "System messages hold text only; " + at(where, "content", index) + " is not.");
            }
            add(part["text"].string(), part);
            ++index;
        }
        return {};
    }

    Result<void> read_user(json::Value message, const std::string& where) {
        const std::size_t before = blocks_;
        if (auto done = read_content(message, where, "user"); !done) {
            return done;
        }
        // A message that said nothing leaves its turn in place, so that the order of speakers stays
        // as it was.
        if (blocks_ == before && role_ != "user") {
            write_text("user", kPlaceholder);
        }
        return {};
    }

    Result<void> read_assistant(json::Value message, const std::string& where, bool is_last) {
        bool has_reasoning = false;
        for (const json::Value block : message["thinking_blocks"]) {
            has_reasoning |= write_reasoning(block);
        }
        is_prefill_ = is_last;
        auto done = read_content(message, where, "assistant");
        is_prefill_ = false;
        if (!done) {
            return done;
        }
        const json::Value calls = message["tool_calls"];
        std::size_t index = 0;
        for (const json::Value call : calls) {
            if (auto written = write_tool_use(call, at(where, "tool_calls", index++)); !written) {
                return written;
            }
        }
        if (message["function_call"].is_object()) {
            return fail_param(
                where + ".function_call",
                "Bedrock is reached with tool_calls; the older function_call is not supported.");
        }
        out_.unsigned_tool_turn = calls.size() != 0 && !has_reasoning && !reasoned_inline_;
        reasoned_inline_ = false;
        return {};
    }

    Result<void> write_tool_use(json::Value call, const std::string& where) {
        const json::Value function = call["function"];
        const std::string_view name = function["name"].string();
        if (name.empty()) {
            return fail_param(where + ".function.name",
                              "A tool call in the history needs its function's name (" + where +
                                  ".function.name).");
        }
        std::string_view arguments = function["arguments"].string();
        if (is_blank(arguments)) {
            arguments = "{}";
        }
        const auto parsed = json::Document::parse(arguments);
        if (!parsed || !parsed->root().is_object()) {
            return fail_param(where + ".function.arguments",
                              "Bedrock takes tool arguments as a JSON object; the text in " +
                                  where + ".function.arguments is not one.");
        }
        open_turn("assistant");
        out_.has_tools = true;
        ++blocks_;
        writer_.begin_object().key("toolUse").begin_object();
        writer_.member("toolUseId", tool_id(call["id"].string())).member("name", name);
        writer_.member_raw("input", parsed->root().raw()).end_object().end_object();
        return {};
    }

    Result<void> read_tool_result(json::Value message, const std::string& where) {
        const std::string_view id = message["tool_call_id"].string();
        if (id.empty()) {
            return fail_param(where + ".tool_call_id",
                              "A tool message needs the id of the call that it answers (" + where +
                                  ".tool_call_id).");
        }
        open_turn("user");
        out_.has_tools = true;
        ++blocks_;
        writer_.begin_object().key("toolResult").begin_object().member("toolUseId", tool_id(id));
        writer_.key("content").begin_array();
        if (auto done = write_result_content(message["content"], where); !done) {
            return done;
        }
        writer_.end_array();
        if (message["is_error"].boolean()) {
            writer_.member("status", "error");
        }
        writer_.end_object().end_object();
        write_cache_point(writer_, message, traits_, budget_);
        return {};
    }

    Result<void> write_result_content(json::Value content, const std::string& where) {
        std::size_t written = 0;
        const auto add_text = [&](std::string_view text) {
            if (!is_blank(text)) {
                writer_.begin_object().member("text", text).end_object();
                ++written;
            }
        };
        if (content.is_string()) {
            add_text(content.string());
        }
        std::size_t index = 0;
        for (const json::Value part : content) {
            const std::string place = at(where, "content", index++);
            if (part["type"].string() == "text") {
                add_text(part["text"].string());
                continue;
            }
            auto block = media_block(part, place, traits_, documents_);
            if (!block) {
                return std::unexpected(std::move(block).error());
            }
            writer_.raw(*block);
            ++written;
        }
        if (written == 0) {
            writer_.begin_object().member("text", kPlaceholder).end_object();
        }
        return {};
    }

    // Text and parts of a user or assistant message.
    Result<void> read_content(json::Value message, const std::string& where,
                              std::string_view role) {
        const json::Value content = message["content"];
        if (content.is_string()) {
            const std::size_t before = blocks_;
            write_text(role, content.string());
            if (blocks_ != before) {
                write_cache_point(writer_, message, traits_, budget_);
            }
            return {};
        }
        if (!content.is_array() && !content.is_null() && content.exists()) {
            return fail_param(where + ".content",
                              where + ".content must be a string or an array of parts.");
        }
        std::size_t index = 0;
        for (const json::Value part : content) {
            const std::size_t before = blocks_;
            if (auto done = read_part(part, at(where, "content", index++), role); !done) {
                return done;
            }
            if (blocks_ != before) {
                write_cache_point(writer_, part, traits_, budget_);
            }
        }
        return {};
    }

    Result<void> read_part(json::Value part, const std::string& where, std::string_view role) {
        const std::string_view type = part["type"].string();
        if (part.is_string()) {
            write_text(role, part.string());
        } else if (type == "text") {
            write_text(role, part["text"].string());
        } else if (type == "refusal") {
            write_text(role, part["refusal"].string());
        } else if (role == "assistant" && (type == "thinking" || type == "redacted_thinking")) {
            reasoned_inline_ |= write_reasoning(part);
        } else if (type == "guarded_text") {
            open_turn(role);
            ++blocks_;
            writer_.begin_object().key("guardContent").begin_object().key("text").begin_object();
            writer_.member("text", part["text"].string()).end_object().end_object().end_object();
        } else {
            auto block = media_block(part, where, traits_, documents_);
            if (!block) {
                return std::unexpected(std::move(block).error());
            }
            open_turn(role);
            ++blocks_;
            turn_has_document_ |= type == "file";
            writer_.raw(*block);
        }
        return {};
    }

    void write_text(std::string_view role, std::string_view text) {
        if (is_prefill_) {
            // The start of an answer may not end in white space.
            text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
        }
        if (is_blank(text)) {
            return;
        }
        open_turn(role);
        ++blocks_;
        turn_has_text_ = true;
        writer_.begin_object().member("text", text).end_object();
    }

    // False when the block cannot be sent back: without its signature a vendor refuses it.
    bool write_reasoning(json::Value block) {
        const bool is_known_foreign = !traits_.anthropic_fields && !traits_.prefix.empty();
        const std::string_view signature = block["signature"].string();
        const std::string_view data = block["data"].string();
        if (is_known_foreign || (signature.empty() && data.empty())) {
            return false;
        }
        open_turn("assistant");
        ++blocks_;
        writer_.begin_object().key("reasoningContent").begin_object();
        if (data.empty()) {
            writer_.key("reasoningText").begin_object();
            writer_.member("text", block["thinking"].string())
                .member("signature", signature)
                .end_object();
        } else {
            writer_.member("redactedContent", data);
        }
        writer_.end_object().end_object();
        return true;
    }

    void open_turn(std::string_view role) {
        if (role_ == role) {
            return;
        }
        if (role_.empty() && role == "assistant") {
            open_turn("user");
            writer_.begin_object().member("text", kPlaceholder).end_object();
        }
        close_turn();
        writer_.begin_object().member("role", role).key("content").begin_array();
        role_ = role;
        has_turns_ = true;
    }

    void close_turn() {
        if (role_.empty()) {
            return;
        }
        if (turn_has_document_ && !turn_has_text_) {
            writer_.begin_object().member("text", kPlaceholder).end_object();
        }
        writer_.end_array().end_object();
        role_ = {};
        turn_has_document_ = false;
        turn_has_text_ = false;
    }

    const ModelTraits& traits_;
    CacheBudget& budget_;
    Conversation out_;
    std::string text_;
    json::Writer writer_{text_};
    json::Writer system_{out_.system};
    std::string_view role_;  // of the open turn; empty: none is open
    std::vector<std::string> documents_;
    std::size_t blocks_ = 0;
    bool has_turns_ = false;
    bool is_prefill_ = false;
    bool turn_has_document_ = false;
    bool turn_has_text_ = false;
    bool reasoned_inline_ = false;
};

}  // namespace

void write_cache_point(json::Writer& writer, json::Value marked, const ModelTraits& traits,
                       CacheBudget& budget) {
    const json::Value control = marked["cache_control"];
    if (!control.is_object() || !traits.cache_points || budget.left == 0) {
        return;
    }
    --budget.left;
    writer.begin_object().key("cachePoint").begin_object().member("type", "default");
    if (const std::string_view ttl = control["ttl"].string(); ttl == "1h" || ttl == "5m") {
        writer.member("ttl", ttl);
    }
    writer.end_object().end_object();
}

Result<Conversation> read_messages(json::Value messages, const ModelTraits& traits,
                                   CacheBudget& budget) {
    return Reader(traits, budget).read(messages);
}

}  // namespace tollgate::adapters::bedrock
