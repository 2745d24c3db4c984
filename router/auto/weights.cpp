#include "router/auto/weights.hpp"

#include <bit>
#include <bitset>
#include <cmath>

// NOLINTNEXTLINE: there is no other way to include bytes before C++26's #embed
asm(".section .rodata,\"a\",@progbits\n"
    ".balign 64\n"
    "tollgate_classifier: .incbin \"" TOLLGATE_CLASSIFIER
    "\"\n"
    "tollgate_classifier_end: .byte 0\n"
    ".global tollgate_classifier, tollgate_classifier_end\n"
    ".text\n");

extern "C" {
extern const unsigned char tollgate_classifier;
extern const unsigned char tollgate_classifier_end;
}

namespace tollgate::router {

const Weights& Weights::built_in() noexcept {
    static const Weights weights({&tollgate_classifier, &tollgate_classifier_end});
    return weights;
}

Weights::Weights(std::span<const unsigned char> bytes) noexcept {
    static_assert(std::endian::native == std::endian::little);
    if (bytes.size() < sizeof(WeightsHead)) {
        return;
    }
    const auto* const head = reinterpret_cast<const WeightsHead*>(bytes.data());
    const std::size_t shapes = sizeof(std::array<float, kColumns>) * kShapes;
    if (head->magic != WeightsHead().magic || head->shapes != kShapes ||
        !std::has_single_bit(head->buckets) || head->buckets > kMostBuckets ||
        bytes.size() != sizeof(WeightsHead) + shapes + head->buckets * sizeof(WordRow)) {
        return;
    }
    head_ = head;
    const unsigned char* at = bytes.data() + sizeof(WeightsHead);
    shapes_ = {reinterpret_cast<const std::array<float, kColumns>*>(at), kShapes};
    rows_ = {reinterpret_cast<const WordRow*>(at + shapes), head->buckets};
}

Scores Weights::score(const Features& features) const noexcept {
    Scores out{};
    if (empty()) {
        return out;
    }
    for (std::size_t i = 0; i < features.shape_count; ++i) {
        for (std::size_t c = 0; c < kColumns; ++c) {
            out[c] += shapes_[features.shapes[i]][c];
        }
    }
    std::bitset<kMostBuckets> seen;
    std::array<std::int32_t, kColumns> sums{};
    std::size_t known = 0;
    const std::size_t mask = rows_.size() - 1;
    constexpr std::size_t kAhead = 12;  // rows on their way from memory
    for (std::size_t i = 0; i < features.word_count; ++i) {
        if (i + kAhead < features.word_count) {
            __builtin_prefetch(&rows_[features.words[i + kAhead] & mask]);
        }
        const std::uint32_t hash = features.words[i];
        const std::size_t bucket = hash & mask;
        const WordRow& row = rows_[bucket];
        if (row.check != hash >> 16U || seen.test(bucket)) {
            continue;
        }
        seen.set(bucket);
        ++known;
        for (std::size_t c = 0; c < kColumns; ++c) {
            sums[c] += row.weight[c];
        }
    }
    const float each = known == 0 ? 0 : 1 / std::sqrt(static_cast<float>(known));
    for (std::size_t c = 0; c < kColumns; ++c) {
        out[c] += static_cast<float>(sums[c]) * head_->scale[c] * each;
    }
    return out;
}

}  // namespace tollgate::router
