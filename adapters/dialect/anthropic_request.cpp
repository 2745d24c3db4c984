// The Messages body around the history and the tools.
#include "adapters/dialect/anthropic.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tollgate::adapters::anthropic {
namespace {

// Translated below, or of no meaning beyond this gateway.
constexpr auto kTranslated = std::to_array<std::string_view>({
    "model",
    "messages",
    "system",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "stop_sequences",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "parallel_tool_calls",
    "web_search_options",
    "response_format",
    "reasoning_effort",
    "thinking",
    "output_config",
    "user",
    "metadata",
    "service_tier",
});
// OpenAI's; they only tune, and the API refuses what it does not know.
constexpr auto kDropped = std::to_array<std::string_view>({
    "n",
    "seed",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "store",
    "prediction",
    "modalities",
    "audio",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
});

struct Effort {
    std::string_view name;
    std::uint64_t budget;     ///< thinking tokens, for models that take a number
    std::string_view effort;  ///< output_config.effort, for models that take a word
};
// The vendor has no law here; these are the numbers that gateways agree on.
constexpr std::array kEfforts{
    Effort{"minimal", 1024, "low"},   Effort{"low", 1024, "low"},
    Effort{"medium", 2048, "medium"}, Effort{"high", 4096, "high"},
    Effort{"xhigh", 8192, "xhigh"},   Effort{"max", 16384, "max"},
};
constexpr std::uint64_t kLeastBudget = 1024;

struct Beta {
    std::string_view field;
    std::string_view beta;
};
// https://docs.anthropic.com/en/api/beta-headers
constexpr std::array kBetas{
    Beta{"mcp_servers", "mcp-client-2025-11-20"},
    Beta{"context_management", "context-management-2025-06-27"},
};
constexpr std::string_view kFilesBeta = "files-api-2025-04-14";

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

// The vendor refuses e-mail addresses and telephone numbers, and more than 256 characters.
bool is_opaque(std::string_view user) {
    const auto digits = std::ranges::count_if(user, [](char c) { return c >= '0' && c <= '9'; });
    const bool is_phone =
        digits >= 7 && user.find_first_not_of("0123456789+-() .") == std::string_view::npos;
    return !user.empty() && user.size() <= 256 && user.find('@') == std::string_view::npos &&
           !is_phone;
}

class Encoder {
public:
    Encoder(const Request& request, const Carriage& carriage, json::Value root)
        : request_(request),
          carriage_(carriage),
          root_(root),
          facts_(facts_of(carriage.model)),
          writer_(body_.json) {}

    Result<Body> encode() {
        if (Result<void> fine = refuse(); !fine) {
            return std::unexpected(std::move(fine.error()));
        }
        Result<Conversation> history = read_messages(root_["messages"], carriage_.vendor);
        if (!history) {
            return std::unexpected(std::move(history.error()));
        }
        Result<Format> format = read_format(root_["response_format"], facts_);
        if (!format) {
            return std::unexpected(std::move(format.error()));
        }
        plan_thinking(history->unsigned_tool_turn);
        Result<Tools> tools =
            read_tools(root_, *format, history->has_tools, is_thinking_, carriage_.vendor);
        if (!tools) {
            return std::unexpected(std::move(tools.error()));
        }
        body_.json.reserve(request_.body.size() + 512);
        writer_.begin_object();
        write_head();
        write_history(*history);
        write_tools(*tools);
        write_sampling();
        write_thinking(*format);
        write_account();
        write_rest();
        writer_.end_object();
        if (history->has_files) {
            body_.betas.push_back(kFilesBeta);
        }
        return std::move(body_);
    }

private:
    // What silence would falsify.
    Result<void> refuse() const {
        const std::string vendor(carriage_.vendor);
        if (root_["n"].integer().value_or(1) > 1) {
            return fail_param("n", vendor + " gives one choice per request");
        }
        for (const json::Value modality : root_["modalities"]) {
            if (modality.string() != "text") {
                return fail_param("modalities", vendor + " answers in text, not " +
                                                    std::string(modality.string()));
            }
        }
        if (root_["audio"].is_object()) {
            return fail_param("audio", vendor + " gives no audio");
        }
        return {};
    }

