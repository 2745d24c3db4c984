// One file of the journal: records that one thread appends through a shared mapping, and that
// outlive the process from the moment append() returns, because the pages belong to the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tollgate::ledger {

inline constexpr std::string_view kSegmentSuffix = ".journal";

/// A system call that failed.
struct Trouble {
    std::string_view what;  ///< "create a journal segment"
    int error = 0;          ///< errno
};
[[nodiscard]] std::string to_string(const Trouble& trouble);

/// Where a reader stands in a segment.
struct Cursor {
    std::size_t offset = 0;      ///< 0: before the header
    std::uint64_t sequence = 0;  ///< of the next record
};
enum class Read : std::uint8_t {
    record,
    nothing,  ///< no further record yet; for a segment that nobody writes: the end
    sealed,   ///< there will be none
    damaged,  ///< bytes that are no record; nothing behind them can be found
};
/// The next record of a segment's bytes.  Safe beside a thread that appends to them.
[[nodiscard]] Read read_record(std::span<const char> bytes, Cursor& cursor,
                               std::string_view& payload) noexcept;
/// The id in a segment's header; 0: these bytes are no segment.
[[nodiscard]] std::uint64_t segment_id(std::span<const char> bytes) noexcept;

class Segment {
public:
    /// A new file of that size, its blocks allocated, its pages present: what the disk refuses is
    /// refused here, not by a signal at some later store.  `id` is not 0 and never used twice.
    [[nodiscard]] static std::expected<std::shared_ptr<Segment>, Trouble> create(
        const std::string& directory, std::uint64_t id, std::size_t size);
    ~Segment();
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    // ---- the one writer ----

    /// False: no room.  No system call, no allocation.
    [[nodiscard]] bool append(std::string_view payload) noexcept;
    /// Nothing more will be appended.
    void seal() noexcept;

    // ---- any thread ----

    [[nodiscard]] std::span<const char> bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Has the kernel write it to the disk.
    [[nodiscard]] bool sync() const noexcept;

private:
    Segment() = default;

    std::uint64_t id_ = 0;
    std::string path_;
    int fd_ = -1;  // holds the lock that keeps other processes from importing it
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t used_ = 0;        // the writer's
    std::uint64_t sequence_ = 0;  // the writer's
};

}  // namespace tollgate::ledger
