// How often limits refused a request, by key: a table of fixed size, counted by all workers.
#pragma once

#include "metrics/vocabulary.hpp"
#include "router/limits/lease.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tollgate::router {

inline constexpr std::size_t kLimitKinds = 4;

/// By the numbers of keys in metrics (metrics::LabelIds::key).
class LimitRejections {
public:
    void count(std::uint16_t label, LimitKind kind) noexcept {
        counts_[label < metrics::kMaxKeys ? label : 0][static_cast<std::size_t>(kind)].fetch_add(
            1, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t read(std::size_t label, std::size_t kind) const noexcept {
        return counts_[label][kind].load(std::memory_order_relaxed);
    }

private:
    std::array<std::array<std::atomic<std::uint64_t>, kLimitKinds>, metrics::kMaxKeys> counts_{};
};

}  // namespace tollgate::router
