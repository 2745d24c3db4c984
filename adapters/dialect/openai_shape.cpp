#include "adapters/dialect/openai_shape.hpp"

#include "adapters/codec/base64.hpp"

#include <algorithm>
#include <bit>

namespace tollgate::adapters::openai_shape {
namespace {

using json::Value;

// clang-format off
constexpr std::string_view kChatFields[]{
    "model", "messages", "prompt", "stream", "stream_options", "tools", "tool_choice",
    "parallel_tool_calls", "functions", "function_call", "response_format", "max_tokens",
    "max_completion_tokens", "stop", "temperature", "top_p", "top_k", "frequency_penalty",
    "presence_penalty", "seed", "n", "logprobs", "top_logprobs", "logit_bias", "reasoning_effort",
    "user", "metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_retention",
    "safety_identifier", "verbosity", "prediction", "modalities", "audio", "web_search_options",
    "echo", "best_of"};
// clang-format on

std::string shown(std::string_view text) {
    return "'" + std::string(text.substr(0, 60)) + "'";
}

/// Names of an allowed_tools list.
Result<ToolChoice> read_allowed(Value allowed) {
    ToolChoice choice{.restricted = true};
    if (allowed["mode"].string("auto") == "required") {
        choice.mode = ToolChoice::Mode::required;
    }
    for (const Value tool : allowed["tools"]) {
        choice.only.push_back(tool["function"]["name"].string());
    }
    if (choice.only.empty()) {
        return fail_param("tool_choice.allowed_tools.tools", "must name at least one tool");
    }
    return choice;
}

/// Little-endian 32-bit floats in base64, as OpenAI packs them.
Result<std::string> pack(Value vector) {
    std::string bytes;
    bytes.reserve(vector.size() * 4);
    for (const Value item : vector) {
        const auto number = item.number();
        if (!number) {
            return fail(FailureKind::protocol_error,
                        "an embedding holds something that is not a number");
        }
        const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(*number));
        for (unsigned shift = 0; shift < 32; shift += 8) {
            bytes.push_back(static_cast<char>((bits >> shift) & 0xFFU));
        }
    }
    return codec::base64_encode(bytes);
}

}  // namespace

std::string at(std::string_view base, std::size_t index) {
    return std::string(base) + "[" + std::to_string(index) + "]";
}

Result<std::string> text_content(Value content, const std::string& where, std::string_view vendor) {
    if (!is_set(content)) {
        return std::string();
    }
    if (content.is_string()) {
        return std::string(content.string());
    }
    if (!content.is_array()) {
        return fail_param(where, "must be a string or an array of parts");
    }
    std::string text;
    std::size_t index = 0;
    for (const Value part : content) {
        const std::string_view type = part["type"].string();
        if ((type != "text" && type != "refusal") || !part[type].is_string()) {
            return fail_param(
                at(where, index),
                std::string(vendor) + " takes only text parts here, not " + shown(type));
        }
        text.append(index > 0 ? "\n" : "").append(part[type].string());
        ++index;
    }
    return text;
}

bool ToolChoice::allows(std::string_view name) const noexcept {
    return !restricted || std::ranges::find(only, name) != only.end();
}

Result<ToolChoice> read_tool_choice(Value tool_choice) {
    using Mode = ToolChoice::Mode;
    if (!is_set(tool_choice) || tool_choice.string() == "auto") {
        return ToolChoice{};
    }
    if (tool_choice.string() == "none") {
        return ToolChoice{.mode = Mode::none};
    }
    if (tool_choice.string() == "required") {
        return ToolChoice{.mode = Mode::required};
    }
    const std::string_view type = tool_choice["type"].string();
    if (type == "allowed_tools") {
        return read_allowed(tool_choice["allowed_tools"]);
    }
    const std::string_view name = tool_choice["function"]["name"].string();
    if (type != "function" || name.empty()) {
        return fail_param("tool_choice",
                          "must be none, auto, required, a function or allowed_tools");
    }
    return ToolChoice{.mode = Mode::required, .restricted = true, .only = {name}};
}

Result<void> check_tools(Value tools, std::string_view vendor) {
    std::size_t index = 0;
    for (const Value tool : tools) {
        const std::string where = at("tools", index++);
        if (tool["type"].string() != "function") {
            return fail_param(where + ".type", std::string(vendor) +
                                                   " knows only function tools, not " +
                                                   shown(tool["type"].string()));
        }
        if (tool["function"]["name"].string().empty()) {
            return fail_param(where + ".function.name", "is missing");
        }
    }
    return {};
}

