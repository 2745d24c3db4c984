// An OpenAI chat or completions request as the body of generateContent.
#include "adapters/dialect/gemini.hpp"
#include "adapters/dialect/gemini_extras.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tollgate::adapters::gemini {
namespace {

using json::Value;
using openai_shape::is_set;

constexpr std::string_view kVendor = "Gemini";

struct Spelling {
    std::string_view snake;
    std::string_view camel;
};

struct Effort {
    std::string_view word;
    int budget;               ///< LiteLLM's convention, which clients have come to expect
    std::string_view level;   ///< thinkingLevel of a model with all four levels
    std::string_view coarse;  ///< … of a model with LOW and HIGH only
};
constexpr std::array<Effort, 7> kEfforts{{
    {"none", 0, "MINIMAL", "LOW"},
    {"minimal", 1024, "MINIMAL", "LOW"},
    {"low", 1024, "LOW", "LOW"},
    {"medium", 2048, "MEDIUM", "HIGH"},
    {"high", 4096, "HIGH", "HIGH"},
    {"xhigh", 8192, "HIGH", "HIGH"},
    {"max", 16384, "HIGH", "HIGH"},
}};

/// generationConfig, member by member.
class ConfigWriter {
public:
    ConfigWriter(json::Writer& writer, Value root, const Extras& extras, const ModelTraits& traits)
        : writer_(writer), root_(root), extras_(extras), traits_(traits) {}

    Result<void> write(std::optional<std::uint64_t> max_output) {
        using Step = Result<void> (ConfigWriter::*)();
        constexpr std::array<Step, 6> kSteps{
            &ConfigWriter::write_numbers,    &ConfigWriter::write_stop,
            &ConfigWriter::write_choices,    &ConfigWriter::write_format,
            &ConfigWriter::write_modalities, &ConfigWriter::write_thinking};
        writer_.key("generationConfig").begin_object();
        if (max_output && free("maxOutputTokens")) {
            writer_.member_count("maxOutputTokens", *max_output);
        }
        for (const Step step : kSteps) {
            if (auto done = (this->*step)(); !done) {
                return done;
            }
        }
        extras_.write_config(writer_);
        writer_.end_object();
        return {};
    }

private:
    /// False where the client set Google's own field: that one wins.
    [[nodiscard]] bool free(std::string_view name) const { return !extras_.has_config(name); }

    Result<void> write_numbers() {
        constexpr std::array<Spelling, 6> kNumbers{{{"temperature", "temperature"},
                                                    {"top_p", "topP"},
                                                    {"top_k", "topK"},
                                                    {"seed", "seed"},
                                                    {"presence_penalty", "presencePenalty"},
                                                    {"frequency_penalty", "frequencyPenalty"}}};
        for (const Spelling& name : kNumbers) {
            const Value value = root_[name.snake];
            if (!is_set(value) || !free(name.camel)) {
                continue;
            }
            if (!value.is_number()) {
                return fail_param(name.snake, "must be a number");
            }
            writer_.member_raw(name.camel, value.raw());
        }
        return {};
    }

    Result<void> write_stop() {
        constexpr std::size_t kMostStops = 5;
        Result<std::vector<std::string_view>> sequences = openai_shape::read_stop(root_["stop"]);
        if (!sequences) {
            return std::unexpected(std::move(sequences.error()));
        }
        std::erase(*sequences, std::string_view{});
        if (sequences->empty() || !free("stopSequences")) {
            return {};
        }
        if (sequences->size() > kMostStops) {
            return fail_param("stop", "Gemini takes at most 5 stop sequences");
        }
        writer_.key("stopSequences").begin_array();
        for (const std::string_view one : *sequences) {
            writer_.string(one);
        }
        writer_.end_array();
        return {};
    }

    Result<void> write_choices() {
        constexpr std::int64_t kMostChoices = 8;
        const Value n = root_["n"];
        if (is_set(n)) {
            const std::optional<std::int64_t> count = n.integer();
            if (!count || *count < 1 || *count > kMostChoices) {
                return fail_param("n", "must be a number from 1 to 8 for Gemini");
            }
            if (*count > 1 && free("candidateCount")) {
                writer_.key("candidateCount").integer(*count);
            }
        }
        // Google's token probabilities come without the byte values and places that OpenAI's shape
        // promises.
        const Value logprobs = root_["logprobs"];
        if (logprobs.boolean() || logprobs.is_number() || root_["top_logprobs"].count() != 0) {
            return fail_param("logprobs",
                              "log probabilities are not available from Gemini models here");
        }
        return {};
    }

    Result<void> write_format() {
        const Value format = root_["response_format"];
        const std::string_view type = format["type"].string();
        if (!is_set(format) || type == "text" || !free("responseMimeType")) {
            return {};
        }
        if (type != "json_object" && type != "json_schema") {
            return fail_param("response_format.type", "must be text, json_object or json_schema");
        }
        if (!traits_.json_with_tools && has_functions(root_)) {
            return fail_param(
                "response_format",
                "this Gemini model does not take a response format together with tools; leave one "
                "out, or use Gemini 3 or later");
        }
        writer_.member("responseMimeType", "application/json");
        const Value schema = format["json_schema"]["schema"];
        if (type == "json_object" || !schema.is_object()) {
            return {};
        }
        if (traits_.json_schema) {
            writer_.member_raw("responseJsonSchema", schema.raw());
        } else {
            writer_.member_raw("responseSchema", clean_schema(schema));
        }
        return {};
    }

