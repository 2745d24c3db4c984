// OpenAI messages as Ollama messages: text is one string, images stand beside it, tool arguments
// are objects.
#include "adapters/codec/base64.hpp"
#include "adapters/dialect/call_id.hpp"
#include "adapters/dialect/ollama.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <vector>

namespace tollgate::adapters::ollama {
namespace {

using json::Value;
using json::Writer;
using namespace openai_shape;

struct UserContent {
    std::string text;
    std::vector<std::string_view> images;  // base64, without the data: prefix
};

Result<std::string_view> image_data(Value part, const std::string& where) {
    const Value image = part["image_url"];
    const std::string_view url = image.is_string() ? image.string() : image["url"].string();
    if (url.starts_with("http://") || url.starts_with("https://")) {
        return fail_param(where,
                          "Ollama fetches no images: send the image itself as a "
                          "data:image/…;base64,… URL");
    }
    const std::size_t comma = url.find(',');
    if (!url.starts_with("data:") || comma == std::string_view::npos ||
        !url.substr(0, comma).ends_with(";base64")) {
        return fail_param(where, "must have the form data:image/…;base64,…");
    }
    const std::string_view data = url.substr(comma + 1);
    if (data.empty() || !codec::base64_decode(data)) {
        return fail_param(where, "the image is not valid base64");
    }
    return data;
}

Result<UserContent> read_user(Value content, const std::string& where) {
    UserContent read;
    if (content.is_string()) {
        read.text = content.string();
        return read;
    }
    if (!content.is_array()) {
        return fail_param(where, "must be a string or an array of parts");
    }
    std::size_t index = 0;
    for (const Value part : content) {
        const std::string path = at(where, index++);
        const std::string_view type = part["type"].string();
        if (type == "text") {
            read.text.append(read.text.empty() ? "" : "\n").append(part["text"].string());
        } else if (type == "image_url") {
            const auto data = image_data(part, path + ".image_url.url");
            if (!data) {
                return std::unexpected(data.error());
            }
            read.images.push_back(*data);
        } else {
            return fail_param(path + ".type", "Ollama takes text and image_url parts, not '" +
                                                  std::string(type.substr(0, 40)) + "'");
        }
    }
    return read;
}

class MessageWriter {
public:
    explicit MessageWriter(Writer& writer) : writer_(writer) {}

    Result<void> message(Value one, const std::string& where) {
        const std::string_view role = one["role"].string();
        if (role == "user") {
            return user(one["content"], where + ".content");
        }
        const bool known =
            role == "system" || role == "developer" || role == "assistant" || role == "tool";
        if (!known) {
            return fail_param(where + ".role",
                              "Ollama knows the roles system, user, assistant and tool, not '" +
                                  std::string(role.substr(0, 40)) + "'");
        }
        const auto text = text_content(one["content"], where + ".content", kVendor);
        if (!text) {
            return std::unexpected(text.error());
        }
        writer_.begin_object().member("role", role == "developer" ? "system" : role);
        writer_.member("content", text->empty() ? one["refusal"].string() : *text);
        Result<void> done;
        if (role == "assistant") {
            done = assistant(one, where);
        } else if (role == "tool") {
            done = tool_result(one, where);
        }
        writer_.end_object();
        return done;
    }

private:
    struct Call {
        std::string_view id;
        std::string_view name;
    };

    Result<void> user(Value content, const std::string& where) {
        const auto read = read_user(content, where);
        if (!read) {
            return std::unexpected(read.error());
        }
        writer_.begin_object().member("role", "user").member("content", read->text);
        if (!read->images.empty()) {
            writer_.key("images").begin_array();
            for (const std::string_view image : read->images) {
                writer_.string(image);
            }
            writer_.end_array();
        }
        writer_.end_object();
        return {};
    }

    Result<void> assistant(Value one, const std::string& where) {
        const std::string_view thinking =
            one["reasoning_content"].string(one["reasoning"].string());
        if (!thinking.empty()) {
            writer_.member("thinking", thinking);
        }
        if (one["tool_calls"].size() == 0) {
            return {};
        }
        writer_.key("tool_calls").begin_array();
        std::size_t index = 0;
        for (const Value call : one["tool_calls"]) {
            if (auto done = tool_call(call, index, at(where + ".tool_calls", index)); !done) {
                return done;
            }
            ++index;
        }
        writer_.end_array();
        return {};
    }

    Result<void> tool_call(Value call, std::size_t index, const std::string& where) {
        const Value function = call["function"];
        const std::string_view name = function["name"].string();
        if (call["type"].string("function") != "function" || name.empty()) {
            return fail_param(where, "Ollama knows only calls of functions with a name");
        }
        std::string_view arguments = function["arguments"].string();
        if (arguments.find_first_not_of(" \t\r\n") == std::string_view::npos) {
            arguments = "{}";
        }
        const auto parsed = json::Document::parse(arguments);
        if (!parsed || !parsed->root().is_object()) {
            return fail_param(where + ".function.arguments", "must be a JSON object in a string");
        }
        calls_.push_back({.id = call["id"].string(), .name = name});
        writer_.begin_object();
        if (!call["id"].string().empty()) {
            writer_.member("id", without_signature(call["id"].string()));  // newer versions keep
                                                                           // it, older ignore it
        }
        writer_.key("function").begin_object().member_count("index", index).member("name", name);
        writer_.member_raw("arguments", arguments).end_object().end_object();
        return {};
    }

    // Ollama matches results by the tool's name; OpenAI's message has only the id of the call.
    Result<void> tool_result(Value one, const std::string& where) {
        const std::string_view id = one["tool_call_id"].string();
        std::string_view name = one["name"].string();
        for (const Call& call : calls_) {
            if (!id.empty() && call.id == id) {
                name = call.name;
            }
        }
        if (name.empty()) {
            return fail_param(where + ".tool_call_id", "answers no tool call of the conversation");
        }
        writer_.member("tool_name", name);
        if (!id.empty()) {
            writer_.member("tool_call_id", without_signature(id));
        }
        return {};
    }

    Writer& writer_;
    std::vector<Call> calls_;
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

}  // namespace tollgate::adapters::ollama
