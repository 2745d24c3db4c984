#include "metrics/ledger/report.hpp"

#include "metrics/ledger/ids_hash.hpp"
#include "metrics/ledger/schema.hpp"
#include "metrics/ledger/segment.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <numeric>
#include <ranges>
#include <unordered_map>
#include <utility>

namespace tollgate::ledger {
namespace {

using sqlite::Result;

constexpr int kBusyMs = 2000;
constexpr std::int64_t kEndOfTime = 253'402'300'800;  // the year 10000

bool is_time(Dimension dimension) noexcept {
    return dimension >= Dimension::hour;
}
std::string_view name_of(Dimension dimension) noexcept {
    return kDimensionNames[static_cast<std::size_t>(dimension)];
}
bool has(const Query& query, Dimension dimension) noexcept {
    return std::ranges::find(query.by, dimension) != query.by.end();
}

// A half-open span of time that sums of one grain cover.
struct Span {
    Grain grain;
    std::int64_t begin;
    std::int64_t end;
};

std::int64_t next_of(Grain grain, std::int64_t bucket) noexcept {
    constexpr std::int64_t kHour = 3600;
    // 31 days and some hours later is in the next month, of any length.
    const std::int64_t later = grain == Grain::hour  ? bucket + kHour
                               : grain == Grain::day ? bucket + 24 * kHour
                                                     : bucket + 31 * 24 * kHour + kHour;
    return bucket_of(grain, later);
}
std::int64_t up(Grain grain, std::int64_t at) noexcept {
    const std::int64_t bucket = bucket_of(grain, at);
    return bucket == at ? at : next_of(grain, bucket);
}

// Covers [begin, end) with as few sums as there can be: whole months, the days around them, and the
// hours around those.  `coarsest`: what the grouping by time allows.
std::vector<Span> cover(Grain coarsest, std::int64_t begin, std::int64_t end) {
    std::vector<Span> spans;
    std::vector<std::pair<std::int64_t, std::int64_t>> left{{begin, end}};
    for (int g = static_cast<int>(coarsest); g >= 0; --g) {
        const auto grain = static_cast<Grain>(g);
        std::vector<std::pair<std::int64_t, std::int64_t>> around;
        for (const auto& [from, to] : left) {
            const std::int64_t first = up(grain, from);
            const std::int64_t last = bucket_of(grain, to);
            if (first < last) {
                spans.push_back({.grain = grain, .begin = first, .end = last});
                around.emplace_back(from, first);
                around.emplace_back(last, to);
            } else {
                around.emplace_back(from, to);
            }
        }
        std::erase_if(around, [](const auto& span) { return span.first >= span.second; });
        left = std::move(around);
    }
    return spans;
}

// The table of sums that tells apart what is asked for; null: only the requests themselves do.
const Cube* cube_for(const Query& query) {
    for (const Cube& cube : kCubes) {
        const bool fits = std::ranges::all_of(query.by, [&](Dimension dimension) {
            const auto end = cube.dimensions.begin() + static_cast<std::ptrdiff_t>(cube.size);
            return is_time(dimension) ||
                   std::find(cube.dimensions.begin(), end, name_of(dimension)) != end;
        });
        // Requests with several tags are in several rows of that table.
        if (fits && (cube.dimensions[0] == "tag") == has(query, Dimension::tag)) {
            return &cube;
        }
    }
    return nullptr;
}

// Of kMeasureNames, kCounterNames and the cost: "NAME", or "sum(NAME)".
std::string measures(std::string_view before, std::string_view after) {
    std::string text;
    const auto add = [&](std::string_view name) {
        text.append(text.empty() ? "" : ", ").append(before).append(name).append(after);
    };
    std::ranges::for_each(kMeasureNames, add);
    std::ranges::for_each(kCounterNames, add);
    add("cost_usd");
    add("cost_pico");
    return text;
}

std::string bucket_sql(Grain grain, std::string_view seconds) {
    const std::string at(seconds);
    switch (grain) {
        case Grain::hour:
            return "(" + at + " - " + at + " % 3600)";
        case Grain::day:
            return "(" + at + " - " + at + " % 86400)";
        case Grain::month:
            break;
    }
    return "unixepoch(" + at + ", 'unixepoch', 'start of month')";
}

std::optional<Grain> grain_of(const Query& query) noexcept {
    for (const Dimension dimension : query.by) {
        if (is_time(dimension)) {
            return static_cast<Grain>(static_cast<int>(dimension) -
                                      static_cast<int>(Dimension::hour));
        }
    }
    return std::nullopt;
}

// One column for each of Query::by, each with a comma behind it: a name's id, or the begin of the
// span.
std::string groups_sql(const Query& query, std::string_view seconds) {
    std::string text;
    for (const Dimension dimension : query.by) {
        text.append(is_time(dimension) ? bucket_sql(*grain_of(query), seconds)
                                       : std::string(name_of(dimension)));
        text.append(", ");
    }
    return text;
}

std::string by_position(std::size_t count) {
    std::string text;
    for (std::size_t i = 1; i <= count; ++i) {
        text.append(i == 1 ? " GROUP BY " : ", ").append(std::to_string(i));
    }
    return text;
}

// The rows of a table of sums as they are: to add two dozen columns up takes SQLite several times
// as long as to read them.
std::string cube_sql(const Query& query, const Cube& cube, const Span& span) {
    const std::optional<Grain> wanted = grain_of(query);
    std::string groups;
    for (const Dimension dimension : query.by) {
        groups.append(!is_time(dimension)     ? std::string(name_of(dimension))
                      : span.grain == *wanted ? "bucket"
                                              : bucket_sql(*wanted, "bucket"));
        groups.append(", ");
    }
    return "SELECT " + groups + measures("", "") + " FROM " + std::string(cube.table) +
           " WHERE grain = " + std::to_string(static_cast<int>(span.grain)) +
           " AND bucket >= " + std::to_string(span.begin) + " AND bucket < " +
           std::to_string(span.end);
}

// From the requests themselves, with the attempts that failed as rows of their own.
std::string requests_sql(const Query& query, std::int64_t begin, std::int64_t end) {
    std::string counters;
    for (const std::string_view name : kCounterNames) {
        counters.append(", x.").append(name);
    }
    const std::string who = "r.at / 1000000 AS seconds, r.key, r.team, r.user, r.tags AS tag";
    const std::string money =
        ", x.cost_pico / 1000000000000 AS cost_usd, x.cost_pico % 1000000000000 AS cost_pico";
    const std::string where = " WHERE r.at >= " + std::to_string(begin * 1'000'000) +
                              " AND r.at < " + std::to_string(end * 1'000'000);
    const std::string rows =
        "SELECT " + who +
        ", x.provider, x.model, 1 AS requests, x.outcome != 0 AS failed, x.priced = 3 AS "
        "unpriced, x.estimated, x.latency_us" +
        counters + money + " FROM requests r JOIN requests x ON x.id = r.id" + where +
        " UNION ALL SELECT " + who + ", x.provider, x.model, 0, 0, x.priced = 3, 0, 0" + counters +
        money + " FROM requests r JOIN spent x ON x.request = r.id" + where;
    return "SELECT " + groups_sql(query, "seconds") + measures("sum(", ")") + " FROM (" + rows +
           ")" + by_position(query.by.size());
}

std::uint64_t positive(std::int64_t n) noexcept {
    return n > 0 ? static_cast<std::uint64_t>(n) : 0;
}

void add(ReportRow& to, const ReportRow& from) {
    to.requests += from.requests;
    to.failed += from.failed;
    to.unpriced += from.unpriced;
    to.estimated += from.estimated;
    to.latency_us += from.latency_us;
    for (std::size_t i = 0; i < kCounters; ++i) {
        to.counters[i] += from.counters[i];
    }
    to.cost_pico += from.cost_pico;
}

ReportRow read_row(sqlite::Statement& statement, std::size_t groups) {
    ReportRow row;
    int at = static_cast<int>(groups);
    for (std::uint64_t* const measure :
         {&row.requests, &row.failed, &row.unpriced, &row.estimated, &row.latency_us}) {
        *measure = positive(statement.integer(at++));
    }
    for (std::uint64_t& counter : row.counters) {
        counter = positive(statement.integer(at++));
    }
    row.cost_pico =
        metrics::Int128{statement.integer(at)} * metrics::kPicoPerUsd + statement.integer(at + 1);
    return row;
}

std::string time_text(Grain grain, std::int64_t seconds) {
    const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(at));
    const auto two = [](unsigned n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
    std::string text = std::to_string(static_cast<int>(date.year())) + "-" +
                       two(static_cast<unsigned>(date.month()));
    if (grain != Grain::month) {
        text += "-" + two(static_cast<unsigned>(date.day()));
    }
    if (grain == Grain::hour) {
        text += "T" + two(static_cast<unsigned>(seconds / 3600 % 24)) + ":00Z";
    }
    return text;
}

// The ids and begins of spans of Query::by; zeros behind them.
using GroupIds = std::array<std::int64_t, kDimensionNames.size()>;

// One row for each group.
struct Groups {
    std::vector<GroupIds> ids;
    std::vector<ReportRow> rows;  // of the same index
    std::unordered_map<GroupIds, std::size_t, IdsHash> places;

