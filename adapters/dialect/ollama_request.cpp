// An OpenAI request as Ollama wants it.  Ollama's own fields (keep_alive, think, options with
// num_ctx and the like, format) are passed on; where they say the same thing as an OpenAI field,
// Ollama's own wins.
#include "adapters/dialect/ollama.hpp"
#include "adapters/dialect/openai_shape.hpp"

namespace tollgate::adapters::ollama {
namespace {

using json::Value;
using json::Writer;
using namespace openai_shape;

/// Handled beyond chat_fields().
constexpr std::string_view kAlsoHandled[]{"input", "encoding_format", "min_p", "repeat_penalty",
                                          "options"};

/// Fields with the same name and meaning in `options`.
constexpr std::string_view kSameOptions[]{
    "temperature",      "top_p",          "top_k", "min_p", "frequency_penalty",
    "presence_penalty", "repeat_penalty", "seed"};

/// Only the gpt-oss family takes effort by level, the others answer 400 to anything but true and
/// false.
bool thinks_by_level(std::string_view model) {
    return model.find("gpt-oss") != std::string_view::npos;
}

class BodyWriter {
public:
    BodyWriter(const Request& request, Value root, std::string_view model, std::string& out)
        : request_(request), root_(root), model_(model), writer_(out) {}

    Result<void> run() {
        writer_.begin_object().member("model", model_);
        if (auto done = refuse_choices_and_logprobs(root_, kVendor); !done) {
            return done;
        }
        if (auto done = conversation(); !done) {
            return done;
        }
        if (auto done = tools(); !done) {
            return done;
        }
        // Ollama streams unless told otherwise.
        writer_.key("stream").boolean(request_.stream);
        if (auto done = response_format(); !done) {
            return done;
        }
        if (auto done = thinking(); !done) {
            return done;
        }
        if (auto done = options(); !done) {
            return done;
        }
        others();
        writer_.end_object();
        return {};
    }

    Result<void> run_embed() {
        const auto texts = embedding_texts(root_["input"], kVendor);
        if (!texts) {
            return std::unexpected(texts.error());
        }
        writer_.begin_object().member("model", model_).key("input").begin_array();
        for (const std::string_view text : *texts) {
            writer_.string(text);
        }
        writer_.end_array();
        if (root_["options"].is_object()) {
            writer_.member_raw("options", root_["options"].raw());
        }
        others();
        writer_.end_object();
        return {};
    }

private:
    Result<void> conversation() {
        if (request_.operation == Operation::completions) {
            const auto prompt = single_prompt(root_["prompt"], kVendor);
            if (!prompt) {
                return std::unexpected(prompt.error());
            }
            if (root_["echo"].boolean()) {
                return fail_param("echo", "Ollama does not repeat the prompt");
            }
            writer_.member("prompt", *prompt);
            return {};
        }
        writer_.key("messages").begin_array();
        auto written = write_messages(writer_, root_["messages"]);
        writer_.end_array();
        return written;
    }

    Result<void> tools() {
        if (root_["functions"].size() > 0) {
            return fail_param("functions", "is not supported for Ollama; use tools");
        }
        const auto choice = read_tool_choice(root_["tool_choice"]);
        if (!choice) {
            return std::unexpected(choice.error());
        }
        if (choice->mode == ToolChoice::Mode::required) {
            return fail_param("tool_choice",
                              "Ollama cannot be made to call a tool: use \"auto\" or \"none\"");
        }
        const Value given = root_["tools"];
        if (given.size() == 0 || choice->mode == ToolChoice::Mode::none) {
            return {};
        }
        if (auto checked = check_tools(given, kVendor); !checked) {
            return checked;
        }
        writer_.key("tools").begin_array();
        for (const Value tool : given) {
            if (choice->allows(tool["function"]["name"].string())) {
                writer_.raw(tool.raw());
            }
        }
        writer_.end_array();
        return {};
    }

    Result<void> response_format() {
        const Value format = root_["response_format"];
        const std::string_view type = format["type"].string("text");
        if (type == "text" || root_["format"].exists()) {
            return {};
        }
        if (type == "json_object") {
            writer_.member("format", "json");
            return {};
        }
        const Value schema = format["json_schema"]["schema"];
        if (type != "json_schema" || !schema.is_object()) {
            return fail_param(type == "json_schema" ? "response_format.json_schema.schema"
                                                    : "response_format.type",
                              type == "json_schema" ? "must be an object"
                                                    : "must be text, json_object or json_schema");
        }
        writer_.member_raw("format", schema.raw());
        return {};
    }

    Result<void> thinking() {
        const Value field = root_["reasoning_effort"];
        if (!is_set(field) || root_["think"].exists()) {
            return {};
        }
        const std::string_view effort = field.string();
        const bool low = effort == "minimal" || effort == "low";
        const bool high = effort == "high" || effort == "xhigh" || effort == "max";
        if (!low && !high && effort != "medium" && effort != "none") {
            return fail_param("reasoning_effort",
                              "must be none, minimal, low, medium, high, xhigh or max");
        }
        writer_.key("think");
        if (effort == "none" || !thinks_by_level(model_)) {
            writer_.boolean(effort != "none");
        } else {
            writer_.string(low ? "low" : high ? "high" : "medium");
        }
        return {};
    }

    Result<void> options() {
        const Value own = root_["options"];
        const auto sequences = read_stop(root_["stop"]);
        if (!sequences) {
            return std::unexpected(sequences.error());
        }
        std::string text;
        Writer writer(text);
        writer.begin_object();
        if (request_.max_output && !own["num_predict"].exists()) {
            writer.member_count("num_predict", *request_.max_output);
        }
        for (const std::string_view name : kSameOptions) {
            if (is_set(root_[name]) && !own[name].exists()) {
                writer.member_raw(name, root_[name].raw());
            }
        }
        if (!sequences->empty() && !own["stop"].exists()) {
            writer.key("stop").begin_array();
            for (const std::string_view sequence : *sequences) {
                writer.string(sequence);
            }
            writer.end_array();
        }
        for (const Value member : own.is_object() ? own : Value()) {
            writer.member_raw(member.key(), member.raw());
        }
        writer.end_object();
        if (text != "{}") {
            writer_.member_raw("options", text);
        }
        return {};
    }

    void others() { write_other_fields(writer_, root_, chat_fields(), kAlsoHandled); }

    const Request& request_;
    Value root_;
    std::string_view model_;
    Writer writer_;
};

}  // namespace

Result<std::string> encode_chat(const Request& request, std::string_view model) {
    const auto document = json::Document::parse(request.body, {.depth = 1024});  // checked by peek
    if (!document) {
        return fail(FailureKind::bad_request, document.error().detail);
    }
    std::string body;
    body.reserve(request.body.size() + 256);
    if (auto done = BodyWriter(request, document->root(), model, body).run(); !done) {
        return std::unexpected(std::move(done.error()));
    }
    return body;
}

Result<std::string> encode_embed(const Request& request, std::string_view model) {
    const auto document = json::Document::parse(request.body, {.depth = 1024});
    if (!document) {
        return fail(FailureKind::bad_request, document.error().detail);
    }
    std::string body;
    if (auto done = BodyWriter(request, document->root(), model, body).run_embed(); !done) {
        return std::unexpected(std::move(done.error()));
    }
    return body;
}

}  // namespace tollgate::adapters::ollama
