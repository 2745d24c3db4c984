// Moves the journal into the SQLite file: every record exactly once, whatever dies when.
//
// How: a transaction inserts records and notes how far into their segment it went; a segment's file
// goes when all of it is in, and the note goes after the file.  So at every moment the file, the
// note, or both say what is still to do.
#pragma once

#include "metrics/ledger/figures.hpp"
#include "metrics/ledger/journal.hpp"
#include "metrics/ledger/store.hpp"
#include "metrics/log.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::ledger {

/// Written by the importer's thread, read by any.
struct ImportStatus {
    std::atomic<std::uint64_t> rows{0};           ///< imported by this process
    std::atomic<std::uint64_t> backlog_bytes{0};  ///< of journal not imported, whole files counted
    std::atomic<std::uint64_t> own_rows{0};       ///< those that workers of this process wrote
    std::atomic<std::uint64_t> lag_ms{0};         ///< age of the oldest request not imported
    std::atomic<bool> is_failing{false};          ///< the last try to import failed
    std::array<std::atomic<std::uint64_t>, kProblemNames.size()> problems{};
};

struct ImporterOptions {
    std::string path = {};  ///< of the SQLite file
    Durability durability = Durability::machine;
    std::uint64_t max_backlog = std::uint64_t{1} << 30;
    std::int64_t retention_s = 0;         ///< 0: for ever
    std::int64_t hourly_retention_s = 0;  ///< 0: for ever
    /// Called between the steps of an import; for tests, which end the process there.
    std::function<void()> between_steps = nullptr;
};

/// One thread.
class Importer {
public:
    /// `logger` may be null.
    Importer(Journal& journal, ImporterOptions options, metrics::Logger* logger);

    /// One round: makes segments for the workers, imports a bounded part of what is there, syncs,
    /// deletes what is old.  `now_us`: microseconds since 1970.  True: there is more to do at once.
    bool tick(std::int64_t now_us);
    /// All that is written is imported.
    [[nodiscard]] bool is_done() const noexcept { return waiting_.empty(); }
    [[nodiscard]] const ImportStatus& status() const noexcept { return status_; }

private:
    /// A segment on its way: one that a worker of this process writes, or a file that was found.
    struct Waiting {
        std::uint64_t id = 0;
        std::string path;
        std::uint64_t size = 0;
        std::shared_ptr<Segment> live;  // null: found
        std::shared_ptr<int> lock;      // of a found one: keeps other processes away
        std::vector<char> bytes;        // of a found one, while it is imported
        Cursor cursor;
        bool is_synced = false;
        bool is_own = false;     // of this process
        bool is_placed = false;  // the cursor has been moved to where the ledger is
        bool is_ended = false;
        bool is_damaged = false;
    };
    void supply(std::int64_t now_us);
    void find_files(std::int64_t now_us);
    void find_file(const std::string& path);
    [[nodiscard]] sqlite::Result<bool> import();
    [[nodiscard]] sqlite::Result<std::size_t> import_some(Waiting& waiting, std::size_t most);
    [[nodiscard]] sqlite::Result<void> place(Waiting& waiting);
    [[nodiscard]] sqlite::Result<void> remove_ended();
    [[nodiscard]] bool ensure_store();
    void failed(const sqlite::Error& error, std::int64_t now_us);
    void move_aside();
    void sync();
    void sync_and_prune(std::int64_t now_us);
    void measure(std::int64_t now_us);
    void let_go();
    void report(Problem problem, std::string_view detail);
    void step() const {
        if (options_.between_steps) {
            options_.between_steps();
        }
    }

    Journal& journal_;
    ImporterOptions options_;
    metrics::Logger* logger_;
    ImportStatus status_;
    std::optional<Store> store_;
    std::uint64_t store_inode_ = 0;
    std::deque<Waiting> waiting_;
    Entry entry_;
    std::array<bool, kProblemNames.size()> told_{};  // logged, and not over yet
    std::int64_t next_supply_us_ = 0;                // after trouble
    std::int64_t next_try_us_ = 0;
    std::int64_t next_scan_us_ = 0;
    std::int64_t next_sync_us_ = 0;
    std::int64_t next_prune_us_ = 0;
};

}  // namespace tollgate::ledger
