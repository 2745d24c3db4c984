#include "adapters/demo/model.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/demo/conversation.hpp"
#include "adapters/demo/embedding.hpp"
#include "adapters/demo/reply.hpp"
#include "adapters/demo/schema.hpp"
#include "adapters/demo/text.hpp"

#include <algorithm>
#include <optional>

namespace tollgate::demo {
namespace {

using adapters::Operation;
using adapters::Request;
using json::Value;

constexpr std::size_t kLongestQuote = 4000;
constexpr std::int64_t kMostChoices = 8;
constexpr std::size_t kMostPrompts = 64;
constexpr std::string_view kEmbedModel = "demo-embed";
constexpr std::string_view kReasonerModel = "demo-reasoner";

void string_or_null(json::Writer& writer, std::string_view text) {
    if (text.empty()) {
        writer.null();
    } else {
        writer.string(text);
    }
}

ModelAnswer refuse(unsigned status, const Failure& failure) {
    ModelAnswer answer{.status = status};
    json::Writer writer(answer.body);
    writer.begin_object().key("error").begin_object().member("message", failure.detail);
    writer.member("type", "invalid_request_error").key("param");
    string_or_null(writer, failure.param);
    writer.key("code");
    string_or_null(writer, failure.code);
    writer.end_object().end_object();
    return answer;
}

/// Nothing when the model may do the operation, else a 404 or 400.
std::optional<ModelAnswer> refuse_model(std::string_view model, Operation operation) {
    if (std::find(std::begin(kModels), std::end(kModels), model) == std::end(kModels)) {
        return refuse(404, {.detail = "The model '" + clip(model, 100) +
                                      "' does not exist; the demo vendor has demo-1, demo-mini, "
                                      "demo-reasoner and demo-embed.",
                            .code = "model_not_found",
                            .param = "model"});
    }
    const bool embeds = operation == Operation::embeddings;
    if ((model == kEmbedModel) != embeds) {
        return refuse(
            400, {.detail = std::string(model) + (embeds ? " makes no embeddings; demo-embed does."
                                                         : " makes embeddings only; demo-1 chats."),
                  .code = "model_not_supported",
                  .param = "model"});
    }
    return std::nullopt;
}

/// "a", "a and b", "a, b and c".
std::string enumerate(const std::vector<std::string>& items) {
    std::string text;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) {
            text += i + 1 == items.size() ? " and " : ", ";
        }
        text += items[i];
    }
    return text;
}

std::string quote(std::string_view text) {
    return "\"" + clip(text, kLongestQuote) + "\"";
}

std::string chat_text(const Conversation& conversation) {
    if (!conversation.tool_results.empty()) {
        std::vector<std::string> quotes;
        for (const std::string& result : conversation.tool_results) {
            if (quotes.size() < 8) {
                quotes.push_back(quote(result));
            }
        }
        return (quotes.size() == 1 ? "The tool answered: " : "The tools answered: ") +
               enumerate(quotes) + ".";
    }
    std::string text = conversation.user_text.empty()
                           ? "Hello from the demo model."
                           : "You said: " + quote(conversation.user_text) + ".";
    if (!conversation.images.empty()) {
        const std::size_t count = conversation.images.size();
        std::vector<std::string> shown = conversation.images;
        shown.resize(std::min<std::size_t>(count, 16));
        text += " I see " + std::to_string(count) + (count == 1 ? " image: " : " images: ") +
                enumerate(shown) + ".";
    }
    return text;
}

std::string repeated(std::string_view text, std::size_t chunks) {
    const std::vector<std::string_view> words = pieces(text);
    std::string result;
    for (std::size_t i = 0; i < std::min(chunks, kMostChunks) && !words.empty(); ++i) {
        const std::string_view word = words[i % words.size()];
        if (i > 0 && !word.starts_with(' ')) {
            result += ' ';  // the first word has none before it when it comes again
        }
        result += word;
    }
    return result;
}

