#include "metrics/ledger/importer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tollgate::ledger {
namespace {

using sqlite::Result;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kRetryEvery = kSecond;
constexpr std::int64_t kScanEvery = 30 * kSecond;
constexpr std::int64_t kSyncEvery = kSecond;
constexpr std::int64_t kPruneEvery = 60 * kSecond;
constexpr std::size_t kBatch = 5000;                  // records of one transaction
constexpr std::size_t kMostFound = 256;               // files that are looked at in one scan
constexpr std::size_t kMostBytes = 64 * 1024 * 1024;  // of a file that can be a segment

std::uint64_t inode_of(const std::string& path) noexcept {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 ? about.st_ino : 0;
}

bool read_file(const std::string& path, std::vector<char>& bytes) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    std::size_t used = 0;
    for (ssize_t got = 1; got > 0 && used < kMostBytes;) {
        bytes.resize(used + 1024 * 1024);
        got = ::read(fd, bytes.data() + used, bytes.size() - used);
        used += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    bytes.resize(used);
    ::close(fd);
    return true;
}

std::shared_ptr<int> locked(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return nullptr;
    }
    std::shared_ptr<int> lock(new int(fd), [](int* held) {
        ::close(*held);
        delete held;
    });
    return ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? lock : nullptr;
}

Problem problem_of(sqlite::Kind kind) noexcept {
    switch (kind) {
        case sqlite::Kind::locked:
            return Problem::locked;
        case sqlite::Kind::full:
            return Problem::full;
        case sqlite::Kind::read_only:
            return Problem::read_only;
        case sqlite::Kind::corrupt:
            return Problem::corrupt;
        case sqlite::Kind::io:
        case sqlite::Kind::other:
            break;
    }
    return Problem::io;
}

}  // namespace

Importer::Importer(Journal& journal, ImporterOptions options, metrics::Logger* logger)
    : journal_(journal), options_(std::move(options)), logger_(logger) {}

bool Importer::tick(std::int64_t now_us) {
    supply(now_us);
    for (std::shared_ptr<Segment>& segment : journal_.take_started()) {
        Waiting waiting;
        waiting.id = segment->id();
        waiting.path = segment->path();
        waiting.size = segment->bytes().size();
        waiting.live = std::move(segment);
        waiting.is_own = true;
        waiting_.push_back(std::move(waiting));
    }
    find_files(now_us);
    bool more = false;
    if (now_us >= next_try_us_ && ensure_store()) {
        const Result<bool> imported = import();
        if (imported) {
            more = *imported;
            status_.is_failing.store(false, std::memory_order_relaxed);
            for (std::size_t i = static_cast<std::size_t>(Problem::locked);
                 i < static_cast<std::size_t>(Problem::segment); ++i) {
                if (std::exchange(told_[i], false) && logger_ != nullptr) {
                    logger_->log(metrics::Level::info, "the ledger is written again",
                                 {{"problem", kProblemNames[i]}});
                }
            }
        } else {
            failed(imported.error(), now_us);
        }
    }
    sync_and_prune(now_us);
    measure(now_us);
    return more;
}

void Importer::supply(std::int64_t now_us) {
    const bool fits = status_.backlog_bytes.load(std::memory_order_relaxed) < options_.max_backlog;
    journal_.allow(fits);
    if (!fits) {
        report(Problem::backlog, "the journal has reached ledger.max_backlog");
        return;
    }
    told_[static_cast<std::size_t>(Problem::backlog)] = false;
    constexpr auto kJournal = static_cast<std::size_t>(Problem::journal);
    if (now_us < next_supply_us_) {
        return;
    }
    if (const std::optional<Trouble> trouble = journal_.supply()) {
        report(Problem::journal, to_string(*trouble));
        next_supply_us_ = now_us + kRetryEvery / 4;
    } else if (std::exchange(told_[kJournal], false) && logger_ != nullptr) {
        logger_->log(metrics::Level::info, "the ledger's journal is written again");
    }
}

// Segments that a process has left which is no more.
void Importer::find_files(std::int64_t now_us) {
    if (now_us < next_scan_us_) {
        return;
    }
    next_scan_us_ = now_us + kScanEvery;
    std::error_code error;
    std::size_t seen = 0;
    for (std::filesystem::directory_iterator at(journal_.directory(), error), end;
         !error && at != end && seen < kMostFound; at.increment(error)) {
        if (at->path().extension() == kSegmentSuffix) {
            ++seen;
            find_file(at->path().string());
        }
    }
    if (seen == kMostFound) {
        next_scan_us_ = now_us + kSecond;
    }
}

void Importer::find_file(const std::string& path) {
    const auto is_known = [&](const Waiting& waiting) { return waiting.path == path; };
    if (std::ranges::any_of(waiting_, is_known)) {
        return;
    }
    Waiting found;
    found.lock = locked(path);  // not of a worker that lives, here or in another process
    std::error_code error;
    found.size = std::filesystem::file_size(path, error);
    if (found.lock && !error) {
        found.path = path;
        waiting_.push_back(std::move(found));
    }
}

