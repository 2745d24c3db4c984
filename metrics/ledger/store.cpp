#include "metrics/ledger/store.hpp"

#include "metrics/record.hpp"
#include "metrics/utf8.hpp"

#include <algorithm>
#include <utility>

namespace tollgate::ledger {
namespace {

using sqlite::Result;

constexpr std::int64_t kPicoPerUsd = 1'000'000'000'000;
// Clients choose users, tags and model names: beyond this many different texts, new ones are
// `other`.
constexpr std::int64_t kMaxNames = 1'000'000;
constexpr std::size_t kMaxKnownNames = 50'000;
constexpr std::string_view kOther = "other";
constexpr int kBusyMs = 100;

std::int64_t integer(std::uint64_t n) noexcept {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(n, INT64_MAX));
}

void bind_all(sqlite::Statement& statement, int from, std::span<const std::uint64_t> values) {
    for (const std::uint64_t value : values) {
        statement.bind(from++, integer(value));
    }
}

// In the order of insert_sql().
void bind_use(sqlite::Statement& statement, int from, const Use& use) {
    bind_all(statement, from, use.counters);
    from += static_cast<int>(kCounters);
    for (const metrics::Pico part : use.cost_by_kind) {
        statement.bind(from++, part);
    }
}

std::string insert_sql(std::string_view table, std::string_view columns, std::size_t count) {
    std::string sql = "INSERT INTO " + std::string(table) + " (" + std::string(columns);
    for (const std::string_view name : kCounterNames) {
        sql.append(", ").append(name);
    }
    for (const std::string_view kind : metrics::kCostKindNames) {
        sql.append(", ").append(cost_column(kind));
    }
    sql.append(") VALUES (?");
    for (std::size_t i = 1; i < count + kCounters + metrics::kCostKinds; ++i) {
        sql.append(", ?");
    }
    return sql + ")";
}

std::string joined(const std::vector<std::string_view>& tags) {
    std::string text;
    for (const std::string_view tag : tags) {
        text.append(text.empty() ? "" : ",").append(tag);
    }
    return text;
}

// The length of the first characters of `text` that are whole and UTF-8.
std::string_view clean(std::string_view text) noexcept {
    std::size_t good = 0;
    while (good < text.size()) {
        const metrics::CodePoint point = metrics::decode_utf8(text.substr(good));
        if (point.length == 0 || point.value == 0) {
            break;
        }
        good += point.length;
    }
    return text.substr(0, good);
}

}  // namespace

Result<Store> Store::open(const std::string& path, Durability durability) {
    Result<sqlite::Database> database = sqlite::Database::open(path, sqlite::Mode::create, kBusyMs);
    if (!database) {
        return std::unexpected(database.error());
    }
    Result<void> good = database->run("PRAGMA journal_mode = WAL");
    if (good) {
        good = database->run(durability == Durability::machine ? "PRAGMA synchronous = FULL"
                                                               : "PRAGMA synchronous = NORMAL");
    }
    if (good) {
        good = database->run("PRAGMA journal_size_limit = 67108864; BEGIN IMMEDIATE");
    }
    std::int64_t version = 0;
    if (good) {
        Result<sqlite::Statement> asked = database->prepare("PRAGMA user_version");
        Result<bool> row = asked ? asked->step() : std::unexpected(asked.error());
        if (!row) {
            return std::unexpected(row.error());
        }
        version = asked->integer(0);
    }
    if (good && version == 0) {
        good = database->run(schema_sql());
    } else if (good && version == 1) {
        good = database->run(upgrade_sql());
    } else if (good && version != kSchemaVersion) {
        return std::unexpected(
            sqlite::Error{.kind = sqlite::Kind::other,
                          .text = "the file is of another version of the gateway (schema " +
                                  std::to_string(version) + ")"});
    }
    if (good) {
        good = database->run("COMMIT");
    }
    if (!good) {
        return std::unexpected(good.error());
    }
    Store store(std::move(*database));
    good = store.prepare();
    if (!good) {
        return std::unexpected(good.error());
    }
    return store;
}