    Result<void> write_modalities() {
        const Value modalities = root_["modalities"];
        if (modalities.size() == 0 || !free("responseModalities")) {
            return {};
        }
        bool wants_audio = false;
        std::vector<std::string_view> names;
        std::size_t i = 0;
        for (const Value one : modalities) {
            const std::string_view word = one.string();
            if (word != "text" && word != "image" && word != "audio") {
                return fail_param("modalities[" + std::to_string(i) + "]",
                                  "must be text, image or audio");
            }
            wants_audio = wants_audio || word == "audio";
            names.push_back(word == "text" ? "TEXT" : word == "image" ? "IMAGE" : "AUDIO");
            ++i;
        }
        if (wants_audio) {  // speech models refuse TEXT beside AUDIO, which OpenAI's clients always
                            // send
            std::erase(names, std::string_view("TEXT"));
        }
        writer_.key("responseModalities").begin_array();
        for (const std::string_view name : names) {
            writer_.string(name);
        }
        writer_.end_array();
        return wants_audio ? write_speech() : Result<void>{};
    }

    Result<void> write_speech() {
        const Value audio = root_["audio"];
        const std::string_view format = audio["format"].string("pcm16");
        if (format != "pcm16") {
            return fail_param("audio.format", "Gemini answers with pcm16 only");
        }
        const std::string_view voice = audio["voice"].string();
        if (!voice.empty() && free("speechConfig")) {
            writer_.key("speechConfig").begin_object().key("voiceConfig").begin_object();
            writer_.key("prebuiltVoiceConfig")
                .begin_object()
                .member("voiceName", voice)
                .end_object();
            writer_.end_object().end_object();
        }
        return {};
    }

    Result<void> write_thinking() {
        const Value wanted = root_["reasoning_effort"];
        if (!is_set(wanted) || !free("thinkingConfig")) {
            return {};
        }
        const auto* effort = std::ranges::find(kEfforts, wanted.string(), &Effort::word);
        if (effort == kEfforts.end()) {
            return fail_param("reasoning_effort",
                              "must be none, minimal, low, medium, high, xhigh or max");
        }
        if (traits_.thinking == Thinking::none) {
            return {};  // the model does not think, or has no switch for it
        }
        const bool is_off = effort->word == "none";
        writer_.key("thinkingConfig").begin_object();
        writer_.key("includeThoughts").boolean(!is_off);
        if (traits_.thinking == Thinking::level) {
            writer_.member("thinkingLevel", traits_.fine_levels ? effort->level : effort->coarse);
        } else {
            const int off = traits_.can_stop_thinking ? 0 : traits_.min_budget;
            const int budget =
                is_off ? off : std::clamp(effort->budget, traits_.min_budget, traits_.max_budget);
            writer_.key("thinkingBudget").integer(budget);
        }
        writer_.end_object();
        return {};
    }

    json::Writer& writer_;
    Value root_;
    const Extras& extras_;
    const ModelTraits& traits_;
};

/// The prompt of the legacy completions shape as one user turn.
Result<Conversation> read_prompt(Value root) {
    const Result<std::string_view> prompt = openai_shape::single_prompt(root["prompt"], kVendor);
    if (!prompt) {
        return std::unexpected(prompt.error());
    }
    if (root["echo"].boolean() || is_set(root["suffix"])) {
        return fail_param(root["echo"].boolean() ? "echo" : "suffix", "Gemini has nothing like it");
    }
    Conversation conversation;
    Turn& turn = conversation.turn(Turn::Role::user);
    turn.has_text = !prompt->empty();
    if (turn.has_text) {
        std::string part;
        json::Writer(part).begin_object().member("text", *prompt).end_object();
        turn.parts.push_back({.json = std::move(part)});
    }
    return conversation;
}

}  // namespace

Result<std::string> encode_generate(const Request& request, std::string_view model,
                                    Surface surface) {
    const Result<json::Document> document = json::Document::parse(request.body);
    if (!document) {
        return fail(FailureKind::bad_request, document.error().detail);
    }
    const Value root = document->root();
    const ModelTraits traits = model_traits(model);
    Result<Conversation> conversation = request.operation == Operation::completions
                                            ? read_prompt(root)
                                            : read_messages(root["messages"], traits, surface);
    if (!conversation) {
        return std::unexpected(std::move(conversation.error()));
    }
    const Extras extras(root);
    std::string body;
    body.reserve(request.body.size() + 256);
    json::Writer writer(body);
    writer.begin_object();
    write_conversation(writer, std::move(*conversation));
    if (request.operation == Operation::chat) {
        if (auto done = write_tools(writer, root, traits); !done) {
            return std::unexpected(std::move(done.error()));
        }
    }
    if (auto done = ConfigWriter(writer, root, extras, traits).write(request.max_output); !done) {
        return std::unexpected(std::move(done.error()));
    }
    const std::string_view tier = root["service_tier"].string();
    if (surface == Surface::gemini_api && (tier == "flex" || tier == "priority")) {
        writer.member("serviceTier", tier);
    }
    extras.write_top(writer);
    writer.end_object();
    return body;
}

}  // namespace tollgate::adapters::gemini