/// Reasoning of one to four sentences; empty when the model does not think.
std::string think(std::string_view effort, std::string_view model) {
    if (effort == "none" || (effort.empty() && model != kReasonerModel)) {
        return {};
    }
    std::string text = "The demo model repeats what it was told.";
    if (effort == "medium" || effort.empty() || effort == "high" || effort == "xhigh") {
        text += " First it reads the last message from beginning to end.";
    }
    if (effort == "high" || effort == "xhigh") {
        text += " Then it checks that it has understood every word of it.";
        text += " Now it is ready to answer.";
    }
    return text;
}

/// The earliest stop sequence ends the text and is not part of it.
void apply_stop(Value stop, std::string& text) {
    std::size_t end = text.size();
    const auto consider = [&](std::string_view sequence) {
        if (!sequence.empty()) {
            end = std::min(end, text.find(sequence));
        }
    };
    consider(stop.string());
    for (const Value one : stop.is_array() ? stop : Value()) {
        consider(one.string());
    }
    text.resize(end);
}

/// Cuts `text` to what is left of the allowance, and takes its pieces from it.  True when something
/// was cut.
bool spend(std::string& text, std::uint64_t& allowance, std::uint64_t& spent) {
    std::uint64_t used = 0;
    std::size_t bytes = 0;
    for (const std::string_view piece : pieces(text)) {
        if (used == allowance) {
            break;
        }
        ++used;
        bytes += piece.size();
    }
    const bool cut = bytes < text.size();
    text.resize(bytes);
    allowance -= used;
    spent += used;
    return cut;
}

void limit_choice(Choice& choice, std::optional<std::uint64_t> most, Reply& reply) {
    std::uint64_t allowance = most.value_or(std::uint64_t{1} << 40U);
    std::uint64_t reasoning = 0;
    bool cut = spend(choice.reasoning, allowance, reasoning);
    reply.reasoning_tokens += reasoning;
    reply.output_tokens += reasoning;
    cut = spend(choice.text, allowance, reply.output_tokens) || cut;
    for (ToolUse& call : choice.calls) {
        cut = spend(call.arguments, allowance, reply.output_tokens) || cut;
    }
    if (cut) {
        choice.finish = "length";
    }
}

Result<std::size_t> read_n(Value n) {
    if (!n.exists() || n.is_null()) {
        return 1;
    }
    const auto count = n.integer();
    if (!count || *count < 1 || *count > kMostChoices) {
        return fail_param("n", "n must be an integer from 1 to 8.");
    }
    return static_cast<std::size_t>(*count);
}

/// The text that `response_format` asks for instead of prose; nothing when it asks for none.
Result<std::optional<std::string>> structured(Value format, const std::string& prose) {
    const std::string_view type = format["type"].string();
    if (type == "json_object") {
        std::string text;
        json::Writer writer(text);
        writer.begin_object().member("answer", prose).end_object();
        return text;
    }
    if (type != "json_schema") {
        return std::nullopt;
    }
    const Value schema = format["json_schema"]["schema"];
    if (!schema.is_object() || schema.raw().size() > kSchemaLimit) {
        return fail_param("response_format.json_schema.schema",
                          "The schema must be an object of at most 256 KiB.");
    }
    return satisfy(schema);
}

Reply start(const Request& request, const ModelContext& context, std::string_view model) {
    Reply reply;
    reply.operation = request.operation;
    reply.id = (request.operation == Operation::chat ? "chatcmpl-demo-" : "cmpl-demo-") +
               hex(hash(request.body));
    reply.model = model;
    reply.created = context.created;
    reply.include_usage = request.include_usage;
    return reply;
}

