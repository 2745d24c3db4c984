// What a scrape tells of the ledger.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tollgate::ledger {

/// What went wrong, as the metric tells it.
enum class Problem : std::uint8_t {
    journal,    ///< no segment could be made
    backlog,    ///< the journal is at its limit
    locked,     ///< another process holds the SQLite file
    full,       ///< its disk is full
    read_only,  ///< it may not be written
    corrupt,    ///< it was damaged, and moved aside
    io,         ///< anything else that the system refuses
    segment,    ///< a segment was damaged, and kept aside
};
inline constexpr std::array<std::string_view, 8> kProblemNames{
    "journal", "backlog", "locked", "full", "read_only", "corrupt", "io", "segment"};

struct Figures {
    std::uint64_t rows = 0;           ///< in the SQLite file, by this process
    std::uint64_t backlog_rows = 0;   ///< of this process, in the journal only
    std::uint64_t backlog_bytes = 0;  ///< of the journal's files with such rows
    std::uint64_t lost = 0;           ///< rows that could be written nowhere
    double lag_seconds = 0;           ///< age of the oldest row that is in the journal only
    std::array<std::uint64_t, kProblemNames.size()> problems{};
};

}  // namespace tollgate::ledger
