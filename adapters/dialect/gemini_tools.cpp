// OpenAI tools as Gemini tools and toolConfig.
// https://ai.google.dev/gemini-api/docs/function-calling
#include "adapters/dialect/gemini.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tollgate::adapters::gemini {
namespace {

using json::Value;

// Google's own tools, accepted as written: {"googleSearch": {}} in the OpenAI tools array, in
// either spelling.
constexpr std::array<std::string_view, 12> kNativeTools{
    "googleSearch", "google_search", "urlContext", "url_context", "codeExecution", "code_execution",
    "fileSearch",   "file_search",   "googleMaps", "google_maps", "computerUse",   "computer_use"};

bool is_native(Value tool) noexcept {
    return !tool["type"].exists() &&
           std::ranges::any_of(kNativeTools,
                               [tool](std::string_view name) { return tool[name].exists(); });
}

using openai_shape::ToolChoice;

/// tool_choice, or its predecessor function_call: "none", "auto" or {"name"}.  Nothing when the
/// client did not say.
Result<std::optional<ToolChoice>> read_choice(Value root) {
    if (openai_shape::is_set(root["tool_choice"])) {
        return openai_shape::read_tool_choice(root["tool_choice"]);
    }
    const Value legacy = root["function_call"];
    if (!openai_shape::is_set(legacy)) {
        return std::nullopt;
    }
    if (const std::string_view name = legacy["name"].string(); !name.empty()) {
        return ToolChoice{.mode = ToolChoice::Mode::required, .restricted = true, .only = {name}};
    }
    if (legacy.string() == "none" || legacy.string() == "auto") {
        return openai_shape::read_tool_choice(legacy);
    }
    return fail_param("function_call", "must be none, auto, or name a function");
}

/// AUTO does not take names: there the functions that are not allowed are simply not declared.
bool is_declared(const std::optional<ToolChoice>& choice, std::string_view name) noexcept {
    return !choice || choice->mode != ToolChoice::Mode::automatic || choice->allows(name);
}

/// Writes the schema member, unless there are no parameters: Google refuses an object without
/// properties.
void write_parameters(json::Writer& writer, Value parameters, const ModelTraits& traits) {
    if (!parameters.is_object()) {
        return;
    }
    if (traits.json_schema) {
        const bool composed = parameters["$ref"].exists() || parameters["anyOf"].exists() ||
                              parameters["allOf"].exists() || parameters["oneOf"].exists();
        if (parameters["properties"].size() != 0 || composed) {
            writer.member_raw("parametersJsonSchema", parameters.raw());
        }
        return;
    }
    const std::string cleaned = clean_schema(parameters);
    if (cleaned.find("\"properties\"") != std::string::npos) {
        writer.member_raw("parameters", cleaned);
    }
}

Result<void> write_function(json::Writer& writer, Value function, const std::string& where,
                            const ModelTraits& traits) {
    const std::string_view name = function["name"].string();
    if (name.empty()) {
        return fail_param(where + ".name", "has no function name");
    }
    writer.begin_object().member("name", name);
    if (const std::string_view text = function["description"].string(); !text.empty()) {
        writer.member("description", text);
    }
    write_parameters(writer, function["parameters"], traits);
    writer.end_object();
    return {};
}

struct Declared {
    std::string functions;                 ///< JSON objects separated by commas
    std::vector<std::string_view> native;  ///< raw entries of the tools array
};

Result<Declared> read_tools(Value root, const std::optional<ToolChoice>& choice,
                            const ModelTraits& traits) {
    Declared declared;
    json::Writer functions(declared.functions);
    const auto declare = [&](Value function, const std::string& where) -> Result<void> {
        if (!is_declared(choice, function["name"].string())) {
            return {};
        }
        return write_function(functions, function, where, traits);
    };
    std::size_t i = 0;
    for (const Value tool : root["tools"]) {
        const std::string where = "tools[" + std::to_string(i++) + "]";
        if (is_native(tool)) {
            declared.native.push_back(tool.raw());
        } else if (tool["type"].string("function") != "function") {
            return fail_param(where + ".type", "Gemini knows no tool of this type");
        } else if (auto done = declare(tool["function"], where + ".function"); !done) {
            return std::unexpected(std::move(done.error()));
        }
    }
    i = 0;
    for (const Value function : root["functions"]) {
        if (auto done = declare(function, "functions[" + std::to_string(i++) + "]"); !done) {
            return std::unexpected(std::move(done.error()));
        }
    }
    if (root["web_search_options"].is_object()) {
        declared.native.push_back(R"({"googleSearch":{}})");
    }
    return declared;
}

void write_mode(json::Writer& writer, const ToolChoice& choice) {
    using Mode = ToolChoice::Mode;
    writer.key("toolConfig").begin_object().key("functionCallingConfig").begin_object();
    writer.member("mode", choice.mode == Mode::none       ? "NONE"
                          : choice.mode == Mode::required ? "ANY"
                                                          : "AUTO");
    if (choice.mode == Mode::required && choice.restricted) {
        writer.key("allowedFunctionNames").begin_array();
        for (const std::string_view name : choice.only) {
            writer.string(name);
        }
        writer.end_array();
    }
    writer.end_object().end_object();
}

}  // namespace

bool has_functions(Value root) noexcept {
    if (root["functions"].size() != 0) {
        return true;
    }
    for (const Value tool : root["tools"]) {
        if (!is_native(tool)) {
            return true;
        }
    }
    return false;
}

Result<void> write_tools(json::Writer& writer, Value root, const ModelTraits& traits) {
    const Result<std::optional<ToolChoice>> choice = read_choice(root);
    if (!choice) {
        return std::unexpected(choice.error());
    }
    const Result<Declared> declared = read_tools(root, *choice, traits);
    if (!declared) {
        return std::unexpected(declared.error());
    }
    if (declared->functions.empty() && declared->native.empty()) {
        return {};
    }
    writer.key("tools").begin_array();
    if (!declared->functions.empty()) {  // all functions in one entry: several are refused
        writer.begin_object().member_raw("functionDeclarations", "[" + declared->functions + "]");
        writer.end_object();
    }
    for (const std::string_view tool : declared->native) {
        writer.raw(tool);
    }
    writer.end_array();
    if (*choice && !declared->functions.empty()) {
        write_mode(writer, **choice);
    }
    return {};
}

}  // namespace tollgate::adapters::gemini
