// The body of Converse: what is neither messages nor tools, and the order in which it is all put
// together.
#include "adapters/dialect/bedrock.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <array>

namespace tollgate::adapters::bedrock {
namespace {

constexpr std::string_view kVendor = "Bedrock";

// Converse's own members: sent as they are when the client gives them.
constexpr std::array<std::string_view, 6> kNative{
    "guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths",
    "outputConfig",    "requestMetadata"};

// OpenAI's members that are said elsewhere in the body, or that only tune and have no counterpart.
// All others are taken for the model's own and reach it in additionalModelRequestFields.
constexpr std::array<std::string_view, 48> kConsumed{"additionalModelRequestFields",
                                                     "additionalModelResponseFieldPaths",
                                                     "audio",
                                                     "best_of",
                                                     "cache_control",
                                                     "echo",
                                                     "frequency_penalty",
                                                     "function_call",
                                                     "functions",
                                                     "guardrailConfig",
                                                     "inferenceConfig",
                                                     "logit_bias",
                                                     "logprobs",
                                                     "max_completion_tokens",
                                                     "max_tokens",
                                                     "messages",
                                                     "metadata",
                                                     "modalities",
                                                     "model",
                                                     "n",
                                                     "outputConfig",
                                                     "parallel_tool_calls",
                                                     "performanceConfig",
                                                     "prediction",
                                                     "presence_penalty",
                                                     "prompt",
                                                     "promptVariables",
                                                     "prompt_cache_key",
                                                     "prompt_cache_retention",
                                                     "reasoning_effort",
                                                     "requestMetadata",
                                                     "response_format",
                                                     "safety_identifier",
                                                     "seed",
                                                     "serviceTier",
                                                     "service_tier",
                                                     "stop",
                                                     "store",
                                                     "stream",
                                                     "stream_options",
                                                     "suffix",
                                                     "temperature",
                                                     "tool_choice",
                                                     "tools",
                                                     "top_logprobs",
                                                     "top_p",
                                                     "user",
                                                     "verbosity"};
static_assert(std::ranges::is_sorted(kConsumed));

class Encoder {
public:
    Encoder(const Request& request, json::Value root, const ModelTraits& traits)
        : request_(request), root_(root), traits_(traits) {}

    Result<std::string> encode() {
        if (auto done = refuse_unsupported(); !done) {
            return std::unexpected(std::move(done).error());
        }
        auto conversation = read_conversation();
        if (!conversation) {
            return std::unexpected(std::move(conversation).error());
        }
        auto reasoning =
            read_reasoning(root_, request_.max_output, traits_, conversation->unsigned_tool_turn);
        if (!reasoning) {
            return std::unexpected(std::move(reasoning).error());
        }
        reasoning_ = std::move(*reasoning);
        const auto format = read_format(root_["response_format"], traits_,
                                        traits_.forced_tool && !reasoning_.is_on);
        if (!format) {
            return std::unexpected(format.error());
        }
        const auto tools =
            read_tools(root_, *conversation, *format, reasoning_.is_on, traits_, budget_);
        if (!tools) {
            return std::unexpected(tools.error());
        }
        std::string out;
        json::Writer writer(out);
        writer.begin_object();
        writer.member_raw("messages", conversation->messages);
        write_system(writer, conversation->system, format->instruction);
        if (auto done = write_inference(writer); !done) {
            return std::unexpected(std::move(done).error());
        }
        if (!tools->config.empty()) {
            writer.member_raw("toolConfig", tools->config);
        }
        write_additional(writer, tools->anthropic_choice);
        write_native(writer, format->output_config);
        writer.end_object();
        return out;
    }

private:
    [[nodiscard]] Result<void> refuse_unsupported() const {
        if (auto done = openai_shape::refuse_choices_and_logprobs(root_, kVendor); !done) {
            return done;
        }
        if (root_["best_of"].count() > 1) {
            return fail_param("best_of",
                              "Bedrock gives one answer per request; leave best_of out.");
        }
        for (const json::Value modality : root_["modalities"]) {
            if (modality.string() != "text") {
                return fail_param("modalities",
                                  "Bedrock's Converse answers in text only; remove '" +
                                      std::string(modality.string().substr(0, 32)) +
                                      "' from modalities.");
            }
        }
        if (root_["functions"].size() != 0) {
            return fail_param(
                "functions",
                "Bedrock is reached with `tools`; the older `functions` is not supported.");
        }
        if (root_["web_search_options"].is_object()) {
            return fail_param("web_search_options",
                              "Bedrock's Converse has no web search; remove web_search_options.");
        }
        if (root_["echo"].boolean() || !root_["suffix"].string().empty()) {
            return fail_param(root_["echo"].boolean() ? "echo" : "suffix",
                              "Bedrock cannot echo the prompt or fill in before a suffix.");
        }
        return {};
    }