    void plan_thinking(bool unsigned_tool_turn) {
        max_tokens_ = request_.max_output.value_or(facts_.max_output);
        const std::string_view given = root_["thinking"]["type"].string();
        is_thinking_ = given == "enabled" || given == "adaptive";
        const std::string_view asked = root_["reasoning_effort"].string();
        const auto* const row = std::ranges::find(kEfforts, asked, &Effort::name);
        if (facts_.thinking == ThinkingForm::none) {
            return;
        }
        if (asked == "none" && given.empty()) {
            thinking_ = R"({"type":"disabled"})";
            return;
        }
        if (row == kEfforts.end()) {
            return;
        }
        if (facts_.thinking == ThinkingForm::adaptive) {
            effort_ = row->effort == "xhigh" && !facts_.xhigh_effort ? "high" : row->effort;
            if (given.empty()) {
                thinking_ = R"({"type":"adaptive"})";
                is_thinking_ = true;
            }
            return;
        }
        // The budget counts within max_tokens.  A limit that the client named is never raised: a
        // quarter of it is kept for the answer, and where no thinking fits the answer comes
        // without.  Nor does the API take thinking in the middle of a turn begun without.
        if (!given.empty() || unsigned_tool_turn) {
            return;
        }
        std::uint64_t budget = row->budget;
        if (request_.max_output) {
            budget = std::min(budget, std::max(kLeastBudget, max_tokens_ / 4 * 3));
        } else if (budget >=
                   max_tokens_) {  // only where the ceiling is not known and our default is low
            max_tokens_ += budget;
        }
        if (budget < max_tokens_) {
            thinking_ = R"({"type":"enabled","budget_tokens":)" + std::to_string(budget) + "}";
            is_thinking_ = true;
        }
    }

    void write_head() {
        if (!carriage_.body_version.empty()) {
            writer_.member("anthropic_version", carriage_.body_version);
        }
        if (carriage_.model_in_body) {
            writer_.member("model", carriage_.model);
        }
        writer_.member_count("max_tokens", max_tokens_);
        if (request_.stream && carriage_.stream_in_body) {
            writer_.key("stream").boolean(true);
        }
    }

    void write_history(const Conversation& history) {
        std::string system = history.system;
        // A client may also write Anthropic's own top-level field.
        append_text(system, root_["system"].string(), {});
        for (const json::Value block : root_["system"]) {
            system += system.empty() ? "" : ",";
            system += block.raw();
        }
        if (!system.empty()) {
            writer_.key("system").begin_array().raw(system).end_array();
        }
        writer_.key("messages").begin_array().raw(history.messages).end_array();
    }

    void write_tools(const Tools& tools) {
        if (!tools.tools.empty()) {
            writer_.key("tools").begin_array().raw(tools.tools).end_array();
        }
        if (!tools.choice.empty()) {
            writer_.member_raw("tool_choice", tools.choice);
        }
    }

    void write_sampling() {
        const std::optional<double> temperature = root_["temperature"].number();
        const std::optional<double> top_p = root_["top_p"].number();
        if (temperature && !is_thinking_) {
            writer_.member_raw("temperature",
                               *temperature > 1.0 ? "1" : root_["temperature"].raw());
        }
        const bool is_clash = is_thinking_ ? top_p.value_or(1.0) < 0.95
                                           : temperature.has_value() && facts_.one_sampling_field;
        if (top_p && !is_clash) {
            writer_.member_raw("top_p", root_["top_p"].raw());
        }
        if (root_["top_k"].is_number() && !is_thinking_) {
            writer_.member_raw("top_k", root_["top_k"].raw());
        }
        write_stop();
    }