Result<Reply> chat(const Request& request, Value body, const ModelContext& context,
                   std::string_view model) {
    auto conversation = read_conversation(body);
    if (!conversation) {
        return std::unexpected(std::move(conversation.error()));
    }
    const auto count = read_n(body["n"]);
    if (!count) {
        return std::unexpected(count.error());
    }
    Reply reply = start(request, context, model);
    reply.prompt_tokens = conversation->prompt_tokens;
    std::string prose = chat_text(*conversation);
    if (context.chunks > 0) {
        prose = repeated(prose, context.chunks);
    }
    auto shaped = structured(body["response_format"], prose);
    if (!shaped) {
        return std::unexpected(std::move(shaped.error()));
    }
    for (std::size_t i = 0; i < *count; ++i) {
        Choice choice;
        choice.reasoning = think(body["reasoning_effort"].string(), model);
        if (conversation->calls.empty()) {
            choice.text = shaped->value_or(prose);
            if (i > 0 && !shaped->has_value()) {
                choice.text += " (choice " + std::to_string(i + 1) + ")";
            }
            apply_stop(body["stop"], choice.text);
        }
        for (const Tool& tool : conversation->calls) {
            const std::string seed = std::to_string(i) + "." + std::to_string(choice.calls.size());
            choice.calls.push_back(
                {.id = "call_demo_" + hex(hash(reply.id + seed)),
                 .name = std::string(tool.name),
                 .arguments = tool.parameters.is_object() ? satisfy(tool.parameters) : "{}"});
            choice.finish = "tool_calls";
        }
        limit_choice(choice, request.max_output, reply);
        reply.choices.push_back(std::move(choice));
    }
    return reply;
}

/// The prompts of a completions request: one text, several, or tokens (shown as their number).
Result<std::vector<std::string>> read_prompts(Value prompt) {
    std::vector<std::string> prompts;
    if (prompt.is_string()) {
        prompts.emplace_back(prompt.string());
    } else if (prompt[std::size_t{0}].is_number()) {
        prompts.push_back(std::to_string(prompt.size()) + " tokens");
    } else {
        if (prompt.size() == 0 || prompt.size() > kMostPrompts) {
            return fail_param("prompt", "One request takes 1 to 64 prompts.");
        }
        for (const Value one : prompt) {
            prompts.push_back(one.is_string() ? std::string(one.string())
                                              : std::to_string(one.size()) + " tokens");
        }
    }
    return prompts;
}

Result<Reply> complete(const Request& request, Value body, const ModelContext& context,
                       std::string_view model) {
    auto prompts = read_prompts(body["prompt"]);
    if (!prompts) {
        return std::unexpected(std::move(prompts.error()));
    }
    const auto count = read_n(body["n"]);
    if (!count) {
        return std::unexpected(count.error());
    }
    Reply reply = start(request, context, model);
    for (const std::string& prompt : *prompts) {
        reply.prompt_tokens += prompt_tokens(prompt.size());
        for (std::size_t i = 0; i < *count; ++i) {
            Choice choice;
            choice.text = " And so continues " + quote(prompt) + ".";
            if (i > 0) {
                choice.text += " (choice " + std::to_string(i + 1) + ")";
            }
            if (context.chunks > 0) {
                choice.text = repeated(choice.text, context.chunks);
            }
            apply_stop(body["stop"], choice.text);
            limit_choice(choice, request.max_output, reply);
            if (body["echo"].boolean()) {
                choice.text.insert(0, clip(prompt, kLongestQuote));
            }
            reply.choices.push_back(std::move(choice));
        }
    }
    return reply;
}

}  // namespace

ModelAnswer answer(const Request& request, const ModelContext& context) {
    const std::string_view model = context.model.empty() ? request.model : context.model;
    if (auto refusal = refuse_model(model, request.operation)) {
        return *std::move(refusal);
    }
    // The request has been checked against the configured depth already.
    const auto document = json::Document::parse(request.body, {.depth = 1024});
    if (!document) {
        return refuse(400, document.error());
    }
    const Value body = document->root();
    if (request.operation == Operation::embeddings) {
        auto made = answer_embeddings(body, model);
        return made ? ModelAnswer{.body = *std::move(made)} : refuse(400, made.error());
    }
    const auto reply = request.operation == Operation::chat
                           ? chat(request, body, context, model)
                           : complete(request, body, context, model);
    if (!reply) {
        return refuse(400, reply.error());
    }
    if (request.stream) {
        return {.events = stream_events(*reply)};
    }
    return {.body = whole_body(*reply)};
}

std::string models_list(std::int64_t created) {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("object", "list").key("data").begin_array();
    for (const std::string_view model : kModels) {
        writer.begin_object().member("id", model).member("object", "model");
        writer.key("created").integer(created).member("owned_by", "tollgate").end_object();
    }
    writer.end_array().end_object();
    return body;
}

}  // namespace tollgate::demo