    Result<Conversation> read_conversation() {
        if (request_.operation != Operation::completions) {
            return read_messages(root_["messages"], traits_, budget_);
        }
        const auto prompt = openai_shape::single_prompt(root_["prompt"], kVendor);
        if (!prompt) {
            return std::unexpected(prompt.error());
        }
        std::string text = "[";
        text.append(object_of({{"role", "user"}, {"content", *prompt}})).push_back(']');
        const auto messages = json::Document::parse(text);
        if (!messages) {
            return std::unexpected(messages.error());
        }
        return read_messages(messages->root(), traits_, budget_);
    }

    void write_system(json::Writer& writer, std::string_view blocks,
                      std::string_view instruction) const {
        if (blocks.empty() && instruction.empty()) {
            return;
        }
        writer.key("system").begin_array();
        if (!blocks.empty()) {
            writer.raw(blocks);
        }
        if (!instruction.empty()) {
            writer.begin_object().member("text", instruction).end_object();
        }
        writer.end_array();
    }

    Result<void> write_inference(json::Writer& writer) const {
        std::string out;
        json::Writer inner(out);
        inner.begin_object();
        const json::Value own = root_["inferenceConfig"];
        for (const json::Value member : own) {
            inner.member_raw(member.key(), member.raw());
        }
        const auto is_free = [&own](std::string_view name) { return !own[name].exists(); };
        if (reasoning_.max_tokens && is_free("maxTokens")) {
            inner.member_count("maxTokens", *reasoning_.max_tokens);
        }
        const bool has_temperature = root_["temperature"].is_number();
        if (!reasoning_.is_on && !reasoning_.no_samplers) {
            if (has_temperature && is_free("temperature")) {
                // OpenAI's scale ends at 2, Converse's at 1.
                const bool is_beyond = root_["temperature"].number().value_or(0) > 1;
                inner.member_raw("temperature", is_beyond ? "1" : root_["temperature"].raw());
            }
            const bool is_second = traits_.one_sampler && has_temperature;
            if (root_["top_p"].is_number() && is_free("topP") && !is_second) {
                inner.member_raw("topP", root_["top_p"].raw());
            }
        }
        if (is_free("stopSequences")) {
            if (auto done = write_stop(inner); !done) {
                return done;
            }
        }
        inner.end_object();
        if (out != "{}") {
            writer.member_raw("inferenceConfig", out);
        }
        return {};
    }

    Result<void> write_stop(json::Writer& writer) const {
        auto words = openai_shape::read_stop(root_["stop"]);
        if (!words) {
            return std::unexpected(std::move(words).error());
        }
        std::erase(*words,
                   std::string_view{});  // Converse refuses empty ones; they never match anything
        if (!words->empty()) {
            writer.key("stopSequences").begin_array();
            for (const std::string_view word : *words) {
                writer.string(word);
            }
            writer.end_array();
        }
        return {};
    }

