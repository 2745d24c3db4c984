// Reading and writing OpenAI's request and answer shapes, as far as several translators need the
// same thing. Shapes: https://platform.openai.com/docs/api-reference/chat, …/embeddings (2026-08).
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::adapters::openai_shape {

/// Present and not null: OpenAI's SDKs send null for "not given".
[[nodiscard]] inline bool is_set(json::Value value) noexcept {
    return value.exists() && !value.is_null();
}

/// "messages[3]".
[[nodiscard]] std::string at(std::string_view base, std::size_t index);

/// Content that may only be text: a string, null, or text and refusal parts (joined with line
/// ends). Failures name the part by `where` and say that `vendor` takes no other kind there.
[[nodiscard]] Result<std::string> text_content(json::Value content, const std::string& where,
                                               std::string_view vendor);

/// tool_choice, all its forms.
struct ToolChoice {
    enum class Mode : std::uint8_t { automatic, none, required };
    Mode mode = Mode::automatic;
    bool restricted = false;  ///< only the tools named in `only`
    std::vector<std::string_view> only = {};
    [[nodiscard]] bool allows(std::string_view name) const noexcept;
};
[[nodiscard]] Result<ToolChoice> read_tool_choice(json::Value tool_choice);

/// Checks that every element of `tools` is a function with a name.
[[nodiscard]] Result<void> check_tools(json::Value tools, std::string_view vendor);

/// The stop sequences, a string or an array of strings.
[[nodiscard]] Result<std::vector<std::string_view>> read_stop(json::Value stop);

/// Refuses n > 1 and log probabilities, which `vendor` cannot give.
[[nodiscard]] Result<void> refuse_choices_and_logprobs(json::Value root, std::string_view vendor);

/// A completions prompt that is one text; token arrays and several prompts are refused.
[[nodiscard]] Result<std::string_view> single_prompt(json::Value prompt, std::string_view vendor);

/// The texts of an embeddings `input`; token arrays are refused.
[[nodiscard]] Result<std::vector<std::string_view>> embedding_texts(json::Value input,
                                                                    std::string_view vendor);

/// OpenAI's embeddings answer around arrays of numbers; base64 where the client asked for it.
/// Fails with protocol_error when a vector is not an array of numbers.
[[nodiscard]] Result<std::string> embeddings_answer(const std::vector<json::Value>& vectors,
                                                    const Request& request, std::string_view model,
                                                    const Usage& usage);

/// OpenAI's chat and completions fields: what a translator does not translate of them only tunes or
/// labels.  top_k is not OpenAI's, but everybody sends it.
[[nodiscard]] std::span<const std::string_view> chat_fields() noexcept;

/// Passes on the members of `root` that stand in neither list: a vendor's own fields, and those of
/// tomorrow.
void write_other_fields(json::Writer& writer, json::Value root,
                        std::span<const std::string_view> handled,
                        std::span<const std::string_view> also_handled = {});

/// The path part of a base URL, without a trailing slash and without a version that ends it ("/v1",
/// "/v2", "/api"): native paths bring their own.
[[nodiscard]] std::string_view unversioned_path(std::string_view base_url) noexcept;

/// JSON on one line: line ends can only stand between tokens, where a blank means the same.
[[nodiscard]] std::string one_line(std::string_view json);

}  // namespace tollgate::adapters::openai_shape
