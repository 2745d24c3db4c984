// Counters out of a `usage` object of OpenAI's shape, in one walk and without a tree: every answer
// has one.
#pragma once

#include "adapters/codec/json_walk.hpp"
#include "adapters/event.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::adapters {

/// Receives the walk over a usage object, by itself or as part of a larger one.
class UsageFields {
public:
    /// `text`: what the walk's offsets count in.
    explicit UsageFields(std::string_view text) noexcept;

    json::Fault open(json::Kind kind, std::size_t begin);
    void close(std::size_t end);
    json::Fault key(std::size_t begin, std::size_t end);
    json::Fault scalar(json::Kind kind, std::size_t begin, std::size_t end);

    /// What the walk has found; not reported when it was no object.
    [[nodiscard]] Usage usage() const;

private:
    /// The members that count, by the object that they stand in.
    enum Name : std::uint8_t {
        prompt_tokens,
        input_tokens,
        completion_tokens,
        output_tokens,
        total_tokens,
        prompt_cache_hit_tokens,  // DeepSeek
        cached_tokens,            // Moonshot, older; and in the details
        cost,                     // OpenRouter
        prompt_details,
        input_details,
        completion_details,
        output_details,
        cache_write_tokens,
        audio_tokens,
        image_tokens,
        reasoning_tokens,
        total_cost,          // Perplexity, within cost
        citation_tokens,     // Perplexity
        num_search_queries,  // Perplexity
        kNames,
        none = kNames,
    };
    static constexpr std::array<std::string_view, kNames> kTexts{"prompt_tokens",
                                                                 "input_tokens",
                                                                 "completion_tokens",
                                                                 "output_tokens",
                                                                 "total_tokens",
                                                                 "prompt_cache_hit_tokens",
                                                                 "cached_tokens",
                                                                 "cost",
                                                                 "prompt_tokens_details",
                                                                 "input_tokens_details",
                                                                 "completion_tokens_details",
                                                                 "output_tokens_details",
                                                                 "cache_write_tokens",
                                                                 "audio_tokens",
                                                                 "image_tokens",
                                                                 "reasoning_tokens",
                                                                 "total_cost",
                                                                 "citation_tokens",
                                                                 "num_search_queries"};
    struct Range {
        std::uint32_t begin;
        std::uint32_t size;
    };
    // What stands in the usage itself, then what stands in each of its objects.
    enum Group : std::uint8_t { top, prompt, input, completion, output, price, kGroups };
    struct Members {
        std::uint32_t present = 0;         // bit i: ranges[i] is set
        std::array<Range, kNames> ranges;  // not cleared: present says
    };

    [[nodiscard]] static Name name_of(std::string_view text) noexcept;
    [[nodiscard]] static Group group_of(Name name) noexcept;
    void note(Group group, std::size_t begin, std::size_t end) noexcept;
    [[nodiscard]] bool has(Group group, Name name) const noexcept;
    [[nodiscard]] std::string_view raw(Group group, Name name) const noexcept;
    [[nodiscard]] std::uint64_t count(Group group, Name name) const noexcept;

    std::string_view text_;
    std::array<Members, kGroups> groups_;
    std::uint32_t depth_ = 0;
    std::uint32_t begin_ = 0;
    Name name_ = none;        // of the member whose value comes next
    Name within_ = none;      // of the member of the usage that is being walked
    bool is_object_ = false;  // the whole of it
    bool is_nested_ = false;  // the member is an object, not a list
};

/// The usage in one object; not reported where it is none, or not valid.
[[nodiscard]] Usage read_usage(std::string_view object);

}  // namespace tollgate::adapters
