// OpenAI messages as Cohere v2 messages.
#include "adapters/codec/json.hpp"
#include "adapters/dialect/call_id.hpp"
#include "adapters/dialect/cohere.hpp"
#include "adapters/dialect/openai_shape.hpp"

namespace tollgate::adapters::cohere {
namespace {

using json::Value;
using json::Writer;
using namespace openai_shape;

void write_text_part(Writer& writer, std::string_view text) {
    writer.begin_object().member("type", "text").member("text", text).end_object();
}

class MessageWriter {
public:
    explicit MessageWriter(Writer& writer) : writer_(writer) {}

    Result<void> message(Value one, const std::string& where) {
        const std::string_view role = one["role"].string();
        if (role == "system" || role == "developer") {
            return plain("system", one, where);
        }
        if (role == "user") {
            return user(one["content"], where + ".content");
        }
        if (role == "assistant") {
            return assistant(one, where);
        }
        if (role == "tool") {
            return tool_result(one, where);
        }
        return fail_param(where + ".role",
                          "Cohere knows the roles system, user, assistant and tool, not '" +
                              std::string(role.substr(0, 40)) + "'");
    }

private:
    Result<void> plain(std::string_view role, Value one, const std::string& where) {
        const auto text = text_content(one["content"], where + ".content", kVendor);
        if (!text) {
            return std::unexpected(text.error());
        }
        writer_.begin_object().member("role", role).member("content", *text).end_object();
        return {};
    }

    Result<void> user(Value content, const std::string& where) {
        writer_.begin_object().member("role", "user").key("content");
        if (content.is_string()) {
            writer_.string(content.string()).end_object();
            return {};
        }
        if (!content.is_array()) {
            return fail_param(where, "must be a string or an array of parts");
        }
        writer_.begin_array();
        std::size_t index = 0;
        for (const Value part : content) {
            if (auto done = user_part(part, at(where, index++)); !done) {
                return done;
            }
        }
        writer_.end_array().end_object();
        return {};
    }

    Result<void> user_part(Value part, const std::string& where) {
        const std::string_view type = part["type"].string();
        if (type == "text") {
            write_text_part(writer_, part["text"].string());
            return {};
        }
        if (type != "image_url") {
            return fail_param(where + ".type", "Cohere takes text and image_url parts, not '" +
                                                   std::string(type.substr(0, 40)) + "'");
        }
        const Value image = part["image_url"];
        const std::string_view url = image.is_string() ? image.string() : image["url"].string();
        if (!url.starts_with("data:image/") && !url.starts_with("http://") &&
            !url.starts_with("https://")) {
            return fail_param(where + ".image_url.url",
                              "must be an http(s) URL or a data:image/ URL");
        }
        writer_.begin_object().member("type", "image_url").key("image_url").begin_object();
        writer_.member("url", url);
        if (image["detail"].is_string()) {
            writer_.member("detail", image["detail"].string());
        }
        writer_.end_object().end_object();
        return {};
    }

    Result<void> assistant(Value one, const std::string& where) {
        auto text = text_content(one["content"], where + ".content", kVendor);
        if (!text) {
            return std::unexpected(text.error());
        }
        if (text->empty()) {
            *text = one["refusal"].string();
        }
        const std::string_view reasoning =
            one["reasoning_content"].string(one["reasoning"].string());
        writer_.begin_object().member("role", "assistant");
        if (one["tool_calls"].size() > 0) {
            // Cohere's models say what they are about to do in tool_plan; an answer of theirs comes
            // back as it was.
            if (!reasoning.empty()) {
                writer_.member("tool_plan", reasoning);
                if (!text->empty()) {
                    writer_.member("content", *text);
                }
            } else if (!text->empty()) {
                writer_.member("tool_plan", *text);
            }
            if (auto done = tool_calls(one["tool_calls"], where + ".tool_calls"); !done) {
                return done;
            }
        } else if (!reasoning.empty()) {
            writer_.key("content").begin_array().begin_object();
            writer_.member("type", "thinking").member("thinking", reasoning).end_object();
            if (!text->empty()) {
                write_text_part(writer_, *text);
            }
            writer_.end_array();
        } else {
            writer_.member("content", *text);
        }
        writer_.end_object();
        return {};
    }

    Result<void> tool_calls(Value calls, const std::string& where) {
        writer_.key("tool_calls").begin_array();
        std::size_t index = 0;
        for (const Value call : calls) {
            const std::string path = at(where, index++);
            const Value function = call["function"];
            if (call["type"].string("function") != "function" ||
                function["name"].string().empty()) {
                return fail_param(path, "Cohere knows only calls of functions with a name");
            }
            const std::string_view arguments = function["arguments"].string();
            writer_.begin_object()
                .member("id", without_signature(call["id"].string()))
                .member("type", "function");
            writer_.key("function").begin_object().member("name", function["name"].string());
            writer_.member("arguments", arguments.empty() ? "{}" : arguments);
            writer_.end_object().end_object();
        }
        writer_.end_array();
        return {};
    }

    Result<void> tool_result(Value one, const std::string& where) {
        const auto text = text_content(one["content"], where + ".content", kVendor);
        if (!text) {
            return std::unexpected(text.error());
        }
        if (one["tool_call_id"].string().empty()) {
            return fail_param(where + ".tool_call_id",
                              "a tool message must name the call it answers");
        }
        writer_.begin_object().member("role", "tool");
        writer_.member("tool_call_id", without_signature(one["tool_call_id"].string()));
        writer_.member("content", *text).end_object();
        return {};
    }

    Writer& writer_;
};

}  // namespace

Result<void> write_messages(Writer& writer, Value messages) {
    MessageWriter one_by_one(writer);
    std::size_t index = 0;
    for (const Value message : messages) {
        if (auto done = one_by_one.message(message, at("messages", index++)); !done) {
            return done;
        }
    }
    return {};
}

}  // namespace tollgate::adapters::cohere