Result<void> Store::prepare() {
    Result<void> good;
    const auto make = [&](sqlite::Statement& out, std::string_view sql) {
        if (good) {
            Result<sqlite::Statement> made = database_.prepare(sql);
            if (made) {
                out = std::move(*made);
            } else {
                good = std::unexpected(made.error());
            }
        }
    };
    make(find_name_, "SELECT id FROM names WHERE text = ?");
    make(add_name_, "INSERT INTO names (id, text) VALUES (?, ?)");
    make(find_segment_, "SELECT next FROM segments WHERE id = ?");
    make(mark_,
         "INSERT INTO segments (id, next) VALUES (?, ?) "
         "ON CONFLICT DO UPDATE SET next = excluded.next");
    make(forget_, "DELETE FROM segments WHERE id = ?");
    make(add_request_,
         insert_sql("requests",
                    "id, at, request_id, key, team, user, tags, endpoint, requested_model, "
                    "provider, model, attempts, status, outcome, stream, latency_us, ttft_us, "
                    "priced, estimated, cost_pico",
                    20));
    make(add_spent_, insert_sql("spent", "request, provider, model, priced, cost_pico", 5));
    make(prune_spent_,
         "DELETE FROM spent WHERE request IN "
         "(SELECT id FROM requests WHERE at < ?1 ORDER BY at LIMIT ?2)");
    make(prune_requests_,
         "DELETE FROM requests WHERE id IN "
         "(SELECT id FROM requests WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING 1");
    for (std::size_t i = 0; i < kCubes.size(); ++i) {
        make(upserts_[i], upsert_sql(kCubes[i]));
        const std::string table(kCubes[i].table);
        make(prune_hours_[i], "DELETE FROM " + table +
                                  " WHERE grain = 0 AND bucket = (SELECT min(bucket) FROM " +
                                  table + " WHERE grain = 0) AND bucket < ?1 RETURNING 1");
    }
    sqlite::Statement last;
    make(last,
         "SELECT (SELECT coalesce(max(id), 0) FROM requests), "
         "(SELECT coalesce(max(id), 0) FROM names)");
    if (good) {
        const Result<bool> row = last.step();
        if (!row) {
            return std::unexpected(row.error());
        }
        next_request_ = last.integer(0) + 1;
        names_ = last.integer(1);
    }
    return good;
}

Result<std::uint64_t> Store::imported(std::uint64_t segment) {
    const Result<bool> row = find_segment_.bind(1, integer(segment)).step();
    if (!row) {
        return std::unexpected(row.error());
    }
    const std::uint64_t next = *row ? static_cast<std::uint64_t>(find_segment_.integer(0)) : 0;
    find_segment_.reset();
    return next;
}

Result<void> Store::begin() {
    sums_.clear();
    return database_.run("BEGIN IMMEDIATE");
}

void Store::rollback() {
    sums_.clear();
    known_names_.clear();                          // some of them may not be in the file
    static_cast<void>(database_.run("ROLLBACK"));  // fails where SQLite has done it already
    names_ = 0;
    if (Result<sqlite::Statement> last =
            database_.prepare("SELECT coalesce(max(id), 0) FROM names")) {
        if (const Result<bool> row = last->step(); row && *row) {
            names_ = last->integer(0);
        }
    }
}

Result<std::int64_t> Store::name(std::string_view text) {
    text = clean(text);
    if (const auto known = known_names_.find(text); known != known_names_.end()) {
        return known->second;
    }
    const Result<bool> row = find_name_.bind(1, text).step();
    if (!row) {
        return std::unexpected(row.error());
    }
    std::int64_t id = *row ? find_name_.integer(0) : 0;
    find_name_.reset();
    if (id == 0) {
        if (names_ >= kMaxNames && text != kOther) {
            return name(kOther);
        }
        id = ++names_;
        if (const Result<void> added = add_name_.bind(1, id).bind(2, text).run(); !added) {
            return std::unexpected(added.error());
        }
    }
    if (known_names_.size() >= kMaxKnownNames) {
        known_names_.clear();
    }
    known_names_.emplace(text, id);
    return id;
}

Result<void> Store::add(const Entry& entry) {
    const std::string tags = joined(entry.tags);
    std::array<std::int64_t, 8> ids{};
    const std::array<std::string_view, 8> texts{
        entry.key,      entry.team, entry.user, tags, entry.endpoint, entry.requested_model,
        entry.provider, entry.model};
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const Result<std::int64_t> id = name(texts[i]);
        if (!id) {
            return std::unexpected(id.error());
        }
        ids[i] = *id;
    }
    const std::int64_t request = next_request_++;
    sqlite::Statement& row = add_request_;
    row.bind(1, request).bind(2, entry.at_us).bind(3, clean(entry.request_id));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        row.bind(static_cast<int>(4 + i), ids[i]);
    }
    row.bind(12, entry.attempts).bind(13, entry.status).bind(14, entry.outcome);
    row.bind(15, entry.is_stream ? 1 : 0).bind(16, integer(entry.latency_us));
    row.bind(17, integer(entry.ttft_us)).bind(18, static_cast<std::int64_t>(entry.use.priced));
    row.bind(19, entry.use.is_estimated ? 1 : 0).bind(20, entry.use.cost_pico);
    bind_use(row, 21, entry.use);
    if (const Result<void> added = row.run(); !added) {
        return added;
    }
    const Ids who{.key = ids[0], .team = ids[1], .user = ids[2]};
    const Result<void> summed = sum(entry, who, entry.provider, entry.model, entry.use, false);
    return summed ? add_spent(request, entry, who) : summed;
}

