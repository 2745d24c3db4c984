// An OpenAI request as Cohere v2 wants it.  Fields that OpenAI does not know (documents,
// citation_options, safety_mode, thinking, k, priority, …) are passed on as they are.
#include "adapters/codec/json.hpp"
#include "adapters/dialect/cohere.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tollgate::adapters::cohere {
namespace {

using json::Value;
using json::Writer;
using namespace openai_shape;

constexpr std::size_t kMostStops = 5;
constexpr std::size_t kMostTexts = 96;

constexpr std::string_view kAlsoHandled[]{"suffix"};  // refused
constexpr std::string_view kEmbedFields[]{"model", "input", "encoding_format", "dimensions",
                                          "user"};

struct Effort {
    std::string_view word;
    unsigned budget;  // 0: disabled.  LiteLLM's convention, which clients have come to expect
};
constexpr std::array<Effort, 7> kEfforts{{{"none", 0},
                                          {"minimal", 1024},
                                          {"low", 1024},
                                          {"medium", 2048},
                                          {"high", 4096},
                                          {"xhigh", 8192},
                                          {"max", 16384}}};

/// Number kept within [low, high]; its own digits when it lies there already.
void write_clamped(Writer& writer, std::string_view name, Value value, double low, double high) {
    const auto number = value.number();
    if (!number) {
        return;
    }
    writer.key(name);
    if (*number >= low && *number <= high) {
        writer.raw(value.raw());
        return;
    }
    std::array<char, 32> digits{};
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), std::clamp(*number, low, high));
    writer.raw({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

class ChatWriter {
public:
    ChatWriter(const Request& request, Value root, std::string& out)
        : request_(request), root_(root), writer_(out) {}

    Result<void> run(std::string_view model) {
        writer_.begin_object().member("model", model);
        writer_.key("stream").boolean(request_.stream);
        if (auto done = refuse_choices_and_logprobs(root_, kVendor); !done) {
            return done;
        }
        if (auto done = conversation(); !done) {
            return done;
        }
        if (auto done = tools(); !done) {
            return done;
        }
        if (auto done = response_format(); !done) {
            return done;
        }
        if (auto done = stop(); !done) {
            return done;
        }
        if (auto done = thinking(); !done) {
            return done;
        }
        sampling();
        write_other_fields(writer_, root_, chat_fields(), kAlsoHandled);
        writer_.end_object();
        return {};
    }

private:
    Result<void> conversation() {
        writer_.key("messages").begin_array();
        if (request_.operation == Operation::completions) {
            const auto prompt = single_prompt(root_["prompt"], kVendor);
            if (!prompt) {
                return std::unexpected(prompt.error());
            }
            if (is_set(root_["suffix"]) || root_["echo"].boolean()) {
                return fail_param(is_set(root_["suffix"]) ? "suffix" : "echo",
                                  "Cohere has no text completion of this kind");
            }
            writer_.begin_object().member("role", "user").member("content", *prompt).end_object();
        }
        auto written = write_messages(writer_, root_["messages"]);
        writer_.end_array();
        return written;
    }

    Result<void> tools() {
        const Value given = root_["tools"];
        if (root_["functions"].size() > 0) {
            return fail_param("functions", "is not supported for Cohere; use tools");
        }
        const auto choice = read_tool_choice(root_["tool_choice"]);
        if (!choice) {
            return std::unexpected(choice.error());
        }
        if (given.size() == 0) {
            return {};
        }
        if (auto checked = check_tools(given, kVendor); !checked) {
            return checked;
        }
        bool strict = false;
        std::size_t written = 0;
        writer_.key("tools").begin_array();
        for (const Value tool : given) {
            const Value function = tool["function"];
            if (!choice->allows(function["name"].string())) {
                continue;
            }
            ++written;
            strict = strict || function["strict"].boolean();
            tool_definition(function);
        }
        writer_.end_array();
        if (written == 0) {
            return fail_param("tool_choice", "names a function that is not among the tools");
        }
        if (strict) {
            writer_.key("strict_tools").boolean(true);  // Cohere has one switch for all tools
        }
        if (choice->mode != ToolChoice::Mode::automatic) {
            writer_.member("tool_choice",
                           choice->mode == ToolChoice::Mode::none ? "NONE" : "REQUIRED");
        }
        return {};
    }

    void tool_definition(Value function) {
        writer_.begin_object().member("type", "function").key("function").begin_object();
        writer_.member("name", function["name"].string());
        if (function["description"].is_string()) {
            writer_.member("description", function["description"].string());
        }
        // Cohere insists on parameters, also where there are none.
        const Value parameters = function["parameters"];
        writer_.member_raw("parameters", parameters.is_object()
                                             ? parameters.raw()
                                             : R"({"type":"object","properties":{}})");
        writer_.end_object().end_object();
    }

    Result<void> response_format() {
        const Value format = root_["response_format"];
        const std::string_view type = format["type"].string("text");
        if (type == "text") {
            return {};
        }
        if (type != "json_object" && type != "json_schema") {
            return fail_param("response_format.type", "must be text, json_object or json_schema");
        }
        for (const std::string_view rival : {"tools", "documents"}) {
            if (root_[rival].size() > 0) {
                return fail_param(
                    "response_format",
                    "Cohere gives no structured output together with " + std::string(rival));
            }
        }
        const Value schema =
            type == "json_schema" ? format["json_schema"]["schema"] : format["json_schema"];
        if (type == "json_schema" && !schema.is_object()) {
            return fail_param("response_format.json_schema.schema", "must be an object");
        }
        writer_.key("response_format").begin_object().member("type", "json_object");
        if (schema.is_object()) {
            writer_.member_raw("json_schema", schema.raw());
        }
        writer_.end_object();
        return {};
    }

    Result<void> stop() {
        const auto sequences = read_stop(root_["stop"]);
        if (!sequences) {
            return std::unexpected(sequences.error());
        }
        if (sequences->size() > kMostStops) {
            return fail_param("stop", "Cohere takes at most 5 stop sequences");
        }
        if (!sequences->empty()) {
            writer_.key("stop_sequences").begin_array();
            for (const std::string_view sequence : *sequences) {
                writer_.string(sequence);
            }
            writer_.end_array();
        }
        return {};
    }

    Result<void> thinking() {
        const Value effort = root_["reasoning_effort"];
        if (!is_set(effort) || root_["thinking"].exists()) {
            return {};
        }
        const auto found = std::ranges::find(kEfforts, effort.string(), &Effort::word);
        if (found == kEfforts.end()) {
            return fail_param("reasoning_effort",
                              "must be none, minimal, low, medium, high, xhigh or max");
        }
        writer_.key("thinking").begin_object();
        if (found->budget == 0) {
            writer_.member("type", "disabled");
        } else {
            writer_.member("type", "enabled").member_count("token_budget", found->budget);
        }
        writer_.end_object();
        return {};
    }

    void sampling() {
        if (request_.max_output) {
            writer_.member_count("max_tokens", *request_.max_output);
        }
        if (is_set(root_["temperature"])) {
            writer_.member_raw("temperature", root_["temperature"].raw());
        }
        write_clamped(writer_, "p", root_["top_p"], 0.01, 0.99);
        write_clamped(writer_, "k", root_["top_k"], 0, 500);
        write_clamped(writer_, "frequency_penalty", root_["frequency_penalty"], 0, 1);
        write_clamped(writer_, "presence_penalty", root_["presence_penalty"], 0, 1);
        if (is_set(root_["seed"])) {
            writer_.member_raw("seed", root_["seed"].raw());
        }
    }

    const Request& request_;
    Value root_;
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
    if (auto done = ChatWriter(request, document->root(), body).run(model); !done) {
        return std::unexpected(std::move(done.error()));
    }
    return body;
}

Result<std::string> encode_embed(const Request& request, std::string_view model) {
    const auto document = json::Document::parse(request.body, {.depth = 1024});
    if (!document) {
        return fail(FailureKind::bad_request, document.error().detail);
    }
    const Value root = document->root();
    const auto texts = embedding_texts(root["input"], kVendor);
    if (!texts) {
        return std::unexpected(texts.error());
    }
    if (texts->size() > kMostTexts) {
        return fail_param("input", "Cohere takes at most 96 texts per request");
    }
    std::string body;
    Writer writer(body);
    writer.begin_object().member("model", model).key("texts").begin_array();
    for (const std::string_view text : *texts) {
        writer.string(text);
    }
    writer.end_array();
    if (!root["input_type"].exists()) {
        writer.member("input_type",
                      "search_document");  // required by Cohere; what is embedded is mostly stored
    }
    // Floats also for encoding_format base64: packing them is ours, so that the byte order is
    // OpenAI's.
    if (!root["embedding_types"].exists()) {
        writer.key("embedding_types").begin_array().string("float").end_array();
    }
    if (is_set(root["dimensions"])) {
        writer.member_raw("output_dimension", root["dimensions"].raw());
    }
    write_other_fields(writer, root, kEmbedFields);
    writer.end_object();
    return body;
}

}  // namespace tollgate::adapters::cohere
