// What a price can be for: the keys of price lists, the counter that each is multiplied with, and
// which of them are parts of others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tollgate::catalog {

/// Rate keys.  From the general to the special: whatever is a part of another stands behind it.
enum class Key : std::uint8_t {
    input,
    output,
    cache_read,
    cache_write,
    cache_write_1h,
    reasoning,
    citation,
    input_audio,
    output_audio,
    input_image,
    output_image,
    input_video,
    output_video,
    cache_read_audio,
    cache_write_audio,
    cache_read_image,
    request,
    web_search,
    web_search_low,
    web_search_medium,
    web_search_high,
    file_search,
    social_search,
    code_execution,
    rerank_search,
    page,
    annotated_page,
    text_message,
    input_chars,
    output_chars,
    audio_hour,
    input_audio_hour,
    output_audio_hour,
    input_video_second,
    output_video_second,
    input_image_each,
    output_image_each,
};
inline constexpr std::size_t kKeys = static_cast<std::size_t>(Key::output_image_each) + 1;

/// A set of keys, one bit each.
using KeySet = std::uint64_t;
[[nodiscard]] constexpr KeySet bit(Key key) noexcept {
    return KeySet{1} << static_cast<unsigned>(key);
}

struct KeyFacts {
    std::string_view name;   ///< in catalogs and configurations
    std::string_view usage;  ///< the counter
    std::uint32_t per = 1;   ///< how many of them one rate is for
    KeySet within = 0;       ///< the keys whose counters contain this one
};

namespace detail {
inline constexpr std::uint32_t kMillion = 1'000'000;
inline constexpr KeySet kIn = bit(Key::input);
inline constexpr KeySet kOut = bit(Key::output);
}  // namespace detail

inline constexpr std::array<KeyFacts, kKeys> kKeyFacts{{
    {"input", "input_tokens", detail::kMillion, 0},
    {"output", "output_tokens", detail::kMillion, 0},
    {"cache_read", "cache_read_tokens", detail::kMillion, detail::kIn},
    {"cache_write", "cache_write_tokens", detail::kMillion, detail::kIn},
    {"cache_write_1h", "cache_write_1h_tokens", detail::kMillion,
     detail::kIn | bit(Key::cache_write)},
    {"reasoning", "output_reasoning_tokens", detail::kMillion, detail::kOut},
    {"citation", "output_citation_tokens", detail::kMillion, detail::kOut},
    {"input_audio", "input_audio_tokens", detail::kMillion, detail::kIn},
    {"output_audio", "output_audio_tokens", detail::kMillion, detail::kOut},
    {"input_image", "input_image_tokens", detail::kMillion, detail::kIn},
    {"output_image", "output_image_tokens", detail::kMillion, detail::kOut},
    {"input_video", "input_video_tokens", detail::kMillion, detail::kIn},
    {"output_video", "output_video_tokens", detail::kMillion, detail::kOut},
    {"cache_read_audio", "cache_audio_read_tokens", detail::kMillion,
     detail::kIn | bit(Key::cache_read) | bit(Key::input_audio)},
    {"cache_write_audio", "cache_audio_write_tokens", detail::kMillion,
     detail::kIn | bit(Key::cache_write) | bit(Key::input_audio)},
    {"cache_read_image", "cache_image_read_tokens", detail::kMillion,
     detail::kIn | bit(Key::cache_read) | bit(Key::input_image)},
    {"request", "requests", 1, 0},
    {"web_search", "web_searches", 1, 0},
    {"web_search_low", "web_searches_low", 1, 0},
    {"web_search_medium", "web_searches_medium", 1, 0},
    {"web_search_high", "web_searches_high", 1, 0},
    {"file_search", "storage_searches", 1, 0},
    {"social_search", "social_searches", 1, 0},
    {"code_execution", "code_executions", 1, 0},
    {"rerank_search", "rerank_searches", 1, 0},
    {"page", "input_document_pages", 1, 0},
    {"annotated_page", "input_annotated_document_pages", 1, bit(Key::page)},
    {"text_message", "input_text_messages", 1, 0},
    {"input_chars", "input_characters", detail::kMillion, 0},
    {"output_chars", "output_characters", detail::kMillion, 0},
    {"audio_hour", "audio_seconds", 3600, 0},
    {"input_audio_hour", "input_audio_seconds", 3600, bit(Key::audio_hour)},
    {"output_audio_hour", "output_audio_seconds", 3600, bit(Key::audio_hour)},
    {"input_video_second", "input_video_seconds", 1, 0},
    {"output_video_second", "output_video_seconds", 1, 0},
    {"input_image_each", "input_images", 1, 0},
    {"output_image_each", "output_images", 1, 0},
}};

[[nodiscard]] constexpr const KeyFacts& facts(Key key) noexcept {
    return kKeyFacts[static_cast<std::size_t>(key)];
}
[[nodiscard]] constexpr std::optional<Key> key_named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kKeys; ++i) {
        if (kKeyFacts[i].name == name) {
            return static_cast<Key>(i);
        }
    }
    return std::nullopt;
}

/// Amounts of money in a price list: whole multiples of 10^-13 of the currency's unit, up to
/// 922,337.  The finest price that is known has thirteen decimals.
using Amount = std::int64_t;
inline constexpr unsigned kAmountDigits = 13;

struct Rate {
    Key key = Key::input;
    Amount amount = 0;
};

}  // namespace tollgate::catalog
