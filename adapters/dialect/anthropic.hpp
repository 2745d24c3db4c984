// Anthropic's Messages protocol, in the pieces that its own API and the platforms that host Claude
// share. Facts: https://docs.anthropic.com/en/api/messages, …/messages-streaming, …/errors, and
// Anthropic's Python SDK (2026-08).
#pragma once

#include "adapters/codec/json.hpp"
#include "adapters/dialect.hpp"
#include "adapters/dialect/anthropic_facts.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::adapters::anthropic {

/// The forced tool that stands in for structured output; its input becomes the answer's text.
/// Clients cannot use the name, so the decoder knows it by that alone.
inline constexpr std::string_view kJsonTool = "tollgate_json_output";

// ---- requests
// -------------------------------------------------------------------------------------------------

/// Where the body goes: platforms move some of its members elsewhere.
struct Carriage {
    std::string_view vendor;    ///< named in refusals
    std::string_view model;     ///< the id as the platform knows it
    bool model_in_body = true;  ///< false: the platform's path names it
    bool stream_in_body = true;
    std::string_view body_version =
        {};  ///< `anthropic_version` in the body, where there is no such header
    std::span<const std::string_view> left_out =
        {};  ///< members that Anthropic takes and the platform refuses
};

struct Body {
    std::string json;
    std::vector<std::string_view>
        betas;  ///< what the body needs in `anthropic-beta`; static storage
};

/// The Messages body for a chat request.
[[nodiscard]] Result<Body> encode_body(const Request& request, const Carriage& carriage);

/// A chat history in Anthropic's terms.
struct Conversation {
    std::string system;      ///< text blocks, comma-separated, without the array's brackets
    std::string messages;    ///< messages, likewise
    bool has_tools = false;  ///< tool_use or tool_result occurs: `tools` must exist
    bool unsigned_tool_turn =
        false;               ///< the last assistant turn calls tools without its signed thinking
    bool has_files = false;  ///< a block refers to an uploaded file
};
[[nodiscard]] Result<Conversation> read_messages(json::Value messages, std::string_view vendor);

/// A content part of a user or tool message as one block, appended to the comma-separated `blocks`
/// (nothing for blank text).  `where` is the path of the part; `cache_control` is raw JSON, used
/// where the part has none of its own.
[[nodiscard]] Result<void> append_part(std::string& blocks, json::Value part,
                                       std::string_view where, std::string_view cache_control,
                                       std::string_view vendor);
/// A text block; nothing for blank text, which the API refuses.
void append_text(std::string& blocks, std::string_view text, std::string_view cache_control);

/// What response_format asks for.
struct Format {
    json::Value output_schema = {};  ///< for output_config.format
    bool is_tool = false;            ///< kJsonTool stands in,
    json::Value tool_schema = {};    ///< with this schema; missing: any object
};
[[nodiscard]] Result<Format> read_format(json::Value response_format, const ModelFacts& facts);

struct Tools {
    std::string tools;   ///< definitions, comma-separated, without the array's brackets
    std::string choice;  ///< JSON of tool_choice; empty: absent
};
[[nodiscard]] Result<Tools> read_tools(json::Value root, const Format& format,
                                       bool has_tool_history, bool is_thinking,
                                       std::string_view vendor);

/// A JSON Schema as output_config.format takes it: objects are closed, and keywords that are not
/// supported are told to the model in `description` instead.
void write_output_schema(json::Writer& writer, json::Value schema);

// ---- answers
// --------------------------------------------------------------------------------------------------

/// Reads one stream event after another.  Platforms that frame events otherwise than in SSE feed it
/// themselves.
class EventReader {
public:
    [[nodiscard]] Result<void> read(std::string_view event, EventSink& sink);
    /// The whole answer of a request without stream.
    [[nodiscard]] Result<void> read_whole(std::string_view body, EventSink& sink);
    [[nodiscard]] bool is_complete() const noexcept { return is_complete_; }

private:
    enum class BlockKind : std::uint8_t { other, text, thinking, tool, json };
    struct Block {
        BlockKind kind = BlockKind::other;
        unsigned tool = 0;       ///< index of the tool call
        bool has_input = false;  ///< argument bytes were passed on
        std::string input;       ///< of content_block_start, for when no bytes follow
        std::string thinking;
        std::string signature;
        std::string citations;  ///< raw, comma-separated
        std::size_t begin = 0;  ///< of a text block, in characters of the answer
    };

    [[nodiscard]] Result<void> message_delta(json::Value event, EventSink& sink);
    [[nodiscard]] Result<void> block_delta(json::Value event, EventSink& sink);
    [[nodiscard]] Result<void> open_block(std::uint64_t index, json::Value block, EventSink& sink);
    void close_block(Block& block, EventSink& sink);
    void start(json::Value message, EventSink& sink);
    void stop(json::Value holder, EventSink& sink);
    void add_usage(json::Value usage, EventSink& sink);
    void say(std::string_view text, EventSink& sink);
    void think(Block& block, std::string_view piece, EventSink& sink);

    std::map<std::uint64_t, Block>
        open_;  ///< the API never overlaps blocks; those who imitate it may
    Usage usage_;
    std::uint64_t output_total_ = 0;
    std::uint64_t cache_write_total_ = 0;
    std::size_t characters_ = 0;  ///< of text so far; annotations count them
    unsigned tools_ = 0;          ///< the client's tool calls so far
    bool is_complete_ = false;
};

[[nodiscard]] std::unique_ptr<Decoder> decoder(Delivery delivery);

/// A non-2xx answer, or an `error` object inside a 2xx one.
[[nodiscard]] Failure classify(const ResponseInfo& head, std::string_view body);

}  // namespace tollgate::adapters::anthropic