    void write_stop() {
        std::string list;
        json::Writer writer(list);
        for (const char* field : {"stop", "stop_sequences"}) {
            const json::Value stop = root_[field];
            add_stop(writer, stop.string());
            for (const json::Value one : stop) {
                add_stop(writer, one.string());
            }
        }
        if (!list.empty()) {
            writer_.key("stop_sequences").begin_array().raw(list).end_array();
        }
    }

    // The API refuses stops of white space alone.
    static void add_stop(json::Writer& writer, std::string_view stop) {
        if (stop.find_first_not_of(" \t\r\n") != std::string_view::npos) {
            writer.string(stop);
        }
    }

    void write_thinking(const Format& format) {
        const json::Value own = root_["thinking"];
        if (own.is_object()) {
            writer_.member_raw("thinking", own.raw());
        } else if (!thinking_.empty()) {
            writer_.member_raw("thinking", thinking_);
        }
        const json::Value config = root_["output_config"];
        const bool has_format = format.output_schema.exists() && !config["format"].exists();
        const bool has_effort = !effort_.empty() && !config["effort"].exists();
        if (!config.is_object() && !has_format && !has_effort) {
            return;
        }
        writer_.key("output_config").begin_object();
        for (const json::Value member : config) {
            writer_.member_raw(member.key(), member.raw());
        }
        if (has_effort) {
            writer_.member("effort", effort_);
        }
        if (has_format) {
            writer_.key("format").begin_object().member("type", "json_schema").key("schema");
            write_output_schema(writer_, format.output_schema);
            writer_.end_object();
        }
        writer_.end_object();
    }

    void write_account() {
        const json::Value own = root_["metadata"]["user_id"];
        const std::string_view user = own.is_string() ? own.string() : root_["user"].string();
        if (is_opaque(user)) {
            writer_.key("metadata").begin_object().member("user_id", user).end_object();
        }
        const std::string_view tier =
            is_left_out("service_tier") ? "" : root_["service_tier"].string();
        if (tier == "auto" || tier == "priority") {
            writer_.member("service_tier", "auto");
        } else if (tier == "default" || tier == "standard" || tier == "standard_only") {
            writer_.member("service_tier", "standard_only");
        }
    }

    bool is_left_out(std::string_view member) const {
        return std::ranges::find(carriage_.left_out, member) != carriage_.left_out.end();
    }

    // Whatever else the client wrote is Anthropic's own, now or tomorrow: it goes as it came.
    void write_rest() {
        for (const json::Value member : root_) {
            const std::string_view key = member.key();
            if (among(kTranslated, key) || among(kDropped, key) || is_left_out(key)) {
                continue;
            }
            writer_.member_raw(key, member.raw());
            const auto* const beta = std::ranges::find(kBetas, key, &Beta::field);
            if (beta != kBetas.end()) {
                body_.betas.push_back(beta->beta);
            }
        }
    }

    const Request& request_;
    const Carriage& carriage_;
    json::Value root_;
    const ModelFacts& facts_;
    Body body_;
    json::Writer writer_;
    std::uint64_t max_tokens_ = 0;
    bool is_thinking_ =
        false;              // the model will think, because of us or of the client's own `thinking`
    std::string thinking_;  // our `thinking` object
    std::string_view effort_;  // our output_config.effort
};

}  // namespace

Result<Body> encode_body(const Request& request, const Carriage& carriage) {
    if (request.operation != Operation::chat) {
        return fail(FailureKind::bad_request,
                    std::string(carriage.vendor) + " takes chat requests only");
    }
    Result<json::Document> document = json::Document::parse(request.body);
    if (!document) {
        document.error().kind = FailureKind::bad_request;
        return std::unexpected(std::move(document.error()));
    }
    return Encoder(request, carriage, document->root()).encode();
}

}  // namespace tollgate::adapters::anthropic