bool Importer::ensure_store() {
    // Somebody may have moved the file, to keep it or to be rid of it.
    if (store_ && inode_of(options_.path) != store_inode_) {
        store_.reset();
    }
    if (store_) {
        return true;
    }
    for (Waiting& waiting : waiting_) {
        waiting.is_placed = false;
    }
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(options_.path).parent_path(),
                                        ignored);
    Result<Store> opened = Store::open(options_.path, options_.durability);
    if (opened) {
        store_.emplace(std::move(*opened));
        store_inode_ = inode_of(options_.path);
        return true;
    }
    failed(opened.error(), 0);
    return false;
}

void Importer::failed(const sqlite::Error& error, std::int64_t now_us) {
    status_.is_failing.store(true, std::memory_order_relaxed);
    report(problem_of(error.kind), error.text);
    next_try_us_ = now_us + kRetryEvery;
    for (Waiting& waiting : waiting_) {
        waiting.is_placed = false;
        waiting.is_ended = false;
        waiting.bytes = {};
    }
    if (error.kind == sqlite::Kind::locked) {
        if (store_) {
            store_->rollback();
        }
        return;
    }
    store_.reset();  // opened again with the next try
    if (error.kind == sqlite::Kind::corrupt) {
        move_aside();
        next_try_us_ = 0;
    }
}

// The damaged file is kept for whoever can read it; a new one takes its place.
void Importer::move_aside() {
    const std::string base = options_.path + ".damaged-";
    std::error_code error;
    unsigned number = 1;
    while (std::filesystem::exists(base + std::to_string(number), error)) {
        ++number;
    }
    const std::string aside = base + std::to_string(number);
    for (const std::string_view suffix : {"", "-wal", "-shm"}) {
        std::filesystem::rename(options_.path + std::string(suffix), aside + std::string(suffix),
                                error);
    }
    if (logger_ != nullptr) {
        logger_->log(metrics::Level::error, "the ledger was damaged; a new one is begun",
                     {{"kept_as", aside}});
    }
}

Result<bool> Importer::import() {
    if (waiting_.empty()) {
        return false;
    }
    bool is_begun = false;
    std::size_t room = kBatch;
    std::size_t own = 0;
    for (Waiting& waiting : waiting_) {
        if (room == 0) {
            break;
        }
        if (waiting.is_ended) {
            continue;  // but its file could not be removed
        }
        if (!is_begun) {
            // Nothing is locked while there is nothing to write.
            const Result<void> placed = place(waiting);
            if (!placed) {
                return std::unexpected(placed.error());
            }
            Cursor look = waiting.cursor;
            std::string_view payload;
            const Read next = read_record(
                waiting.live ? waiting.live->bytes() : std::span<const char>(waiting.bytes), look,
                payload);
            if (next == Read::nothing && waiting.live) {
                continue;
            }
            if (const Result<void> begun = store_->begin(); !begun) {
                return std::unexpected(begun.error());
            }
            is_begun = true;
            step();
        }
        const Result<std::size_t> done = import_some(waiting, room);
        if (!done) {
            return std::unexpected(done.error());
        }
        room -= *done;
        own += waiting.is_own ? *done : 0;
    }
    if (is_begun) {
        step();
        if (const Result<void> done = store_->commit(); !done) {
            return std::unexpected(done.error());
        }
        step();
        status_.rows.fetch_add(kBatch - room, std::memory_order_relaxed);
        status_.own_rows.fetch_add(own, std::memory_order_relaxed);
        if (const Result<void> removed = remove_ended(); !removed) {
            return std::unexpected(removed.error());
        }
    }
    return room == 0;
}

// Loads a found segment when its turn comes, and moves to the first record that the ledger has not.
Result<void> Importer::place(Waiting& waiting) {
    if (waiting.is_placed) {
        return {};
    }
    if (!waiting.live && waiting.bytes.empty()) {
        static_cast<void>(read_file(waiting.path, waiting.bytes));
        waiting.id = segment_id(waiting.bytes);
        // The process may have died before the file had its header: then it has nothing else.
        waiting.is_damaged =
            waiting.id == 0 && std::ranges::any_of(waiting.bytes, [](char c) { return c != '\0'; });
        waiting.is_ended = waiting.id == 0;
    }
    waiting.cursor = Cursor();
    if (waiting.id != 0) {
        const Result<std::uint64_t> done = store_->imported(waiting.id);
        if (!done) {
            return std::unexpected(done.error());
        }
        const std::span<const char> bytes =
            waiting.live ? waiting.live->bytes() : std::span<const char>(waiting.bytes);
        std::string_view payload;
        while (waiting.cursor.sequence < *done &&
               read_record(bytes, waiting.cursor, payload) == Read::record) {}
    }
    waiting.is_placed = true;
    return {};
}

