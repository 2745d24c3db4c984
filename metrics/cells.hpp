// Building blocks of a shard: counters with one writer and any number of readers, without locks or
// locked instructions.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace tollgate::metrics {

/// A number that one thread writes and others may read at any time.  Load plus store instead of
/// fetch_add: with a single writer nothing can be lost, and no locked instruction is needed.  A
/// gauge may wrap below zero in between; only the sum over shards, taken as signed, has a meaning.
class Cell {
public:
    void add(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t read() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Owns a T that the writer makes once and readers may find from then on; never moved or replaced.
template <class T>
class Published {
public:
    Published() = default;
    Published(const Published&) = delete;
    Published& operator=(const Published&) = delete;
    ~Published() { delete value_.load(std::memory_order_relaxed); }

    /// Any thread; null: not made yet.
    [[nodiscard]] const T* find() const noexcept { return value_.load(std::memory_order_acquire); }
    /// The writer only; makes it from `arguments` at first use.
    template <class... Arguments>
    [[nodiscard]] T& get(Arguments&&... arguments) {
        if (T* made = value_.load(std::memory_order_relaxed)) [[likely]] {
            return *made;
        }
        auto fresh = std::make_unique<T>(std::forward<Arguments>(arguments)...);
        T& result = *fresh;
        value_.store(fresh.release(), std::memory_order_release);
        return result;
    }

private:
    std::atomic<T*> value_{nullptr};
};

/// Numbered elements, made at first use in two steps (chunk, element); memory follows what is used.
template <class T, std::size_t Capacity, std::size_t PerChunk>
class SparseTable {
    static_assert(Capacity % PerChunk == 0);
    using Chunk = std::array<Published<T>, PerChunk>;

public:
    /// The writer only; `index` must be below Capacity.
    template <class... Arguments>
    [[nodiscard]] T& get(std::size_t index, Arguments&&... arguments) {
        Chunk& chunk = chunks_[index / PerChunk].get();
        return chunk[index % PerChunk].get(std::forward<Arguments>(arguments)...);
    }
    /// Any thread: visit(index, const T&) for everything made so far, in order.
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t c = 0; c < chunks_.size(); ++c) {
            const Chunk* chunk = chunks_[c].find();
            if (chunk == nullptr) {
                continue;
            }
            for (std::size_t i = 0; i < PerChunk; ++i) {
                if (const T* element = (*chunk)[i].find()) {
                    visit(c * PerChunk + i, *element);
                }
            }
        }
    }

private:
    std::array<Published<Chunk>, Capacity / PerChunk> chunks_;
};

/// Bucket counts and a sum, in nanoseconds.  The number of observations is the sum of the buckets,
/// so that a reader can never see a count that contradicts them.
class HistogramCells {
public:
    explicit HistogramCells(std::size_t bounds)
        : buckets_(bounds + 1), cells_(std::make_unique<Cell[]>(bounds + 2)) {}

    /// `bounds` are the ascending upper limits, inclusive; the same for every call.
    void observe(std::span<const std::uint64_t> bounds, std::uint64_t nanoseconds) noexcept {
        std::size_t bucket = 0;
        while (bucket < bounds.size() && nanoseconds > bounds[bucket]) {
            ++bucket;
        }
        cells_[bucket].add(1);
        cells_[buckets_].add(nanoseconds);
    }
    /// Not cumulative; the last one is +Inf.
    [[nodiscard]] std::span<const Cell> buckets() const noexcept {
        return {cells_.get(), buckets_};
    }
    [[nodiscard]] std::uint64_t sum() const noexcept { return cells_[buckets_].read(); }

private:
    std::size_t buckets_;
    std::unique_ptr<Cell[]> cells_;
};

/// Counters by a key that is not 0, for label pairs of which only few occur.  When it is full,
/// further keys are counted together under key 0.
class KeyedCells {
public:
    /// The writer only.
    void add(std::uint64_t key) noexcept {
        if (slots_ == nullptr) {
            slots_ = &owned_.get();
        }
        std::size_t at = static_cast<std::size_t>((key * 0x9e3779b97f4a7c15U) >> 32U) % kSlots;
        for (std::size_t tried = 0; tried < kSlots; ++tried, at = (at + 1) % kSlots) {
            Slot& slot = (*slots_)[at];
            const std::uint64_t known = slot.key.load(std::memory_order_relaxed);
            if (known == 0) {
                slot.count.add(1);
                slot.key.store(key, std::memory_order_release);
                return;
            }
            if (known == key) {
                slot.count.add(1);
                return;
            }
        }
        overflow_.add(1);
    }
    /// Any thread: visit(key, count).
    template <class Visit>
    void for_each(Visit visit) const {
        if (const Slots* const slots = owned_.find()) {
            for (const Slot& slot : *slots) {
                if (const std::uint64_t key = slot.key.load(std::memory_order_acquire); key != 0) {
                    visit(key, slot.count.read());
                }
            }
        }
        if (const std::uint64_t rest = overflow_.read(); rest != 0) {
            visit(std::uint64_t{0}, rest);
        }
    }

private:
    static constexpr std::size_t kSlots = 1024;
    struct Slot {
        std::atomic<std::uint64_t> key{0};
        Cell count;
    };
    using Slots = std::array<Slot, kSlots>;
    Published<Slots> owned_;
    Slots* slots_ = nullptr;  // the writer's own view of it
    Cell overflow_;
};

}  // namespace tollgate::metrics
