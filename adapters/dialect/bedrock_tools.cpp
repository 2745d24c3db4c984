// Tools and structured output in Converse's terms.
#include "adapters/dialect/anthropic.hpp"
#include "adapters/dialect/bedrock.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>

namespace tollgate::adapters::bedrock {
namespace {

using openai_shape::ToolChoice;

constexpr std::string_view kAnyObject = R"({"type":"object"})";

std::string output_config(json::Value wanted) {
    std::string schema;
    json::Writer schema_writer(schema);
    // Constrained decoding is Anthropic's own behind Bedrock too, and so are its limits.
    anthropic::write_output_schema(schema_writer, wanted["schema"]);
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("textFormat").begin_object().member("type", "json_schema");
    writer.key("structure")
        .begin_object()
        .key("jsonSchema")
        .begin_object()
        .member("schema", schema);
    if (const std::string_view name = wanted["name"].string(); !name.empty()) {
        writer.member("name", name);
    }
    if (const std::string_view text = wanted["description"].string(); !text.empty()) {
        writer.member("description", text);
    }
    writer.end_object().end_object().end_object().end_object();
    return out;
}

bool is_tool_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

struct ToolSpec {
    std::string_view name;
    std::string_view description;
    std::string_view schema;  // JSON
    bool strict = false;
};

void write_tool(json::Writer& writer, const ToolSpec& tool) {
    writer.begin_object().key("toolSpec").begin_object().member("name", tool.name);
    // Converse refuses an empty description.
    writer.member("description", tool.description.empty() ? tool.name : tool.description);
    writer.key("inputSchema").begin_object().member_raw("json", tool.schema).end_object();
    if (tool.strict) {
        writer.key("strict").boolean(true);
    }
    writer.end_object().end_object();
}

// Tool parameters as an object schema, which is what Converse demands.
std::string object_schema(json::Value parameters) {
    if (!parameters.is_object()) {
        return R"({"type":"object","properties":{}})";
    }
    if (parameters["type"].exists()) {
        return std::string(parameters.raw());
    }
    std::string out;
    json::Writer writer(out);
    writer.begin_object().member("type", "object");
    for (const json::Value member : parameters) {
        writer.member_raw(member.key(), member.raw());
    }
    writer.end_object();
    return out;
}

Result<void> write_client_tool(json::Writer& writer, json::Value tool, const std::string& where) {
    // Converse's own kinds (systemTool, toolSpec) go through as they are.
    if (tool["toolSpec"].is_object() || tool["systemTool"].is_object() ||
        tool["cachePoint"].is_object()) {
        writer.raw(tool.raw());
        return {};
    }
    if (tool["type"].string() != "function") {
        return fail_param(where + ".type",
                          "Bedrock takes tools of the type 'function' (or its own toolSpec and "
                          "systemTool); " +
                              where + ".type is '" +
                              std::string(tool["type"].string().substr(0, 64)) + "'.");
    }
    const json::Value function = tool["function"];
    const std::string_view name = function["name"].string();
    if (!is_tool_name(name)) {
        return fail_param(where + ".function.name",
                          "Bedrock takes tool names of 1 to 64 letters, digits, '_' and "
                          "'-'; rename " +
                              where + ".function.name.");
    }
    if (name == kJsonTool) {
        return fail_param(where + ".function.name",
                          "The tool name '" + std::string(name) +
                              "' is reserved for structured output; rename it.");
    }
    write_tool(writer, {.name = name,
                        .description = function["description"].string(),
                        .schema = object_schema(function["parameters"]),
                        .strict = function["strict"].boolean()});
    return {};
}

/// toolChoice as it is sent.  Converse has no "none".
struct Choice {
    enum class Mode { absent, any, named };
    Mode mode = Mode::absent;
    std::string_view name = {};
};

bool names_one(const ToolChoice& asked) {
    return asked.mode == ToolChoice::Mode::required && asked.restricted && asked.only.size() == 1;
}

Choice choice_of(const ToolChoice& asked, bool has_json_tool, bool has_client_tools,
                 bool can_force) {
    using enum Choice::Mode;
    if (has_json_tool) {
        // Beside the client's own tools the model chooses between calling one and answering.
        const bool is_alone = !has_client_tools || asked.mode == ToolChoice::Mode::none;
        return is_alone ? Choice{.mode = named, .name = kJsonTool} : Choice{.mode = any};
    }
    if (!has_client_tools || !can_force || asked.mode != ToolChoice::Mode::required) {
        return {};
    }
    return names_one(asked) ? Choice{.mode = named, .name = asked.only.front()}
                            : Choice{.mode = any};
}

void write_choice(json::Writer& writer, const Choice& choice) {
    if (choice.mode == Choice::Mode::any) {
        writer.key("toolChoice").raw(R"({"any":{}})");
    } else if (choice.mode == Choice::Mode::named) {
        writer.key("toolChoice").begin_object().key("tool").begin_object();
        writer.member("name", choice.name).end_object().end_object();
    }
}

// Anthropic's own tool_choice is the only place that can say "one call at a time".
std::string single_call_choice(const Choice& choice) {
    using enum Choice::Mode;
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("type", choice.mode == any ? "any" : choice.mode == named ? "tool" : "auto");
    if (choice.mode == named) {
        writer.member("name", choice.name);
    }
    writer.key("disable_parallel_tool_use").boolean(true).end_object();
    return out;
}

}  // namespace

Result<Format> read_format(json::Value response_format, const ModelTraits& traits, bool can_force) {
    const std::string_view type = response_format["type"].string();
    const json::Value wanted = response_format["json_schema"];
    Format format;
    if (!response_format.exists() || response_format.is_null() || type == "text") {
        return format;
    }
    if (type != "json_schema" && type != "json_object") {
        return fail_param("response_format.type",
                          "response_format.type must be text, json_object or json_schema.");
    }
    const bool has_schema = type == "json_schema";
    if (has_schema && !wanted["schema"].is_object()) {
        return fail_param("response_format.json_schema.schema",
                          "response_format.json_schema.schema must be a JSON schema object.");
    }
    const std::string_view schema = has_schema ? wanted["schema"].raw() : kAnyObject;
    if (has_schema && traits.output_format) {
        format.output_config = output_config(wanted);
    } else if (can_force) {
        format.tool_schema = has_schema ? object_schema(wanted["schema"]) : std::string(schema);
    } else {
        format.instruction =
            "Answer with one JSON object and nothing else: no prose, no code fence.";
        if (has_schema) {
            format.instruction.append(" It must be valid against this JSON schema: ")
                .append(schema);
        }
    }
    return format;
}

Result<Tools> read_tools(json::Value root, const Conversation& conversation, const Format& format,
                         bool is_thinking, const ModelTraits& traits, CacheBudget& budget) {
    const json::Value tools = root["tools"];
    const auto asked = openai_shape::read_tool_choice(root["tool_choice"]);
    if (!asked) {
        return std::unexpected(asked.error());
    }
    const bool is_none = asked->mode == ToolChoice::Mode::none;
    // A tool that the client forces is the answer; then there is no other to shape.
    const bool has_json_tool = !format.tool_schema.empty() && !names_one(*asked);
    // Leaving the tools out says "none", unless the history mentions them.
    const bool shows_tools = tools.size() != 0 && (!is_none || conversation.has_tools);
    Tools out;
    if (!has_json_tool && !conversation.has_tools && !shows_tools) {
        return out;
    }
    const bool can_force = traits.forced_tool && !is_thinking;
    json::Writer writer(out.config);
    writer.begin_object().key("tools").begin_array();
    std::size_t index = 0;
    for (const json::Value tool : shows_tools ? tools : json::Value{}) {
        const std::string where = openai_shape::at("tools", index++);
        // A single wanted tool is forced where that can be said; elsewhere it is the only one left.
        if (!(names_one(*asked) && can_force) &&
            !asked->allows(tool["function"]["name"].string())) {
            continue;
        }
        if (auto done = write_client_tool(writer, tool, where); !done) {
            return std::unexpected(std::move(done).error());
        }
        write_cache_point(writer, tool["cache_control"].exists() ? tool : tool["function"], traits,
                          budget);
    }
    if (has_json_tool) {
        write_tool(writer, {.name = kJsonTool,
                            .description = "Gives the answer. Call it once, with the whole answer.",
                            .schema = format.tool_schema});
    } else if (!shows_tools) {
        // A history with tool blocks is refused without any tool.
        write_tool(writer, {.name = "no_tool",
                            .description = "Not available. Never call it.",
                            .schema = R"({"type":"object","properties":{}})"});
    }
    writer.end_array();
    const Choice choice = choice_of(*asked, has_json_tool, shows_tools, can_force);
    const json::Value parallel = root["parallel_tool_calls"];
    const bool one_at_a_time = parallel.is_bool() && !parallel.boolean() && shows_tools && !is_none;
    if (one_at_a_time && traits.anthropic_fields) {
        out.anthropic_choice = single_call_choice(choice);
    } else {
        write_choice(writer, choice);
    }
    writer.end_object();
    return out;
}

}  // namespace tollgate::adapters::bedrock
