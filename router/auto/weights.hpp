// The linear model: what each feature says for each task and difficulty.
#pragma once

#include "router/auto/features.hpp"
#include "router/auto/task.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tollgate::router {

/// Columns of the model: the tasks that words tell, then the difficulties.
inline constexpr std::size_t kColumns = kTextTasks + kDifficulties;
using Scores = std::array<float, kColumns>;

/// The file is a WeightsHead, kShapes rows of kColumns floats, and `buckets` WordRows; little
/// endian, as this machine is.
struct WeightsHead {
    std::array<char, 8> magic = {'T', 'G', 'W', 'E', 'I', 'G', 'H', '1'};
    std::uint32_t buckets = 0;  ///< a power of two
    std::uint32_t shapes = kShapes;
    std::array<float, kColumns> scale{};  ///< what a step of a WordRow's weight is worth
    std::array<std::uint32_t, 2> unused{};
};
static_assert(sizeof(WeightsHead) == 80);

/// One n-gram.  A bucket belongs to a single hash, so that words that were never seen say nothing.
struct WordRow {
    std::array<std::int8_t, kColumns> weight{};
    std::uint16_t check = 0;  ///< the hash's upper half
};
static_assert(sizeof(WordRow) == 16);

/// A view of such a file.
class Weights {
public:
    /// `bytes` outlive this and are aligned to 16.  Empty, or of another form: every score is 0.
    explicit Weights(std::span<const unsigned char> bytes) noexcept;
    /// The weights that the binary brings.
    [[nodiscard]] static const Weights& built_in() noexcept;

    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    /// The sum of the weights of all features; those of words count as the root of their number.
    [[nodiscard]] Scores score(const Features& features) const noexcept;

private:
    const WeightsHead* head_ = nullptr;
    std::span<const std::array<float, kColumns>> shapes_;
    std::span<const WordRow> rows_;
};

/// The most buckets a file may have.
inline constexpr std::size_t kMostBuckets = std::size_t{1} << 17U;

}  // namespace tollgate::router
