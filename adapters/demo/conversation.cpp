#include "adapters/demo/conversation.hpp"

#include "adapters/codec/base64.hpp"
#include "adapters/demo/text.hpp"

#include <algorithm>

namespace tollgate::demo {
namespace {

using json::Value;

constexpr std::uint64_t kTokensPerMessage = 4;  // role and separators, as OpenAI's cookbook counts
constexpr std::uint64_t kTokensPerImage = 85;   // OpenAI's price of a low-detail image
constexpr std::size_t kMostCalls = 16;

std::string part_param(std::size_t message, std::size_t part) {
    return "messages[" + std::to_string(message) + "].content[" + std::to_string(part) + "]";
}

/// "image/png of 67 bytes" or "one at https://…".
Result<std::string> describe_image(std::string_view url, const std::string& param) {
    if (!url.starts_with("data:")) {
        if (!url.starts_with("http://") && !url.starts_with("https://")) {
            return fail_param(param, "The image URL must be a data: or http(s) URL.",
                              "invalid_image_url");
        }
        return "one at " + clip(url, 200);
    }
    const std::size_t comma = url.find(',');
    const std::size_t semicolon = url.find(';');
    if (comma == std::string_view::npos || semicolon > comma ||
        url.substr(semicolon, comma - semicolon) != ";base64") {
        return fail_param(param,
                          "The image's data URL must have the form data:<type>;base64,<data>.",
                          "invalid_image_url");
    }
    const auto bytes = codec::base64_decode(url.substr(comma + 1));
    if (!bytes) {
        return fail_param(param, "The image's data is not valid base64.", "invalid_base64");
    }
    return clip(url.substr(5, semicolon - 5), 60) + " of " + std::to_string(bytes->size()) +
           " bytes";
}

struct Content {
    std::string text;
    std::vector<std::string> images;
};

Result<Content> read_content(Value content, std::size_t message) {
    Content read;
    if (content.is_string()) {
        read.text = content.string();
    }
    std::size_t index = 0;
    for (const Value part : content.is_array() ? content : Value()) {
        const std::string_view type = part["type"].string();
        if (type == "image_url") {
            const Value image = part["image_url"];
            const std::string_view url = image.is_string() ? image.string() : image["url"].string();
            auto described = describe_image(url, part_param(message, index));
            if (!described) {
                return std::unexpected(std::move(described.error()));
            }
            read.images.push_back(std::move(*described));
        } else if (type == "text") {
            read.text += part["text"].string();
        }
        ++index;
    }
    return read;
}

bool is_tool_result(std::string_view role) {
    return role == "tool" || role == "function";
}

Result<std::vector<Tool>> read_tools(Value tools) {
    std::vector<Tool> read;
    std::size_t index = 0;
    for (const Value tool : tools) {
        const std::string param = "tools[" + std::to_string(index++) + "].function";
        const Value function = tool["function"];
        if (function["name"].string().empty()) {
            return fail_param(param + ".name", "Every tool needs a function with a name.");
        }
        if (function["parameters"].raw().size() > kSchemaLimit) {
            return fail_param(param + ".parameters", "The schema is larger than 256 KiB.");
        }
        read.push_back({.name = function["name"].string(), .parameters = function["parameters"]});
    }
    return read;
}

/// The rule of read_conversation(), without its first sentence.
Result<std::vector<Tool>> choose(const std::vector<Tool>& tools, Value choice,
                                 std::string_view text) {
    std::vector<Tool> chosen;
    if (choice.is_object() && choice["type"].string() == "function") {
        const std::string_view wanted = choice["function"]["name"].string();
        const auto found = std::find_if(tools.begin(), tools.end(),
                                        [&](const Tool& tool) { return tool.name == wanted; });
        if (found == tools.end()) {
            return fail_param("tool_choice", "tool_choice names the function '" +
                                                 clip(wanted, 100) +
                                                 "', which is not among the tools.");
        }
        chosen.push_back(*found);
        return chosen;
    }
    for (const Tool& tool : tools) {
        if (text.find(tool.name) != std::string_view::npos && chosen.size() < kMostCalls) {
            chosen.push_back(tool);
        }
    }
    const bool asked = choice.string() == "required" || text.find("call") != std::string_view::npos;
    if (chosen.empty() && asked) {
        const std::size_t count = text.find("both") != std::string_view::npos ? 2 : 1;
        chosen.assign(tools.begin(),
                      tools.begin() + static_cast<std::ptrdiff_t>(std::min(count, tools.size())));
    }
    return chosen;
}

Result<void> read_messages(Value messages, Conversation& conversation) {
    std::size_t index = 0;
    for (const Value message : messages) {
        const std::string_view role = message["role"].string();
        auto content = read_content(message["content"], index++);
        if (!content) {
            return std::unexpected(std::move(content.error()));
        }
        conversation.prompt_tokens += kTokensPerMessage + prompt_tokens(content->text.size()) +
                                      prompt_tokens(message["tool_calls"].raw().size()) +
                                      kTokensPerImage * content->images.size();
        if (is_tool_result(role)) {
            conversation.tool_results.push_back(std::move(content->text));
            continue;
        }
        conversation.tool_results.clear();
        if (role == "user") {
            conversation.user_text = std::move(content->text);
            conversation.images = std::move(content->images);
        }
    }
    return {};
}

}  // namespace

Result<Conversation> read_conversation(json::Value request) {
    Conversation conversation;
    if (auto read = read_messages(request["messages"], conversation); !read) {
        return std::unexpected(std::move(read.error()));
    }
    const Value tools_field = request["tools"];
    const Value choice = request["tool_choice"];
    auto tools = read_tools(tools_field);
    if (!tools) {
        return std::unexpected(std::move(tools.error()));
    }
    conversation.prompt_tokens += prompt_tokens(tools_field.raw().size());
    if (tools->empty() || choice.string() == "none" || !conversation.tool_results.empty()) {
        return conversation;
    }
    auto chosen = choose(*tools, choice, conversation.user_text);
    if (!chosen) {
        return std::unexpected(std::move(chosen.error()));
    }
    if (!request["parallel_tool_calls"].boolean(true) && chosen->size() > 1) {
        chosen->resize(1);
    }
    conversation.calls = std::move(*chosen);
    return conversation;
}

}  // namespace tollgate::demo
