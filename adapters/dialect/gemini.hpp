// Google's generateContent protocol, in the pieces that the Gemini API and Vertex AI share.
// Facts: https://ai.google.dev/api/generate-content,
// https://ai.google.dev/gemini-api/docs/thinking,
// https://ai.google.dev/gemini-api/docs/thought-signatures and Google's python-genai types
// (2026-08).
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"
#include "adapters/dialect/call_id.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::adapters::gemini {

/// Which service speaks the protocol: they differ in what they fetch, in function-call ids and in a
/// few fields.
enum class Surface : std::uint8_t { gemini_api, vertex };

/// How a model family is told to think.
enum class Thinking : std::uint8_t { none, budget, level };

/// What differs between models, read from the name.  Unknown names get the most widely accepted
/// forms.
struct ModelTraits {
    unsigned generation = 0;  ///< version times ten (25 for 2.5); 0: the name does not say
    bool json_schema =
        false;                ///< takes real JSON Schema (parametersJsonSchema, responseJsonSchema)
    bool signatures = false;  ///< refuses a history whose function calls carry no thoughtSignature
    bool json_with_tools = false;  ///< takes a response format together with functions
    Thinking thinking = Thinking::none;
    int min_budget = 0;  ///< smallest thinkingBudget other than "off"
    int max_budget = 0;
    bool can_stop_thinking = false;  ///< thinkingBudget 0 is accepted
    bool fine_levels = false;        ///< thinkingLevel knows MINIMAL and MEDIUM (Flash models)
};
[[nodiscard]] ModelTraits model_traits(std::string_view model) noexcept;

// ---- requests
// -------------------------------------------------------------------------------------------------

/// The body of generateContent for a chat or completions request.
[[nodiscard]] Result<std::string> encode_generate(const Request& request, std::string_view model,
                                                  Surface surface);

/// One `contents` entry.  Function results are a user turn of their own: Gemini 3 refuses them
/// mixed with other parts.
struct Turn {
    enum class Role : std::uint8_t { user, model, tool };
    struct Part {
        std::string json = {};
        std::size_t order = 0;  ///< tool turns: the place of the answered call in the history
    };
    Role role = Role::user;
    std::vector<Part> parts = {};
    bool has_text = false;
};

/// A chat history in Google's terms.
struct Conversation {
    std::vector<std::string> system;  ///< texts of systemInstruction.parts
    std::vector<Turn> turns;
    [[nodiscard]] Turn& turn(
        Turn::Role role);  ///< the last turn when it has that role, else a new one
};
[[nodiscard]] Result<Conversation> read_messages(json::Value messages, const ModelTraits& traits,
                                                 Surface surface);
/// Writes `contents` and `systemInstruction` as members of the open object.
void write_conversation(json::Writer& writer, Conversation&& conversation);

/// A content part that is not text (image_url, video_url, input_audio, file) as one Gemini part.
/// `where` is the path of the part, e.g. "messages[0].content[1]".
[[nodiscard]] Result<std::string> media_part(json::Value part, std::string_view where,
                                             Surface surface);

/// Writes `tools` and `toolConfig` (tools, functions, tool_choice, function_call,
/// web_search_options).
[[nodiscard]] Result<void> write_tools(json::Writer& writer, json::Value root,
                                       const ModelTraits& traits);
/// True when the request defines at least one function.
[[nodiscard]] bool has_functions(json::Value root) noexcept;

/// A JSON Schema reduced to the subset that `parameters` and `responseSchema` take (OpenAPI 3.0
/// flavour).
[[nodiscard]] std::string clean_schema(json::Value schema);

/// The bytes of a JSON value without the white space between its tokens.
[[nodiscard]] std::string compact(std::string_view json);

// ---- answers
// --------------------------------------------------------------------------------------------------

[[nodiscard]] std::unique_ptr<Decoder> decoder(Delivery delivery);

/// OpenAI url_citation annotations (a JSON array) for a candidate's groundingMetadata; "[]" when
/// there are none. `text` is the candidate's whole visible text: Google counts bytes, OpenAI
/// characters.
[[nodiscard]] std::string annotations(json::Value grounding, std::string_view text);

/// Google's error envelope, bare or array-wrapped.  Anything else goes to classify_common().
[[nodiscard]] Failure classify(const ResponseInfo& head, std::string_view body);

// ---- addresses
// ------------------------------------------------------------------------------------------------

/// The base URL's path with `version` behind it, unless it ends in a version of its own
/// ("…/v1beta"); an Endpoint::api_version of the form "v…" stands in for `version`.
[[nodiscard]] std::string versioned_path(const Endpoint& endpoint, std::string_view version);

}  // namespace tollgate::adapters::gemini
