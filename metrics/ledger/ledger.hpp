// The ledger of one process: the journal that workers write to, and the thread that moves it into
// SQLite.  docs/operations.md "Ledger" tells what it promises.
#pragma once

#include "metrics/ledger/figures.hpp"
#include "metrics/ledger/importer.hpp"
#include "metrics/ledger/journal.hpp"
#include "metrics/log.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>

namespace tollgate::ledger {

struct LedgerOptions {
    JournalOptions journal = {};
    ImporterOptions importer = {};
};

/// Built before the workers, stopped after them.
class Ledger {
public:
    /// Begins at once; trouble with the disk is no reason not to start.
    Ledger(LedgerOptions options, std::size_t workers, metrics::Logger& logger);
    /// Imports what is left, for some seconds at most; what remains is imported at the next start.
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    [[nodiscard]] Lane& lane(std::size_t worker) noexcept { return journal_.lane(worker); }
    /// Any thread.
    [[nodiscard]] Figures figures() const;
    /// Any thread: what workers append goes to the journal.
    [[nodiscard]] bool is_writing() const noexcept;
    /// Any thread: nothing is in trouble.
    [[nodiscard]] bool is_well() const noexcept;

private:
    void run(const std::stop_token& stop);

    Journal journal_;
    Importer importer_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_;
};

}  // namespace tollgate::ledger
