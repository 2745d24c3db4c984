// Amazon Bedrock's Converse protocol and the embedding bodies of InvokeModel, in the pieces that
// make up the dialect. Facts:
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
// API_runtime_ConverseStream.html, AWS's public service model of bedrock-runtime (2026-08).
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::adapters::bedrock {

/// The runtime endpoint of a region, for when none is configured:
/// "https://bedrock-runtime.{region}.amazonaws.com".
[[nodiscard]] std::string default_base_url(std::string_view region);

/// How a model family is told to think.
enum class Thinking : std::uint8_t {
    none,      ///< it cannot, or does so unasked
    budget,    ///< thinking {type: enabled, budget_tokens}
    adaptive,  ///< thinking {type: adaptive} and output_config.effort
    nova,      ///< reasoningConfig {type: enabled, maxReasoningEffort}
    effort,    ///< reasoning_effort, as in OpenAI's own API
};

/// How a model takes text to embed.
enum class EmbeddingBody : std::uint8_t {
    none,
    titan_v1,
    titan_v2,
    titan_image,
    nova,
    cohere_v3,
    cohere_v4
};

/// What differs between the models that Converse unifies.  The defaults are for ids that tell
/// nothing, such as the ARN of an application inference profile.
struct ModelTraits {
    std::string_view prefix =
        {};  ///< of the id behind the region and the provider; empty: unknown model
    Thinking thinking = Thinking::none;
    bool anthropic_fields =
        false;                 ///< additionalModelRequestFields are members of Anthropic's own API
    bool xhigh = false;        ///< takes the effort "xhigh"
    bool one_sampler = false;  ///< refuses temperature together with top_p
    bool output_format = false;  ///< takes outputConfig.textFormat
    bool forced_tool = true;     ///< takes toolChoice any and tool
    bool cache_points = true;
    bool nested_top_k = false;  ///< top_k goes to additionalModelRequestFields.inferenceConfig.topK
    bool audio = false;         ///< takes audio blocks
    EmbeddingBody embedding = EmbeddingBody::none;
};
/// By id, inference profile id or ARN.
[[nodiscard]] ModelTraits model_traits(std::string_view model) noexcept;
/// The traits of the name that the client's side knows, else of what the deployment map makes of
/// it.
[[nodiscard]] ModelTraits model_traits(const Target& target) noexcept;

// ---- requests
// -------------------------------------------------------------------------------------------------

/// The forced tool that stands in for structured output; its arguments become the answer's text.
/// Clients cannot use it.
inline constexpr std::string_view kJsonTool = "tollgate_json_output";

/// Cache points left to spend: a request may have four.
struct CacheBudget {
    unsigned left = 4;
};
/// Writes a cachePoint block when `marked` carries cache_control and the model and the budget allow
/// one.
void write_cache_point(json::Writer& writer, json::Value marked, const ModelTraits& traits,
                       CacheBudget& budget);

/// A chat history in Converse's terms.
struct Conversation {
    std::string messages;    ///< JSON array
    std::string system;      ///< blocks, comma-separated, without the array's brackets
    bool has_tools = false;  ///< toolUse or toolResult occurs: toolConfig must exist
    bool unsigned_tool_turn =
        false;  ///< the last assistant turn calls tools without its signed reasoning
};
[[nodiscard]] Result<Conversation> read_messages(json::Value messages, const ModelTraits& traits,
                                                 CacheBudget& budget);

/// A content part that is neither text nor reasoning (image_url, file, video_url, input_audio) as
/// one block. `where` is the path of the part, e.g. "messages[0].content[1]"; `documents` are the
/// names given so far.
[[nodiscard]] Result<std::string> media_block(json::Value part, std::string_view where,
                                              const ModelTraits& traits,
                                              std::vector<std::string>& documents);

/// Structured output as one of three things, at most one of them set.
struct Format {
    std::string output_config = {};  ///< JSON value of outputConfig
    std::string tool_schema = {};    ///< JSON schema of kJsonTool
    std::string instruction = {};    ///< text to append to the system prompt
};
/// `can_force`: a tool may be forced on this model in this request.
[[nodiscard]] Result<Format> read_format(json::Value response_format, const ModelTraits& traits,
                                         bool can_force);

/// The value of toolConfig, or nothing where there is none.
struct Tools {
    std::string config = {};
    std::string anthropic_choice =
        {};  ///< tool_choice for additionalModelRequestFields instead of toolChoice
};
[[nodiscard]] Result<Tools> read_tools(json::Value root, const Conversation& conversation,
                                       const Format& format, bool is_thinking,
                                       const ModelTraits& traits, CacheBudget& budget);

/// How the model is told to think, and what follows from it for the rest of the body.
struct Reasoning {
    std::vector<std::pair<std::string, std::string>> fields =
        {};                    ///< of additionalModelRequestFields
    bool is_on = false;        ///< Anthropic's thinking: no samplers, no forced tool
    bool no_samplers = false;  ///< Nova at its highest effort takes none either
    std::optional<std::uint64_t> max_tokens = {};
};
/// From reasoning_effort, or from what the client says in the model's own words (`thinking`).
[[nodiscard]] Result<Reasoning> read_reasoning(json::Value root,
                                               std::optional<std::uint64_t> max_tokens,
                                               const ModelTraits& traits, bool unsigned_tool_turn);

/// A flat object of strings.
[[nodiscard]] std::string object_of(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members);

/// The body of Converse and ConverseStream.
[[nodiscard]] Result<std::string> encode_converse(const Request& request,
                                                  const ModelTraits& traits);

// ---- answers
// --------------------------------------------------------------------------------------------------

[[nodiscard]] std::unique_ptr<Decoder> whole_decoder();
[[nodiscard]] std::unique_ptr<Decoder> stream_decoder();

/// A non-2xx answer.
[[nodiscard]] Failure classify(const ResponseInfo& head, std::string_view body);
/// An exception by its name ("ThrottlingException", "throttlingException", with namespace or
/// suffix) and message. `status`: the HTTP status, 0 where there was none (inside a stream).
[[nodiscard]] Failure failure_of(std::string_view exception, std::string_view message,
                                 unsigned status);

// ---- embeddings
// -----------------------------------------------------------------------------------------------

[[nodiscard]] Result<std::string> encode_embeddings(const Request& request, const Target& target);
/// `usage` comes in with what the caller knows and leaves with what the answer reports, where it
/// does.
[[nodiscard]] Result<std::string> decode_embeddings(std::string_view body, const Request& request,
                                                    const Target& target, Usage& usage);

}  // namespace tollgate::adapters::bedrock