Result<std::size_t> Importer::import_some(Waiting& waiting, std::size_t most) {
    if (const Result<void> placed = place(waiting); !placed) {
        return std::unexpected(placed.error());
    }
    const std::span<const char> bytes =
        waiting.live ? waiting.live->bytes() : std::span<const char>(waiting.bytes);
    std::size_t done = 0;
    while (done < most && !waiting.is_ended) {
        Cursor next = waiting.cursor;
        std::string_view payload;
        const Read read = read_record(bytes, next, payload);
        const bool is_good = read == Read::record && decode(payload, entry_);
        if (!is_good) {
            waiting.is_damaged =
                read == Read::damaged || read == Read::record;  // or of a later version
            waiting.is_ended = read != Read::nothing || !waiting.live;
            break;
        }
        if (const Result<void> added = store_->add(entry_); !added) {
            return std::unexpected(added.error());
        }
        waiting.cursor = next;
        ++done;
        step();
    }
    if (done > 0) {
        if (const Result<void> marked = store_->mark(waiting.id, waiting.cursor.sequence);
            !marked) {
            return std::unexpected(marked.error());
        }
        step();
    }
    return done;
}

Result<void> Importer::remove_ended() {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        if (!at->is_ended) {
            ++at;
            continue;
        }
        at->bytes = {};
        std::error_code error;
        if (at->is_damaged) {
            report(Problem::segment, "kept as " + at->path + ".damaged");
            told_[static_cast<std::size_t>(Problem::segment)] = false;  // each one is told
            std::filesystem::rename(at->path, at->path + ".damaged", error);
        } else {
            std::filesystem::remove(at->path, error);
        }
        if (error) {
            ++at;  // it stays, with its note in the ledger; the next start tries again
            continue;
        }
        step();
        if (at->id != 0) {
            if (const Result<void> forgotten = store_->forget(at->id); !forgotten) {
                return forgotten;
            }
        }
        step();
        at = waiting_.erase(at);
    }
    return {};
}

// What is imported soon is safe with SQLite's commit, so only segments that have to wait are
// synced, and only those that no worker writes: pages on their way to the disk would hold its
// stores up.
void Importer::sync() {
    for (Waiting& waiting : waiting_) {
        if (!waiting.live || waiting.live.use_count() != 1 || waiting.is_synced) {
            continue;
        }
        waiting.is_synced = true;
        if (!waiting.live->sync()) {
            report(Problem::journal, std::string("cannot sync a segment: ") + std::strerror(errno));
        }
    }
}

void Importer::sync_and_prune(std::int64_t now_us) {
    if (options_.durability == Durability::machine && now_us >= next_sync_us_) {
        next_sync_us_ = now_us + kSyncEvery;
        sync();
    }
    if (!store_ || now_us < next_prune_us_ ||
        (options_.retention_s == 0 && options_.hourly_retention_s == 0)) {
        return;
    }
    const std::int64_t now = now_us / kSecond;
    const std::int64_t oldest =
        options_.retention_s == 0 ? 0 : (now - options_.retention_s) * kSecond;
    const std::int64_t hours =
        options_.hourly_retention_s == 0 ? 0 : now - options_.hourly_retention_s;
    const Result<bool> more = store_->prune(oldest, hours);
    if (!more) {
        failed(more.error(), now_us);
        return;
    }
    next_prune_us_ = *more ? now_us : now_us + kPruneEvery;
}

void Importer::measure(std::int64_t now_us) {
    std::uint64_t bytes = 0;
    std::int64_t oldest = now_us;
    for (const Waiting& waiting : waiting_) {
        Cursor look = waiting.cursor;
        std::string_view payload;
        if (waiting.live) {
            if (read_record(waiting.live->bytes(), look, payload) == Read::record) {
                bytes += waiting.size;
                if (decode(payload, entry_)) {
                    oldest = std::min(oldest,
                                      entry_.at_us + static_cast<std::int64_t>(entry_.latency_us));
                }
            }
        } else {
            bytes += waiting.size;
        }
    }
    let_go();
    status_.backlog_bytes.store(bytes, std::memory_order_relaxed);
    status_.lag_ms.store(static_cast<std::uint64_t>(now_us - oldest) / 1000,
                         std::memory_order_relaxed);
}

// A long backlog waits on the disk, not in mappings: what a worker has left becomes a found file.
void Importer::let_go() {
    constexpr std::size_t kMostMapped = 16;
    for (std::size_t i = kMostMapped; i < waiting_.size(); ++i) {
        Waiting& waiting = waiting_[i];
        if (waiting.live && waiting.live.use_count() == 1) {
            waiting.live.reset();
            waiting.is_placed = false;
            waiting.lock = locked(waiting.path);
        }
    }
    // Another process was faster with the lock: then it imports that one.
    std::erase_if(waiting_, [](const Waiting& waiting) { return !waiting.live && !waiting.lock; });
}

void Importer::report(Problem problem, std::string_view detail) {
    const auto index = static_cast<std::size_t>(problem);
    status_.problems[index].fetch_add(1, std::memory_order_relaxed);
    if (std::exchange(told_[index], true) || logger_ == nullptr) {
        return;  // once, until it is over
    }
    logger_->log(metrics::Level::error, "the ledger is in trouble",
                 {{"problem", kProblemNames[index]}, {"detail", detail}});
}

}  // namespace tollgate::ledger
