#include "metrics/ledger/spent.hpp"

#include "metrics/ledger/segment.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

namespace tollgate::ledger {
namespace {

using metrics::Int128;
using sqlite::Result;

constexpr int kBusyMs = 2000;
constexpr int kMostTries = 5;
constexpr std::int64_t kMicros = 1'000'000;

void add_model(SpentSums& sums, std::string_view provider, std::string_view model, Int128 cost) {
    sums.everything += cost;
    sums.providers[std::string(provider)] += cost;
    sums.models[std::string(model)] += cost;
    sums.models[std::string(provider) + "/" + std::string(model)] += cost;
}

void add_entry(SpentSums& sums, const Entry& entry) {
    Int128 all = entry.use.cost_pico;
    add_model(sums, entry.provider, entry.model, entry.use.cost_pico);
    for (const Spent& spent : entry.spent) {
        add_model(sums, spent.provider, spent.model, spent.use.cost_pico);
        all += spent.use.cost_pico;
    }
    sums.keys[std::string(entry.key)] += all;
    sums.teams[std::string(entry.team)] += all;
    for (const std::string_view tag :
         std::set<std::string_view>(entry.tags.begin(), entry.tags.end())) {
        sums.tags[std::string(tag)] += all;
    }
}

// The sums of one table by one or two of its columns; take(first name, second name, cost).
template <class Take>
Result<void> gather(sqlite::Database& database, const std::string& table, const std::string& first,
                    const std::string& second, const std::string& where, Take take) {
    Result<sqlite::Statement> rows = database.prepare(
        "SELECT a.text, b.text, s.usd, s.pico FROM (SELECT " + first + " AS f, " + second +
        " AS g, sum(cost_usd) AS usd, sum(cost_pico) AS pico FROM " + table + " WHERE " + where +
        " GROUP BY 1, 2) s JOIN names a ON a.id = s.f JOIN names b ON b.id = s.g");
    if (!rows) {
        return std::unexpected(rows.error());
    }
    for (;;) {
        const Result<bool> more = rows->step();
        if (!more) {
            return std::unexpected(more.error());
        }
        if (!*more) {
            return {};
        }
        const Int128 cost = Int128{rows->integer(2)} * metrics::kPicoPerUsd + rows->integer(3);
        take(std::string(rows->text(0)), std::string(rows->text(1)), cost);
    }
}

Result<void> read_sums(sqlite::Database& database, const std::string& where, SpentSums& sums) {
    Result<void> good = gather(database, "sums_by_model", "provider", "model", where,
                               [&](const std::string& provider, const std::string& model,
                                   Int128 cost) { add_model(sums, provider, model, cost); });
    if (good) {
        good = gather(database, "sums_by_key", "key", "team", where,
                      [&](const std::string& key, const std::string& team, Int128 cost) {
                          sums.keys[key] += cost;
                          sums.teams[team] += cost;
                      });
    }
    if (good) {
        good = gather(database, "sums_by_tag", "tag", "tag", where,
                      [&](const std::string& tag, const std::string&, Int128 cost) {
                          sums.tags[tag] += cost;
                      });
    }
    return good;
}

// False: whoever began the file died before there was anything in it.
Result<bool> is_made(sqlite::Database& database) {
    Result<sqlite::Statement> version = database.prepare("PRAGMA user_version");
    if (!version) {
        return std::unexpected(version.error());
    }
    const Result<bool> row = version->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    return *row && version->integer(0) != 0;
}

std::set<std::string> segments_in(const std::string& directory) {
    std::set<std::string> paths;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
        if (at->path().extension() == kSegmentSuffix) {
            paths.insert(at->path().string());
        }
    }
    return paths;
}

// Records of one segment that `noted`, how many of them the SQLite file has, leaves.
Result<bool> add_segment(const std::string& path, sqlite::Statement* notes, std::int64_t begin,
                         std::int64_t end, SpentSums& sums) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return false;
    }
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    std::uint64_t noted = 0;
    if (notes != nullptr) {
        const Result<bool> row =
            notes->bind(1, static_cast<std::int64_t>(segment_id(bytes))).step();
        if (!row) {
            return std::unexpected(row.error());
        }
        noted = *row ? static_cast<std::uint64_t>(std::max<std::int64_t>(notes->integer(0), 0)) : 0;
        notes->reset();
    }
    Cursor cursor;
    std::string_view payload;
    Entry entry;
    while (read_record(bytes, cursor, payload) == Read::record) {
        // The cursor stands behind the record.
        if (cursor.sequence > noted && decode(payload, entry) && entry.at_us >= begin * kMicros &&
            entry.at_us / kMicros < end) {
            add_entry(sums, entry);
        }
    }
    return true;
}

// False: segments went while they were looked for, so that nobody can say where their records are.
Result<bool> try_read(const std::string& path, const std::string& journal, const std::string& where,
                      std::int64_t begin, std::int64_t end, SpentSums& sums) {
    sums = SpentSums();
    const std::set<std::string> before = segments_in(journal);
    sqlite::Statement notes;
    Result<sqlite::Database> database = std::unexpected(sqlite::Error());
    std::error_code ignored;
    bool has_sums = false;
    if (std::filesystem::exists(path, ignored)) {
        database = sqlite::Database::open(path, sqlite::Mode::existing, kBusyMs);
        Result<void> good = database ? database->run("BEGIN") : std::unexpected(database.error());
        Result<bool> made = good ? is_made(*database) : std::unexpected(good.error());
        if (!made) {
            return std::unexpected(made.error());
        }
        has_sums = *made;
    }
    if (has_sums) {
        Result<void> good = read_sums(*database, where, sums);  // of one picture of the file
        Result<sqlite::Statement> made =
            good ? database->prepare("SELECT next FROM segments WHERE id = ?")
                 : std::unexpected(good.error());
        if (!made) {
            return std::unexpected(made.error());
        }
        notes = std::move(*made);
    }
    // A segment's file goes after its last record is in the SQLite file, and before its note goes
    // (importer.hpp): what the picture says of a file that is still there is true.
    const std::set<std::string> now = segments_in(journal);
    bool all = std::ranges::includes(now, before);
    for (const std::string& segment : now) {
        const Result<bool> read =
            add_segment(segment, has_sums ? &notes : nullptr, begin, end, sums);
        if (!read) {
            return read;
        }
        all = all && *read;
    }
    notes = sqlite::Statement();  // before its database
    return all;
}

}  // namespace

Result<SpentSums> read_spent(const std::string& path, const std::string& journal, Grain grain,
                             std::int64_t begin, std::int64_t end) {
    const std::string where = "grain = " + std::to_string(static_cast<int>(grain)) +
                              " AND bucket >= " + std::to_string(begin) + " AND bucket < " +
                              std::to_string(end);
    SpentSums sums;
    for (int i = 0; i < kMostTries; ++i) {
        const Result<bool> done = try_read(path, journal, where, begin, end, sums);
        if (!done) {
            return std::unexpected(done.error());
        }
        if (*done) {
            break;
        }
    }
    return sums;
}

}  // namespace tollgate::ledger
