#include "router/side_effects.hpp"

#include "adapters/codec/json.hpp"

#include <array>
#include <string_view>

namespace tollgate::router {
namespace {

// Members that ask for more than an answer, unless they are false, null or empty.  OpenAI: store,
// background, conversation, previous_response_id, web_search_options
// (https://platform.openai.com/docs/api-reference/chat/create); OpenRouter: plugins
// (https://openrouter.ai/docs/features/web-search); xAI: search_parameters
// (https://docs.x.ai/docs/guides/live-search); Qwen: enable_search
// (https://help.aliyun.com/zh/model-studio/web-search); Anthropic: container, mcp_servers
// (https://docs.anthropic.com/en/api/messages).  All read 2026-11.
constexpr std::array<std::string_view, 11> kAsking{"store",
                                                   "background",
                                                   "conversation",
                                                   "previous_response_id",
                                                   "web_search_options",
                                                   "plugins",
                                                   "search_parameters",
                                                   "enable_search",
                                                   "container",
                                                   "mcp_servers",
                                                   "prompt"};

bool says_nothing(std::string_view raw) noexcept {
    return raw == "false" || raw == "null" || raw == "[]" || raw == R"("")";
}

// The caller runs functions and custom tools itself; whatever else there is runs at the vendor.
bool runs_at_the_caller(const json::Value& tool) {
    const std::string_view type = tool["type"].string();
    return type == "function" || type == "custom";
}

}  // namespace

bool has_side_effects(const adapters::Request& request) {
    for (const std::string_view name : kAsking) {
        // The old completions API has its text in `prompt`; elsewhere that is a stored one.
        if (name == "prompt" && request.operation == adapters::Operation::completions) {
            continue;
        }
        const adapters::Member* const member = request.find(name);
        if (member != nullptr && !says_nothing(request.raw(*member))) {
            return true;
        }
    }
    const adapters::Member* const tools = request.find("tools");
    if (tools == nullptr || says_nothing(request.raw(*tools))) {
        return false;
    }
    const Result<json::Document> document = json::Document::parse(request.raw(*tools));
    if (!document || !document->root().is_array()) {
        return true;
    }
    for (const json::Value tool : document->root()) {
        if (!runs_at_the_caller(tool)) {
            return true;
        }
    }
    return false;
}

}  // namespace tollgate::router
