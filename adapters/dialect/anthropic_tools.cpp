// Tools, the choice among them, and the tool that stands in for structured output.
#include "adapters/dialect/anthropic.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tollgate::adapters::anthropic {
namespace {

// Fields of a tool that OpenAI does not know and Anthropic does.
constexpr std::array<std::string_view, 5> kToolFields{
    "cache_control", "input_examples", "defer_loading", "eager_input_streaming", "allowed_callers"};
constexpr std::string_view kEmptySchema = R"({"type":"object","properties":{}})";
constexpr std::string_view kOpenSchema = R"({"type":"object","additionalProperties":true})";

enum class Choice : std::uint8_t { absent, automatic, any, named, none };

class Reader {
public:
    Reader(json::Value root, const Format& format, bool is_thinking, std::string_view vendor)
        : root_(root), format_(format), is_thinking_(is_thinking), vendor_(vendor) {}

    Result<Tools> read(bool has_tool_history) {
        if (Result<void> read = read_choice(); !read) {
            return std::unexpected(std::move(read.error()));
        }
        if (Result<void> read = read_definitions(); !read) {
            return std::unexpected(std::move(read.error()));
        }
        add_web_search();
        const bool has_own = !out_.tools.empty();
        if (format_.is_tool && !(has_own && choice_ == Choice::named)) {
            add_json_tool(has_own);
        }
        if (out_.tools.empty() && has_tool_history) {
            // The API refuses a history of calls without any definition.
            add(R"({"name":"no_tool","description":"Not available.","input_schema":{"type":"object","properties":{}}})");
            choice_ = Choice::none;
        }
        if (!out_.tools.empty()) {
            write_choice();
        }
        return std::move(out_);
    }

private:
    Result<void> read_choice() {
        const json::Value value =
            root_["tool_choice"].exists() ? root_["tool_choice"] : root_["function_call"];
        if (value.is_object()) {
            return read_choice_object(value);
        }
        const std::string_view word = value.string();
        if (word == "auto") {
            choice_ = Choice::automatic;
        } else if (word == "required" || word == "any") {
            choice_ = Choice::any;
        } else if (word == "none") {
            choice_ = Choice::none;
        } else if (value.exists() && !value.is_null()) {
            return fail_param("tool_choice",
                              "tool_choice must be auto, none, required or name a function");
        }
        return {};
    }

    Result<void> read_choice_object(json::Value value) {
        const std::string_view type = value["type"].string();
        if (type == "allowed_tools") {
            const json::Value allowed = value["allowed_tools"];
            choice_ = allowed["mode"].string() == "required" ? Choice::any : Choice::automatic;
            is_limited_ = true;
            for (const json::Value tool : allowed["tools"]) {
                allowed_.push_back(tool["function"].is_object() ? tool["function"]["name"].string()
                                                                : tool["name"].string());
            }
            return {};
        }
        if (type == "auto" || type == "any" || type == "none" || type == "tool") {
            choice_ = type == "auto"   ? Choice::automatic
                      : type == "any"  ? Choice::any
                      : type == "none" ? Choice::none
                                       : Choice::named;
            is_serial_ = value["disable_parallel_tool_use"].boolean();
            name_ = value["name"].string();
            return {};
        }
        name_ = value["function"].is_object() ? value["function"]["name"].string()
                                              : value["name"].string();
        if (name_.empty()) {
            return fail_param("tool_choice", "tool_choice must name a function");
        }
        choice_ = Choice::named;
        return {};
    }

    Result<void> read_definitions() {
        std::size_t index = 0;
        for (const json::Value tool : root_["tools"]) {
            const std::string where = "tools[" + std::to_string(index++) + "]";
            const std::string_view type = tool["type"].string();
            if (tool["function"].is_object()) {
                if (Result<void> read = add_function(tool, tool["function"], where); !read) {
                    return read;
                }
            } else if (type == "function" || (type == "custom" && !tool["input_schema"].exists())) {
                return fail_param(where, std::string(vendor_) +
                                             " takes tools of type function with a "
                                             "JSON schema");
            } else {
                if (Result<void> named = check_name(tool["name"].string(), where); !named) {
                    return named;
                }
                if (is_allowed(tool["name"].string())) {
                    add(tool.raw());  // in Anthropic's own form: custom with input_schema, or a
                                      // server tool
                }
            }
        }
        index = 0;
        for (const json::Value function : root_["functions"]) {
            const std::string where = "functions[" + std::to_string(index++) + "]";
            if (Result<void> read = add_function(function, function, where); !read) {
                return read;
            }
        }
        return {};
    }

    static Result<void> check_name(std::string_view name, const std::string& where) {
        if (name == kJsonTool) {
            return fail_param(where,
                              "the tool name \"" + std::string(kJsonTool) + "\" is reserved");
        }
        return {};
    }

    bool is_allowed(std::string_view name) const {
        return !is_limited_ || std::ranges::find(allowed_, name) != allowed_.end();
    }