Result<void> Store::add_spent(std::int64_t request, const Entry& entry, const Ids& ids) {
    for (const Spent& spent : entry.spent) {
        const Result<std::int64_t> provider = name(spent.provider);
        const Result<std::int64_t> model = name(spent.model);
        if (!provider || !model) {
            return std::unexpected(provider ? model.error() : provider.error());
        }
        add_spent_.bind(1, request).bind(2, *provider).bind(3, *model);
        add_spent_.bind(4, static_cast<std::int64_t>(spent.use.priced));
        add_spent_.bind(5, spent.use.cost_pico);
        bind_use(add_spent_, 6, spent.use);
        Result<void> added = add_spent_.run();
        if (added) {
            added = sum(entry, ids, spent.provider, spent.model, spent.use, true);
        }
        if (!added) {
            return added;
        }
    }
    return {};
}

Result<void> Store::sum(const Entry& entry, const Ids& ids, std::string_view provider,
                        std::string_view model, const Use& use, bool is_spent) {
    const Result<std::int64_t> p = name(provider);
    const Result<std::int64_t> m = name(model);
    if (!p || !m) {
        return std::unexpected(p ? m.error() : p.error());
    }
    const std::array<std::uint64_t, kMeasureNames.size()> measures{
        is_spent ? 0U : 1U, !is_spent && entry.outcome != 0 ? 1U : 0U,
        use.priced == Priced::unpriced ? 1U : 0U, use.is_estimated ? 1U : 0U,
        is_spent ? 0 : entry.latency_us};
    const auto add_to = [&](std::int64_t cube, const std::array<std::int64_t, 5>& dimensions) {
        for (std::size_t g = 0; g < kGrains; ++g) {
            SumKey key{cube, static_cast<std::int64_t>(g),
                       bucket_of(static_cast<Grain>(g), entry.at_us / 1'000'000)};
            std::copy(dimensions.begin(), dimensions.end(), key.begin() + 3);
            Sums& sums = sums_[key];
            for (std::size_t i = 0; i < measures.size(); ++i) {
                sums.values[i] += measures[i];
            }
            for (std::size_t i = 0; i < kCounters; ++i) {
                sums.values[measures.size() + i] += use.counters[i];
            }
            sums.usd += use.cost_pico / kPicoPerUsd;
            sums.pico += use.cost_pico % kPicoPerUsd;
        }
    };
    // In the order of kCubes.
    add_to(0, {*p, *m});
    add_to(1, {ids.key, ids.team});
    add_to(2, {*p, *m, ids.key, ids.team});
    add_to(4, {ids.user, ids.key, ids.team});
    // A request counts under each of its tags once.
    std::vector<std::string_view> tags = entry.tags;
    if (tags.empty()) {
        tags.emplace_back();
    }
    std::ranges::sort(tags);
    const auto repeated = std::ranges::unique(tags);
    tags.erase(repeated.begin(), repeated.end());
    for (const std::string_view tag : tags) {
        const Result<std::int64_t> id = name(tag);
        if (!id) {
            return std::unexpected(id.error());
        }
        add_to(3, {*id, *p, *m, ids.key, ids.team});
    }
    return {};
}

Result<void> Store::write_sums() {
    for (const auto& [key, sums] : sums_) {
        const auto cube = static_cast<std::size_t>(key[0]);
        sqlite::Statement& row = upserts_[cube];
        int at = 1;
        for (std::size_t i = 0; i < 2 + kCubes[cube].size; ++i) {
            row.bind(at++, key[1 + i]);
        }
        bind_all(row, at, sums.values);
        at += static_cast<int>(sums.values.size());
        row.bind(at, sums.usd + sums.pico / kPicoPerUsd).bind(at + 1, sums.pico % kPicoPerUsd);
        if (const Result<void> added = row.run(); !added) {
            return added;
        }
    }
    sums_.clear();
    return {};
}

Result<void> Store::mark(std::uint64_t segment, std::uint64_t count) {
    return mark_.bind(1, integer(segment)).bind(2, integer(count)).run();
}

Result<void> Store::commit() {
    const Result<void> written = write_sums();
    return written ? database_.run("COMMIT") : written;
}

Result<void> Store::forget(std::uint64_t segment) {
    return forget_.bind(1, integer(segment)).run();
}

Result<bool> Store::prune(std::int64_t at_us, std::int64_t hours_at) {
    constexpr std::int64_t kAtOnce = 2000;
    Result<void> good = database_.run("BEGIN IMMEDIATE");
    bool any = false;
    const auto delete_some = [&](sqlite::Statement& statement) {
        for (bool more = good.has_value(); more;) {
            const Result<bool> row = statement.step();
            if (!row) {
                good = std::unexpected(row.error());
            }
            more = row && *row;
            any = any || more;
        }
        statement.reset();
    };
    if (good) {
        good = prune_spent_.bind(1, at_us).bind(2, kAtOnce).run();
    }
    prune_requests_.bind(1, at_us).bind(2, kAtOnce);
    delete_some(prune_requests_);
    for (sqlite::Statement& statement : prune_hours_) {
        statement.bind(1, hours_at);
        delete_some(statement);
    }
    if (good) {
        good = database_.run("COMMIT");
    }
    if (!good) {
        rollback();
        return std::unexpected(good.error());
    }
    return any;
}

}  // namespace tollgate::ledger
