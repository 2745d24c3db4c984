// What the model families behind Converse take.  Facts:
// https://docs.aws.amazon.com/bedrock/latest/userguide/
// conversation-inference-supported-models-features.html and the vendors' own pages (2026-08).
#include "adapters/dialect/bedrock.hpp"

#include <array>

namespace tollgate::adapters::bedrock {
namespace {

constexpr ModelTraits claude(std::string_view prefix, Thinking thinking) {
    return {.prefix = prefix, .thinking = thinking, .anthropic_fields = true};
}

// From 4.5 on: one sampler only, and real structured output.
constexpr ModelTraits newer_claude(std::string_view prefix, Thinking thinking, bool xhigh = false) {
    ModelTraits traits = claude(prefix, thinking);
    traits.one_sampler = true;
    traits.output_format = true;
    traits.xhigh = xhigh;
    return traits;
}

constexpr ModelTraits one_sampler(ModelTraits traits) {
    traits.one_sampler = true;
    return traits;
}

constexpr ModelTraits embedding(std::string_view prefix, EmbeddingBody body) {
    return {.prefix = prefix, .embedding = body};
}

// Neither forces a tool nor caches.
constexpr ModelTraits basic(std::string_view prefix) {
    return {.prefix = prefix, .forced_tool = false, .cache_points = false};
}

// The first row that fits wins, so the more exact prefix stands first.
constexpr std::array kModels{
    claude("claude-3-7", Thinking::budget),
    claude("claude-3", Thinking::none),
    claude("claude-v2", Thinking::none),
    claude("claude-instant", Thinking::none),
    claude("claude-sonnet-4-20", Thinking::budget),
    claude("claude-opus-4-20", Thinking::budget),
    one_sampler(claude("claude-opus-4-1", Thinking::budget)),
    newer_claude("claude-sonnet-4-5", Thinking::budget),
    newer_claude("claude-haiku-4-5", Thinking::budget),
    newer_claude("claude-opus-4-5", Thinking::budget),
    newer_claude("claude-sonnet-4-6", Thinking::adaptive),
    newer_claude("claude-opus-4-6", Thinking::adaptive),
    newer_claude("claude-", Thinking::adaptive, true),
    ModelTraits{.prefix = "nova-2-multimodal-embeddings", .embedding = EmbeddingBody::nova},
    ModelTraits{.prefix = "nova-2-", .thinking = Thinking::nova, .nested_top_k = true},
    ModelTraits{.prefix = "nova-", .forced_tool = false, .nested_top_k = true},
    ModelTraits{.prefix = "gpt-", .thinking = Thinking::effort, .cache_points = false},
    basic("llama"),
    basic("deepseek.r1"),
    basic("mistral-7b"),
    basic("mixtral-"),
    basic("mistral-small-2402"),
    ModelTraits{.prefix = "voxtral-", .cache_points = false, .audio = true},
    ModelTraits{.prefix = "mistral.", .cache_points = false},
    ModelTraits{.prefix = "deepseek.", .cache_points = false},
    ModelTraits{.prefix = "qwen.", .cache_points = false},
    embedding("titan-embed-text-v2", EmbeddingBody::titan_v2),
    embedding("titan-embed-image", EmbeddingBody::titan_image),
    embedding("titan-embed-", EmbeddingBody::titan_v1),
    basic("titan-"),
    embedding("cohere.embed-v4", EmbeddingBody::cohere_v4),
    embedding("cohere.embed-", EmbeddingBody::cohere_v3),
};

constexpr ModelTraits kUnknown{};

}  // namespace

const ModelTraits& model_traits(std::string_view model) noexcept {
    // An ARN ends in ".../<id>"; an id is [region.]provider.name.
    model.remove_prefix(model.rfind('/') + 1);
    for (const ModelTraits& row : kModels) {
        for (std::string_view rest = model;;) {
            if (rest.starts_with(row.prefix)) {
                return row;
            }
            const std::size_t dot = rest.find('.');
            if (dot == std::string_view::npos) {
                break;
            }
            rest.remove_prefix(dot + 1);
        }
    }
    return kUnknown;
}

const ModelTraits& model_traits(const Target& target) noexcept {
    const ModelTraits& named = model_traits(target.model);
    return named.prefix.empty() ? model_traits(target.endpoint->upstream_model(target.model))
                                : named;
}

}  // namespace tollgate::adapters::bedrock
