// What one answer used: the unit of everything that is counted, billed and budgeted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::metrics {

/// The tier of a vendor's service that answered, as far as it changes the price.
enum class Service : std::uint8_t { standard, batch, flex, priority, fast };
[[nodiscard]] constexpr std::string_view to_string(Service service) noexcept {
    constexpr std::array<std::string_view, 5> kNames{"", "batch", "flex", "priority", "fast"};
    return kNames[static_cast<std::size_t>(service)];
}
[[nodiscard]] constexpr Service service_named(std::string_view name) noexcept {
    for (const Service service :
         {Service::batch, Service::flex, Service::priority, Service::fast}) {
        if (to_string(service) == name) {
            return service;
        }
    }
    return Service::standard;
}

/// Counters of one answer, disjoint: each token is counted in exactly one of them.  What vendors
/// report as totals with parts inside is taken apart where it is read, in one function per dialect;
/// metrics/price.hpp makes totals of it again, because prices are written for totals.
struct Usage {
    std::uint64_t input = 0;           ///< fresh prompt tokens: text, and what no counter below has
    std::uint64_t cache_read = 0;      ///< prompt tokens served from the vendor's cache
    std::uint64_t cache_write = 0;     ///< written to it, with the 5-minute or default lifetime
    std::uint64_t cache_write_1h = 0;  ///< the same, one-hour lifetime
    std::uint64_t output = 0;          ///< visible completion tokens
    std::uint64_t reasoning = 0;       ///< completion tokens spent thinking
    std::uint64_t audio_input = 0;     ///< fresh
    std::uint64_t audio_output = 0;
    bool reported = false;  ///< the vendor said so; false: nothing was reported
    Service service = Service::standard;
    bool estimated = false;  ///< counted here, because the vendor did not say
    std::uint64_t audio_cache_read = 0;
    std::uint64_t image_input = 0;  ///< fresh
    std::uint64_t image_output = 0;
    std::uint64_t image_cache_read = 0;
    std::uint64_t video_input = 0;
    std::uint64_t citation = 0;  ///< completion tokens spent on citations

    // Not tokens.
    std::uint64_t web_searches = 0;
    std::uint64_t rerank_searches = 0;
    std::uint64_t input_characters = 0;
    std::uint64_t output_characters = 0;
    std::uint64_t input_audio_seconds = 0;
    std::uint64_t output_audio_seconds = 0;
    std::uint64_t input_images = 0;
    std::uint64_t output_images = 0;
    std::uint64_t pages = 0;

    /// What the vendor says the call cost, in pico-dollars (metrics/money.hpp); negative: it does
    /// not say.
    std::int64_t vendor_cost = -1;

    [[nodiscard]] constexpr std::uint64_t prompt_total() const noexcept {
        return input + cache_read + cache_write + cache_write_1h + audio_input + audio_cache_read +
               image_input + image_cache_read + video_input;
    }
    [[nodiscard]] constexpr std::uint64_t completion_total() const noexcept {
        return output + reasoning + audio_output + image_output + citation;
    }
    [[nodiscard]] constexpr std::uint64_t tokens() const noexcept {
        return prompt_total() + completion_total();
    }
    /// All tokens written to the cache.
    [[nodiscard]] constexpr std::uint64_t cache_write_total() const noexcept {
        return cache_write + cache_write_1h;
    }
    /// All tokens served from the cache, of every modality.
    [[nodiscard]] constexpr std::uint64_t cache_read_total() const noexcept {
        return cache_read + audio_cache_read + image_cache_read;
    }
    [[nodiscard]] bool operator==(const Usage&) const = default;
};

}  // namespace tollgate::metrics
