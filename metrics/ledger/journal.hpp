// The journal: what workers append to and the importer reads.  A worker takes a lock once per
// segment, and never waits for the disk unless the importer has fallen behind with making segments.
#pragma once

#include "metrics/ledger/entry.hpp"
#include "metrics/ledger/segment.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::ledger {

struct JournalOptions {
    std::string directory = {};
    std::size_t smallest_segment = 256 * 1024;
    std::size_t largest_segment = 8 * 1024 * 1024;
    /// Entries that one worker keeps in memory while no segment can be made.
    std::size_t kept_bytes = 1024 * 1024;
};

class Journal;

/// One worker's end of the journal.
class alignas(64) Lane {
public:
    Lane(Journal& journal, std::size_t first_size) : journal_(journal), size_(first_size) {}

    // ---- the worker ----

    /// Never fails towards the caller: what cannot be written is kept in memory, up to a limit, and
    /// counted as lost beyond it.
    void append(const Entry& entry) noexcept;
    /// False while entries could not be written.
    [[nodiscard]] bool is_open() const noexcept { return open_.load(std::memory_order_relaxed); }

    // ---- any thread ----

    /// Entries that are in the journal, or kept in memory for it.
    [[nodiscard]] std::uint64_t appended() const noexcept {
        return appended_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t lost() const noexcept {
        return lost_.load(std::memory_order_relaxed);
    }

private:
    friend class Journal;
    [[nodiscard]] bool next_segment() noexcept;
    [[nodiscard]] bool keep(std::string_view payload) noexcept;

    Journal& journal_;
    std::shared_ptr<Segment> current_;  // the worker's
    EntryBuffer buffer_;                // the worker's
    std::atomic<std::uint64_t> appended_{0};
    std::atomic<std::uint64_t> lost_{0};
    std::atomic<bool> open_{true};
    std::mutex mutex_;  // for what follows
    std::shared_ptr<Segment> spare_;
    std::vector<std::shared_ptr<Segment>> started_;  // the importer has not seen them yet
    std::vector<std::string> kept_;
    std::size_t kept_bytes_ = 0;
    std::size_t size_;            // of the next segment
    unsigned used_segments_ = 0;  // since the last supply()
};

class Journal {
public:
    Journal(JournalOptions options, std::size_t lanes);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    [[nodiscard]] Lane& lane(std::size_t index) noexcept { return *lanes_[index]; }
    [[nodiscard]] const std::vector<std::unique_ptr<Lane>>& lanes() const noexcept {
        return lanes_;
    }
    [[nodiscard]] const std::string& directory() const noexcept { return options_.directory; }

    // ---- the importer ----

    /// Whether segments may be made; no: the backlog is at its limit.
    void allow(bool allowed) noexcept { allowed_.store(allowed, std::memory_order_relaxed); }
    /// Makes the directory, a spare segment for each worker that has none, and writes what was kept
    /// in memory.  Returns the first trouble; then the journal is closed until a later call
    /// succeeds.
    [[nodiscard]] std::optional<Trouble> supply();
    /// Segments that workers have begun since the last call.
    [[nodiscard]] std::vector<std::shared_ptr<Segment>> take_started();
    /// After the workers' end: writes what was kept, and seals everything.
    void close();

private:
    friend class Lane;
    [[nodiscard]] std::expected<std::shared_ptr<Segment>, Trouble> make(std::size_t size);
    [[nodiscard]] std::optional<Trouble> supply(Lane& lane);
    [[nodiscard]] std::optional<Trouble> write_kept(Lane& lane);

    JournalOptions options_;
    std::atomic<bool> allowed_{true};
    std::atomic<bool> working_{true};  // the last attempt to make a segment succeeded
    std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace tollgate::ledger
