// What the model families behind Converse take.  Facts: the "supported models and features" table
// of Bedrock's user guide and the makers' own pages (2026-08).
#include "adapters/dialect/anthropic_facts.hpp"
#include "adapters/dialect/bedrock.hpp"

#include <array>

namespace tollgate::adapters::bedrock {
namespace {

constexpr std::string_view kClaude = "claude-";

constexpr ModelTraits embedding(std::string_view prefix, EmbeddingBody body) {
    return {.prefix = prefix, .embedding = body};
}

// Neither forces a tool nor caches.
constexpr ModelTraits basic(std::string_view prefix) {
    return {.prefix = prefix, .forced_tool = false, .cache_points = false};
}

// The first row that fits wins, so the more exact prefix stands first.
constexpr std::array kModels{
    ModelTraits{.prefix = "claude-v2", .anthropic_fields = true},  // Bedrock's own name for 2.x
    ModelTraits{.prefix = kClaude, .anthropic_fields = true},
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

// What Anthropic's own API takes is what its models take here.
ModelTraits with_facts(ModelTraits row, const anthropic::ModelFacts& facts) {
    using enum anthropic::ThinkingForm;
    row.thinking = facts.thinking == budget     ? Thinking::budget
                   : facts.thinking == adaptive ? Thinking::adaptive
                                                : Thinking::none;
    row.xhigh = facts.xhigh_effort;
    row.one_sampler = facts.one_sampling_field;
    row.output_format = facts.json_schema;
    return row;
}

}  // namespace

ModelTraits model_traits(std::string_view model) noexcept {
    // An ARN ends in ".../<id>"; an id is [region.]provider.name.
    model.remove_prefix(model.rfind('/') + 1);
    for (const ModelTraits& row : kModels) {
        for (std::string_view rest = model;;) {
            if (rest.starts_with(row.prefix)) {
                return row.prefix == kClaude ? with_facts(row, anthropic::facts_of(rest)) : row;
            }
            const std::size_t dot = rest.find('.');
            if (dot == std::string_view::npos) {
                break;
            }
            rest.remove_prefix(dot + 1);
        }
    }
    return {};
}

ModelTraits model_traits(const Target& target) noexcept {
    const ModelTraits named = model_traits(target.model);
    return named.prefix.empty() ? model_traits(target.endpoint->upstream_model(target.model))
                                : named;
}

}  // namespace tollgate::adapters::bedrock