    Result<void> add_function(json::Value tool, json::Value function, const std::string& where) {
        const std::string_view name = function["name"].string();
        if (Result<void> named = check_name(name, where); !named) {
            return named;
        }
        if (!is_allowed(name)) {
            return {};
        }
        std::string definition;
        json::Writer writer(definition);
        writer.begin_object().member("name", name);
        if (function["description"].is_string()) {
            writer.member("description", function["description"].string());
        }
        writer.key("input_schema");
        write_input_schema(writer, function["parameters"]);
        if (function["strict"].is_bool()) {
            writer.key("strict").boolean(function["strict"].boolean());
        }
        for (const std::string_view field : kToolFields) {
            const json::Value value = tool[field].exists() ? tool[field] : function[field];
            if (value.exists() && !value.is_null()) {
                writer.member_raw(field, value.raw());
            }
        }
        writer.end_object();
        add(definition);
        return {};
    }

    // The root must say that it is an object.
    static void write_input_schema(json::Writer& writer, json::Value schema) {
        if (schema.size() == 0) {
            writer.raw(kEmptySchema);
        } else if (schema["type"].string() == "object") {
            writer.raw(schema.raw());
        } else {
            writer.begin_object().member("type", "object");
            for (const json::Value member : schema) {
                if (member.key() != "type") {
                    writer.member_raw(member.key(), member.raw());
                }
            }
            writer.end_object();
        }
    }

    void add_web_search() {
        const json::Value options = root_["web_search_options"];
        if (!options.is_object()) {
            return;
        }
        std::string definition;
        json::Writer writer(definition);
        writer.begin_object().member("type", "web_search_20250305").member("name", "web_search");
        const json::Value location = options["user_location"]["approximate"];
        if (location.is_object()) {
            writer.key("user_location").begin_object().member("type", "approximate");
            for (const json::Value member : location) {
                if (member.key() != "type") {
                    writer.member_raw(member.key(), member.raw());
                }
            }
            writer.end_object();
        }
        writer.end_object();
        add(definition);
    }

    void add_json_tool(bool has_own) {
        std::string definition;
        json::Writer writer(definition);
        writer.begin_object().member("name", kJsonTool);
        writer.member("description",
                      "Give the final answer by calling this tool. Write nothing else.");
        writer.key("input_schema");
        if (format_.tool_schema.is_object()) {
            write_input_schema(writer, format_.tool_schema);
        } else {
            writer.raw(kOpenSchema);
        }
        writer.end_object();
        add(definition);
        if (has_own && choice_ != Choice::none) {
            choice_ = Choice::any;
        } else {
            choice_ = Choice::named;
            name_ = kJsonTool;
        }
    }

    void write_choice() {
        if (is_thinking_ && (choice_ == Choice::any || choice_ == Choice::named)) {
            choice_ = Choice::automatic;  // a model that thinks cannot be forced
        }
        is_serial_ |=
            root_["parallel_tool_calls"].is_bool() && !root_["parallel_tool_calls"].boolean();
        if (choice_ == Choice::absent && is_serial_) {
            choice_ = Choice::automatic;
        }
        if (choice_ == Choice::absent) {
            return;
        }
        json::Writer writer(out_.choice);
        writer.begin_object();
        writer.member("type", choice_ == Choice::automatic ? "auto"
                              : choice_ == Choice::any     ? "any"
                              : choice_ == Choice::none    ? "none"
                                                           : "tool");
        if (choice_ == Choice::named) {
            writer.member("name", name_);
        }
        if (is_serial_ && choice_ != Choice::none) {
            writer.key("disable_parallel_tool_use").boolean(true);
        }
        writer.end_object();
    }

    void add(std::string_view definition) {
        if (!out_.tools.empty()) {
            out_.tools += ',';
        }
        out_.tools += definition;
    }

    json::Value root_;
    const Format& format_;
    bool is_thinking_;
    std::string_view vendor_;
    Tools out_;
    Choice choice_ = Choice::absent;
    std::string_view name_;  // of the chosen tool
    bool is_serial_ = false;
    bool is_limited_ = false;  // only the tools in allowed_ are sent
    std::vector<std::string_view> allowed_;
};

}  // namespace

Result<Format> read_format(json::Value response_format, const ModelFacts& facts) {
    const std::string_view type = response_format["type"].string();
    if (type == "json_object") {
        return Format{.is_tool = true};
    }
    if (type == "json_schema") {
        const json::Value schema = response_format["json_schema"]["schema"];
        if (!schema.is_object()) {
            return fail_param("response_format.json_schema.schema",
                              "a JSON schema object is needed");
        }
        return facts.json_schema ? Format{.output_schema = schema}
                                 : Format{.is_tool = true, .tool_schema = schema};
    }
    if (type.empty() || type == "text") {
        return Format{};
    }
    return fail_param("response_format.type",
                      "response_format must be text, json_object or json_schema");
}

Result<Tools> read_tools(json::Value root, const Format& format, bool has_tool_history,
                         bool is_thinking, std::string_view vendor) {
    return Reader(root, format, is_thinking, vendor).read(has_tool_history);
}

}  // namespace tollgate::adapters::anthropic
