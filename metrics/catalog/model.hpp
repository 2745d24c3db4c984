// One model of the catalog.
#pragma once

#include "metrics/catalog/rate.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace tollgate::catalog {

enum class Type : std::uint8_t {
    chat,
    completion,
    embedding,
    rerank,
    stt,
    tts,
    realtime,
    image,
    video,
    ocr,
    moderation,
    search
};
[[nodiscard]] std::string_view to_string(Type type) noexcept;

enum class Currency : std::uint8_t { usd, cny, eur };
inline constexpr std::size_t kCurrencies = 3;
[[nodiscard]] std::string_view to_string(Currency currency) noexcept;
[[nodiscard]] std::optional<Currency> currency_named(std::string_view name) noexcept;

/// What a model can do.
enum class Can : std::uint8_t {
    tools,
    parallel_tools,
    stream_tools,
    tool_choice,
    structured_output,
    json_mode,
    reasoning,
    vision,
    audio_input,
    audio_output,
    video_input,
    pdf_input,
    image_output,
    prompt_cache,
    web_search,
    computer_use,
    prefill,
    system,
    streaming,
    embedding,
    rerank,
    temperature,
};
inline constexpr std::size_t kCans = static_cast<std::size_t>(Can::temperature) + 1;
[[nodiscard]] std::string_view to_string(Can can) noexcept;

/// A set of capabilities.
class Cans {
public:
    constexpr void add(Can can) noexcept { bits_ |= 1U << static_cast<unsigned>(can); }
    [[nodiscard]] constexpr bool has(Can can) const noexcept {
        return (bits_ >> static_cast<unsigned>(can) & 1U) != 0;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }

private:
    std::uint32_t bits_ = 0;
};

/// What is said of a price besides its figures.
enum class Mark : std::uint8_t {
    none,
    free,       ///< known to cost nothing
    zero,       ///< the source says 0, which may mean that nothing was published: not billed
    suspect,    ///< a typing error in the source: not billed
    converted,  ///< another's rendering of a price in another currency
};

struct Tier {
    std::uint64_t above = 0;  ///< prompt tokens
    std::span<const Rate> rates;
};

/// One price list of a model.
struct Price {
    Currency currency = Currency::usd;
    Mark mark = Mark::none;
    std::int32_t from_day = std::numeric_limits<std::int32_t>::min();  ///< since 1970-01-01, UTC
    std::uint16_t tod_begin = 0;  ///< minutes of the UTC day, [begin, end); equal: all day
    std::uint16_t tod_end = 0;
    std::string_view region;  ///< empty: where nothing else is said
    std::span<const Rate> rates;
    std::span<const Tier> tiers;  ///< ascending
};

/// Rates of a service tier that replace the price list's.
struct Service {
    std::string_view name;  ///< "batch", "flex", "priority", "fast"
    std::span<const Rate> rates;
};
struct Factor {
    std::string_view name;  ///< "eu", "us", "fast"
    Amount factor = 0;
};
struct ImagePrice {
    std::string_view name;  ///< "quality/size" or "size"
    Amount usd = 0;
};

/// Views point into the text of the Vendor that holds the model.  Numbers are 0 where they are not
/// known.
struct Model {
    std::string_view id;    ///< what the vendor's API takes
    std::string_view name;  ///< for people; empty: the id
    Type type = Type::chat;
    std::uint64_t context = 0;
    std::uint64_t max_input = 0;
    std::uint64_t max_output = 0;
    std::string_view input;   ///< modalities: t text, i image, a audio, v video, p pdf; empty: not
                              ///< known
    std::string_view output;  ///< likewise
    Cans can;                 ///< stated to be there
    Cans cannot;              ///< stated to be absent; in neither: not known
    std::uint32_t dimensions = 0;
    std::uint32_t max_batch = 0;
    std::uint32_t cache_min = 0;
    std::uint32_t min_seconds = 0;  ///< of audio, billed at least
    bool deprecated = false;
    bool beta = false;
    std::string_view until;    ///< day of the shut-down, "2026-10-01"
    std::string_view aliases;  ///< comma separated
    std::span<const Price> prices;
    std::span<const Service> services;
    std::span<const Factor> factors;
    std::span<const ImagePrice> images;
};

}  // namespace tollgate::catalog
