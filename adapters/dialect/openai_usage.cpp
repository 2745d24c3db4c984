#include "adapters/dialect/openai_usage.hpp"

#include "metrics/money.hpp"

#include <algorithm>
#include <span>

namespace tollgate::adapters {
namespace {

// As json::Document's.
constexpr std::size_t kMostDepth = 64;

std::uint64_t less(std::uint64_t total, std::uint64_t part) noexcept {
    return total > part ? total - part : 0;
}

}  // namespace

UsageFields::UsageFields(std::string_view text) noexcept : text_(text) {}

UsageFields::Name UsageFields::name_of(std::string_view text) noexcept {
    const auto* const found = std::ranges::find(kTexts, text);
    return static_cast<Name>(found - kTexts.begin());
}

UsageFields::Group UsageFields::group_of(Name name) noexcept {
    switch (name) {
        case prompt_details:
            return prompt;
        case input_details:
            return input;
        case completion_details:
            return completion;
        case output_details:
            return output;
        case cost:
            return price;
        default:
            return top;
    }
}

json::Fault UsageFields::open(json::Kind kind, std::size_t begin) {
    if (depth_ == 0) {
        is_object_ = kind == json::Kind::object;
    } else if (depth_ == 1) {
        begin_ = static_cast<std::uint32_t>(begin);
        within_ = name_;
        is_nested_ = kind == json::Kind::object;
        name_ = none;
        if (group_of(within_) != top) {
            groups_[group_of(within_)].present = 0;  // of two with that name the last counts
        }
    }
    ++depth_;
    return {};
}

void UsageFields::close(std::size_t end) {
    if (--depth_ == 1) {
        name_ = within_;
        note(top, begin_, end);
        within_ = none;
    }
}

json::Fault UsageFields::key(std::size_t begin, std::size_t end) {
    const bool counts = is_object_ && (depth_ == 1 || (depth_ == 2 && is_nested_));
    if (!counts) {
        return {};
    }
    const std::string_view written = text_.substr(begin + 1, end - begin - 2);
    if (written.find('\\') == std::string_view::npos) {
        name_ = name_of(written);
    } else {
        std::string plain;
        static_cast<void>(json::unescape(written, plain));
        name_ = name_of(plain);
    }
    return {};
}

json::Fault UsageFields::scalar(json::Kind, std::size_t begin, std::size_t end) {
    if (depth_ == 1) {
        if (group_of(name_) != top) {
            groups_[group_of(name_)].present = 0;
        }
        note(top, begin, end);
    } else if (depth_ == 2 && group_of(within_) != top) {
        note(group_of(within_), begin, end);
    }
    return {};
}

void UsageFields::note(Group group, std::size_t begin, std::size_t end) noexcept {
    if (name_ != none) {
        Members& members = groups_[group];
        members.present |= 1U << name_;
        members.ranges[name_] = {.begin = static_cast<std::uint32_t>(begin),
                                 .size = static_cast<std::uint32_t>(end - begin)};
    }
    name_ = none;
}

bool UsageFields::has(Group group, Name name) const noexcept {
    return (groups_[group].present >> name & 1U) != 0;
}

std::string_view UsageFields::raw(Group group, Name name) const noexcept {
    const Range& range = groups_[group].ranges[name];
    return has(group, name) ? text_.substr(range.begin, range.size) : std::string_view();
}

std::uint64_t UsageFields::count(Group group, Name name) const noexcept {
    return json::count_of(raw(group, name));
}

Usage UsageFields::usage() const {
    Usage usage;
    if (!is_object_) {
        return usage;
    }
    const Group prompts = has(top, prompt_details) ? prompt : input;
    const Group completions = has(top, completion_details) ? completion : output;
    const std::uint64_t all_prompt =
        count(top, has(top, prompt_tokens) ? prompt_tokens : input_tokens);
    const std::uint64_t all_completion =
        count(top, has(top, completion_tokens) ? completion_tokens : output_tokens);
    usage.reported = true;
    usage.cache_read = std::max({count(prompts, cached_tokens), count(top, prompt_cache_hit_tokens),
                                 count(top, cached_tokens)});
    usage.cache_read = std::min(usage.cache_read, all_prompt);
    usage.cache_write = count(prompts, cache_write_tokens);
    usage.audio_input = count(prompts, audio_tokens);
    const Group thought = has(completions, reasoning_tokens) ? completions : top;
    usage.reasoning = count(thought, reasoning_tokens);
    usage.citation = count(top, citation_tokens);
    usage.web_searches = count(top, num_search_queries);
    usage.audio_output = count(completions, audio_tokens);
    usage.image_input = count(prompts, image_tokens);
    usage.image_output = count(completions, image_tokens);
    usage.input = less(
        all_prompt, usage.cache_read + usage.cache_write + usage.audio_input + usage.image_input);
    // xAI counts reasoning beside completion_tokens, which the total tells.  Perplexity does as
    // well, outside of the total, and citations likewise (pydantic/genai-prices,
    // providers/perplexity); it is known by its searches.  All others count it inside.
    const bool searched = has(top, num_search_queries) || has(top, citation_tokens);
    const bool beside = usage.reasoning > 0 &&
                        ((searched && thought == top) ||
                         count(top, total_tokens) == all_prompt + all_completion + usage.reasoning);
    usage.output = less(all_completion,
                        usage.audio_output + usage.image_output + (beside ? 0 : usage.reasoning));
    // What the call cost, in US dollars: OpenRouter's is a number, Perplexity's an object.
    const std::string_view own = raw(top, cost);
    const std::string_view dollars = own.starts_with('{') ? raw(price, total_cost) : own;
    if (!dollars.empty()) {  // other texts than numbers cannot be read either
        usage.vendor_cost = metrics::parse_rounded(dollars, metrics::kPicoDigits).value_or(-1);
    }
    return usage;
}

Usage read_usage(std::string_view object) {
    UsageFields fields(object);
    std::span<const std::uint32_t> tokens;
    json::Fault fault = json::index_tokens(object, tokens);
    if (!fault) {
        fault = json::Walker<UsageFields>(object, tokens, kMostDepth, fields).run();
    }
    if (!fault) {
        fault = json::check_escapes(object);
    }
    return fault ? Usage() : fields.usage();
}

}  // namespace tollgate::adapters