    void add_row(const GroupIds& group, ReportRow row) {
        const auto [place, is_new] = places.try_emplace(group, rows.size());
        if (is_new) {
            ids.push_back(group);
            rows.push_back(std::move(row));
        } else {
            add(rows[place->second], row);
        }
    }
};

Result<void> gather(sqlite::Database& database, const std::string& sql, std::size_t groups,
                    Groups& all) {
    Result<sqlite::Statement> statement = database.prepare(sql);
    if (!statement) {
        return std::unexpected(statement.error());
    }
    for (;;) {
        const Result<bool> more = statement->step();
        if (!more) {
            return std::unexpected(more.error());
        }
        if (!*more) {
            return {};
        }
        GroupIds ids{};
        for (std::size_t i = 0; i < groups; ++i) {
            ids[i] = statement->integer(static_cast<int>(i));
        }
        all.add_row(ids, read_row(*statement, groups));
    }
}

// Time first, then the dearest: the indices of the groups.
std::vector<std::uint32_t> in_order(const Query& query, const Groups& all) {
    std::vector<std::uint32_t> order(all.rows.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto time = std::ranges::find_if(query.by, is_time);
    const auto column = static_cast<std::size_t>(time - query.by.begin());
    std::ranges::sort(order, [&](std::uint32_t x, std::uint32_t y) {
        const ReportRow& a = all.rows[x];
        const ReportRow& b = all.rows[y];
        if (time != query.by.end() && all.ids[x][column] != all.ids[y][column]) {
            return all.ids[x][column] < all.ids[y][column];
        }
        return a.cost_pico != b.cost_pico ? a.cost_pico > b.cost_pico
               : a.requests != b.requests ? a.requests > b.requests
                                          : all.ids[x] < all.ids[y];
    });
    return order;
}

// The texts of ids, each asked for once.
class Names {
public:
    explicit Names(sqlite::Statement find) : find_(std::move(find)) {}

    Result<std::string_view> text(std::int64_t id) {
        if (const auto known = known_.find(id); known != known_.end()) {
            return known->second;
        }
        const Result<bool> found = find_.bind(1, id).step();
        if (!found) {
            return std::unexpected(found.error());
        }
        std::string& name = known_[id];
        name = *found ? find_.text(0) : std::string_view();
        find_.reset();
        return name;
    }

private:
    sqlite::Statement find_;
    std::unordered_map<std::int64_t, std::string> known_;
};

Result<void> name_groups(sqlite::Database& database, const Query& query, Groups& all,
                         Report& report) {
    Result<sqlite::Statement> find = database.prepare("SELECT text FROM names WHERE id = ?");
    if (!find) {
        return std::unexpected(find.error());
    }
    Names names(std::move(*find));
    std::optional<std::int64_t> last_time;  // of the row before
    std::string last_text;
    for (const std::uint32_t index : in_order(query, all)) {
        ReportRow& row = all.rows[index];
        add(report.total, row);
        if (report.rows.size() >= kMostRows) {
            report.is_cut = true;
            continue;
        }
        row.group.reserve(query.by.size());
        for (std::size_t i = 0; i < query.by.size(); ++i) {
            const std::int64_t id = all.ids[index][i];
            if (is_time(query.by[i])) {
                if (last_time != id) {
                    last_time = id;
                    last_text = time_text(*grain_of(query), id);
                }
                row.group.push_back(last_text);
                continue;
            }
            const Result<std::string_view> name = names.text(id);
            if (!name) {
                return std::unexpected(name.error());
            }
            row.group.emplace_back(*name);
        }
        report.rows.push_back(std::move(row));
    }
    return {};
}

}  // namespace

Result<Report> report(const std::string& path, const Query& query) {
    Result<sqlite::Database> database =
        sqlite::Database::open(path, sqlite::Mode::existing, kBusyMs);
    if (!database) {
        return std::unexpected(database.error());
    }
    // One picture of the file for all statements.
    Result<void> good = database->run("BEGIN");
    Groups all;
    const Cube* const cube = cube_for(query);
    const std::int64_t begin = bucket_of(Grain::hour, std::max<std::int64_t>(query.since, 0));
    const std::int64_t end = up(Grain::hour, query.until > 0 ? query.until : kEndOfTime);
    if (good && cube != nullptr) {
        for (const Span& span : cover(grain_of(query).value_or(Grain::month), begin, end)) {
            if (good) {
                good = gather(*database, cube_sql(query, *cube, span), query.by.size(), all);
            }
        }
    } else if (good) {
        good = gather(*database, requests_sql(query, begin, end), query.by.size(), all);
    }
    Report made;
    made.by = query.by;
    made.has_tags = has(query, Dimension::tag);
    if (query.by.empty() && all.rows.empty()) {
        all.add_row({}, {});  // nothing, but told
    }
    if (good) {
        good = name_groups(*database, query, all, made);
    }
    if (!good) {
        return std::unexpected(good.error());
    }
    return made;
}

Result<std::uint64_t> rows_in_journal(const std::string& path, const std::string& directory) {
    Result<sqlite::Database> database =
        sqlite::Database::open(path, sqlite::Mode::existing, kBusyMs);
    if (!database) {
        return std::unexpected(database.error());
    }
    Result<sqlite::Statement> find = database->prepare("SELECT next FROM segments WHERE id = ?");
    if (!find) {
        return std::unexpected(find.error());
    }
    std::uint64_t rows = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
        if (at->path().extension() != kSegmentSuffix) {
            continue;
        }
        std::ifstream in(at->path(), std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
        Cursor cursor;
        std::string_view payload;
        while (read_record(bytes, cursor, payload) == Read::record) {}
        const Result<bool> noted =
            find->bind(1, static_cast<std::int64_t>(segment_id(bytes))).step();
        if (!noted) {
            return std::unexpected(noted.error());
        }
        const std::uint64_t done = *noted ? positive(find->integer(0)) : 0;
        find->reset();
        rows += cursor.sequence - std::min(cursor.sequence, done);
    }
    return rows;
}

std::expected<std::vector<Dimension>, std::string> parse_dimensions(std::string_view text) {
    std::vector<Dimension> by;
    bool has_time = false;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view word = text.substr(0, comma);
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
        const auto found = std::ranges::find(kDimensionNames, word);
        if (found == kDimensionNames.end()) {
            std::string names;
            for (const std::string_view name : kDimensionNames) {
                names.append(names.empty() ? "" : ", ").append(name);
            }
            return std::unexpected("cannot group by '" + std::string(word.substr(0, 40)) +
                                   "'; there are " + names);
        }
        const auto dimension = static_cast<Dimension>(found - kDimensionNames.begin());
        if (std::ranges::find(by, dimension) != by.end()) {
            return std::unexpected("'" + std::string(word) + "' is given twice");
        }
        if (is_time(dimension) && std::exchange(has_time, true)) {
            return std::unexpected("give one of hour, day and month");
        }
        by.push_back(dimension);
    }
    return by;
}

std::expected<std::int64_t, std::string> parse_moment(std::string_view text, std::int64_t now) {
    const std::unexpected<std::string> wrong(
        "'" + std::string(text.substr(0, 40)) +
        "' is no time: write 2025-11-25, 2025-11-25T13:00, 7d, 24h, 30m, today or month");
    if (text == "today" || text == "month") {
        return bucket_of(text == "today" ? Grain::day : Grain::month, now);
    }
    std::array<unsigned, 5> parts{0, 1, 1, 0, 0};
    constexpr std::string_view kSeparators = "--T:";
    const char* at = text.data();
    const char* end = at + text.size();
    if (text.ends_with('Z')) {
        --end;
    }
    std::size_t count = 0;
    for (; count < parts.size() && at != end; ++count) {
        if (count > 0) {
            if (*at != kSeparators[count - 1]) {
                break;
            }
            ++at;
        }
        const auto [next, error] = std::from_chars(at, end, parts[count]);
        if (error != std::errc()) {
            return wrong;
        }
        at = next;
    }
    if (count == 1 && end - at == 1 && parts[0] <= 100'000) {
        const std::int64_t unit = *at == 'd' ? 86400 : *at == 'h' ? 3600 : *at == 'm' ? 60 : 0;
        if (unit == 0) {
            return wrong;
        }
        return now - unit * static_cast<std::int64_t>(parts[0]);
    }
    const std::chrono::year_month_day date{
        std::chrono::year(static_cast<int>(std::min(parts[0], 9999U))),
        std::chrono::month(parts[1]), std::chrono::day(parts[2])};
    if (at != end || count < 3 || count == 4 || !date.ok() || parts[0] < 1970 || parts[3] > 23 ||
        parts[4] > 59) {
        return wrong;
    }
    return (std::chrono::sys_days(date).time_since_epoch() / std::chrono::seconds(1)) +
           std::int64_t{3600} * parts[3] + std::int64_t{60} * parts[4];
}

}  // namespace tollgate::ledger