    // The client's own object first, then what follows from its other fields, unless it said that
    // already.
    void write_additional(json::Writer& writer, std::string_view anthropic_choice) const {
        const json::Value own = root_["additionalModelRequestFields"];
        std::string out;
        json::Writer inner(out);
        inner.begin_object();
        for (const json::Value member : own) {
            inner.member_raw(member.key(), member.raw());
        }
        const auto add = [&](std::string_view name, std::string_view value) {
            if (!own[name].exists() && !value.empty()) {
                inner.member_raw(name, value);
            }
        };
        for (const auto& [name, value] : reasoning_.fields) {
            add(name, value);
        }
        add("tool_choice", anthropic_choice);
        if (const std::string_view user = root_["user"].string();
            traits_.anthropic_fields && !user.empty() && user.find('@') == std::string_view::npos) {
            add("metadata", object_of({{"user_id", user}}));
        }
        for (const json::Value member : root_) {
            if (std::ranges::binary_search(kConsumed, member.key()) || member.is_null()) {
                continue;
            }
            if (member.key() != "top_k") {
                add(member.key(), member.raw());
            } else if (traits_.nested_top_k) {
                add("inferenceConfig", R"({"topK":)" + std::string(member.raw()) + "}");
            } else if (!reasoning_.is_on) {
                add(member.key(), member.raw());
            }
        }
        inner.end_object();
        if (out != "{}") {
            writer.member_raw("additionalModelRequestFields", out);
        }
    }

    void write_native(json::Writer& writer, std::string_view output_config) const {
        for (const std::string_view name : kNative) {
            if (root_[name].exists() && !root_[name].is_null()) {
                writer.member_raw(name, root_[name].raw());
            }
        }
        if (!root_["outputConfig"].exists() && !output_config.empty()) {
            writer.member_raw("outputConfig", output_config);
        }
        if (!root_["requestMetadata"].exists()) {
            write_metadata(writer);
        }
        if (root_["serviceTier"].exists()) {
            writer.member_raw("serviceTier", root_["serviceTier"].raw());
        } else if (const std::string_view tier = root_["service_tier"].string();
                   tier == "priority" || tier == "flex" || tier == "default") {
            writer.member_raw("serviceTier", object_of({{"type", tier}}));
        }
    }

    // OpenAI's metadata only tags; what Converse's narrower rules do not take is left out.
    void write_metadata(json::Writer& writer) const {
        constexpr std::size_t kEntries = 16;
        constexpr std::size_t kLength = 256;
        const auto fits = [](std::string_view text) {
            constexpr std::string_view kAlso = " :_@$#=/+,-.";
            return text.size() <= kLength && std::ranges::all_of(text, [&](char c) {
                       return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                              (c >= '0' && c <= '9') || kAlso.find(c) != std::string_view::npos;
                   });
        };
        std::vector<json::Value> kept;
        for (const json::Value entry : root_["metadata"]) {
            if (root_["metadata"].is_object() && entry.is_string() && !entry.key().empty() &&
                fits(entry.key()) && fits(entry.string()) && kept.size() < kEntries) {
                kept.push_back(entry);
            }
        }
        if (kept.empty()) {
            return;
        }
        writer.key("requestMetadata").begin_object();
        for (const json::Value entry : kept) {
            writer.member(entry.key(), entry.string());
        }
        writer.end_object();
    }

    const Request& request_;
    json::Value root_;
    const ModelTraits& traits_;
    CacheBudget budget_;
    Reasoning reasoning_;
};

}  // namespace

Result<std::string> encode_converse(const Request& request, const ModelTraits& traits) {
    const auto document = json::Document::parse(request.body);
    if (!document) {
        Failure failure = document.error();
        failure.kind = FailureKind::bad_request;
        return std::unexpected(std::move(failure));
    }
    return Encoder(request, document->root(), traits).encode();
}

}  // namespace tollgate::adapters::bedrock