Result<std::vector<std::string_view>> read_stop(Value stop) {
    std::vector<std::string_view> sequences;
    if (stop.is_string()) {
        sequences.push_back(stop.string());
    } else if (stop.is_array()) {
        for (const Value one : stop) {
            if (!one.is_string()) {
                return fail_param("stop", "must be a string or an array of strings");
            }
            sequences.push_back(one.string());
        }
    } else if (is_set(stop)) {
        return fail_param("stop", "must be a string or an array of strings");
    }
    return sequences;
}

Result<void> refuse_choices_and_logprobs(Value root, std::string_view vendor) {
    const Value n = root["n"];
    if (is_set(n) && n.integer() != 1) {
        return fail_param("n", std::string(vendor) + " gives one choice per request: n must be 1");
    }
    const Value logprobs = root["logprobs"];
    if (logprobs.boolean() || logprobs.count() > 0 || root["top_logprobs"].count() > 0) {
        return fail_param("logprobs", "log probabilities are not available from " +
                                          std::string(vendor) + " here");
    }
    return {};
}

Result<std::string_view> single_prompt(Value prompt, std::string_view vendor) {
    const Value one = prompt.is_array() && prompt.size() == 1 ? prompt[std::size_t{0}] : prompt;
    if (!one.is_string()) {
        return fail_param("prompt",
                          std::string(vendor) + " takes one text per request, no token arrays");
    }
    return one.string();
}

Result<std::vector<std::string_view>> embedding_texts(Value input, std::string_view vendor) {
    std::vector<std::string_view> texts;
    if (input.is_string()) {
        texts.push_back(input.string());
        return texts;
    }
    for (const Value text : input.is_array() ? input : Value()) {
        if (!text.is_string()) {
            return fail_param(at("input", texts.size()),
                              std::string(vendor) + " takes texts, not arrays of tokens");
        }
        texts.push_back(text.string());
    }
    if (texts.empty()) {
        return fail_param("input", "must be a text or a non-empty array of texts");
    }
    return texts;
}

Result<std::string> embeddings_answer(const std::vector<Value>& vectors, const Request& request,
                                      std::string_view model, const Usage& usage) {
    const Member* format = request.find("encoding_format");
    const bool packed = format != nullptr && request.raw(*format) == "\"base64\"";
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("object", "list").key("data").begin_array();
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        if (!vectors[i].is_array() || vectors[i].size() == 0) {
            return fail(FailureKind::protocol_error, "an embedding is not an array of numbers");
        }
        writer.begin_object()
            .member("object", "embedding")
            .member_count("index", i)
            .key("embedding");
        auto base64 = pack(vectors[i]);  // also the check that all of it is numbers
        if (!base64) {
            return std::unexpected(std::move(base64.error()));
        }
        if (packed) {
            writer.string(*base64);
        } else {
            writer.raw(vectors[i].raw());
        }
        writer.end_object();
    }
    writer.end_array().member("model", model).key("usage").begin_object();
    writer.member_count("prompt_tokens", usage.prompt_total());
    writer.member_count("total_tokens", usage.prompt_total()).end_object().end_object();
    return body;
}

std::span<const std::string_view> chat_fields() noexcept {
    return kChatFields;
}

void write_other_fields(json::Writer& writer, Value root, std::span<const std::string_view> handled,
                        std::span<const std::string_view> also_handled) {
    const auto in = [](std::span<const std::string_view> list, std::string_view name) {
        return std::ranges::find(list, name) != list.end();
    };
    for (const Value member : root) {
        if (!in(handled, member.key()) && !in(also_handled, member.key())) {
            writer.member_raw(member.key(), member.raw());
        }
    }
}

std::string_view unversioned_path(std::string_view base_url) noexcept {
    const std::size_t scheme = base_url.find("://");
    const std::size_t slash = base_url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
    std::string_view path =
        slash == std::string_view::npos ? std::string_view() : base_url.substr(slash);
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    for (const std::string_view version : {"/v1", "/v2", "/api"}) {
        if (path.ends_with(version)) {
            path.remove_suffix(version.size());
            break;
        }
    }
    return path;
}

std::string one_line(std::string_view json) {
    std::string line(json);
    std::ranges::replace(line, '\n', ' ');
    std::ranges::replace(line, '\r', ' ');
    return line;
}

}  // namespace tollgate::adapters::openai_shape
