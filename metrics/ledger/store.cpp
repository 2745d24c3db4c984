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

// `mask`: the counters and costs by kind that are parameters, the others are zero.
constexpr std::uint32_t kEverything = (1U << (kCounters + metrics::kCostKinds)) - 1;
std::string insert_sql(std::string_view table, std::string_view columns, std::size_t count,
                       std::uint32_t mask = kEverything) {
    std::string sql = "INSERT INTO " + std::string(table) + " (" + std::string(columns);
    std::string values = "?";
    for (std::size_t i = 1; i < count; ++i) {
        values.append(", ?");
    }
    const auto add = [&](const std::string& column) {
        sql.append(", ").append(column);
        values.append((mask & 1) != 0 ? ", ?" : ", 0");
        mask >>= 1;
    };
    for (const std::string_view name : kCounterNames) {
        add(std::string(name));
    }
    for (const std::string_view kind : metrics::kCostKindNames) {
        add(cost_column(kind));
    }
    return sql + ") VALUES (" + values + ")";
}

// The bits of insert_sql()'s mask that a row needs.
std::uint32_t mask_of(const Use& use) noexcept {
    std::uint32_t mask = 0;
    for (std::size_t i = 0; i < kCounters; ++i) {
        mask |= use.counters[i] != 0 ? 1U << i : 0U;
    }
    for (std::size_t i = 0; i < metrics::kCostKinds; ++i) {
        mask |= use.cost_by_kind[i] != 0 ? 1U << (kCounters + i) : 0U;
    }
    return mask;
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
    forget_sums();
    return database_.run("BEGIN IMMEDIATE");
}

void Store::forget_sums() noexcept {
    sums_.clear();
    alike_.clear();
    last_sums_ = nullptr;
}

void Store::rollback() {
    forget_sums();
    known_names_.clear();  // some of them may not be in the file
    last_names_ = {};
    tag_lists_.clear();
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

Result<std::int64_t> Store::name(std::string_view text, LastName& last) {
    if (last.id != 0 && last.text == text) {
        return last.id;
    }
    const Result<std::int64_t> id = name(text);
    if (id) {
        last.text = text;
        last.id = *id;
    }
    return id;
}

// Most rows have few counters, and those are always the same ones.
Result<Store::RowShape*> Store::shape_of(const Use& use) {
    constexpr std::size_t kMostShapes = 32;
    std::uint32_t mask = mask_of(use);
    if (shapes_.size() >= kMostShapes && !shapes_.contains(mask)) {
        mask = kEverything;
    }
    RowShape& shape = shapes_[mask];
    if (!shape.is_prepared) {
        Result<sqlite::Statement> made = database_.prepare(
            insert_sql("requests",
                       "request_id, id, at, key, team, user, tags, endpoint, requested_model, "
                       "provider, model, attempts, status, outcome, stream, latency_us, ttft_us, "
                       "priced, estimated, cost_pico",
                       1 + kRowIntegers, mask));
        if (!made) {
            return std::unexpected(made.error());
        }
        shape.statement = std::move(*made);
        shape.mask = mask;
        shape.is_prepared = true;
    }
    return &shape;
}

Result<void> Store::insert(std::int64_t request, const Entry& entry,
                           const std::array<std::int64_t, 8>& ids) {
    const Result<RowShape*> found = shape_of(entry.use);
    if (!found) {
        return std::unexpected(found.error());
    }
    RowShape& shape = **found;
    sqlite::Statement& row = shape.statement;
    const std::array<std::int64_t, kRowIntegers> values{request,
                                                        entry.at_us,
                                                        ids[0],
                                                        ids[1],
                                                        ids[2],
                                                        ids[3],
                                                        ids[4],
                                                        ids[5],
                                                        ids[6],
                                                        ids[7],
                                                        entry.attempts,
                                                        entry.status,
                                                        entry.outcome,
                                                        entry.is_stream ? 1 : 0,
                                                        integer(entry.latency_us),
                                                        integer(entry.ttft_us),
                                                        static_cast<std::int64_t>(entry.use.priced),
                                                        entry.use.is_estimated ? 1 : 0,
                                                        entry.use.cost_pico};
    row.bind_view(1, clean(entry.request_id));
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!shape.is_bound || shape.bound[i] != values[i]) {
            row.bind(static_cast<int>(2 + i), values[i]);
        }
    }
    shape.bound = values;
    shape.is_bound = true;
    int at = static_cast<int>(2 + values.size());
    for (std::size_t i = 0; i < kCounters; ++i) {
        if ((shape.mask >> i & 1) != 0) {
            row.bind(at++, integer(entry.use.counters[i]));
        }
    }
    for (std::size_t i = 0; i < metrics::kCostKinds; ++i) {
        if ((shape.mask >> (kCounters + i) & 1) != 0) {
            row.bind(at++, entry.use.cost_by_kind[i]);
        }
    }
    return row.run();
}

Result<void> Store::add(const Entry& entry) {
    const std::string tags = joined(entry.tags);
    std::array<std::int64_t, 8> ids{};
    const std::array<std::string_view, 8> texts{
        entry.key,      entry.team, entry.user, tags, entry.endpoint, entry.requested_model,
        entry.provider, entry.model};
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const Result<std::int64_t> id = name(texts[i], last_names_[i]);
        if (!id) {
            return std::unexpected(id.error());
        }
        ids[i] = *id;
    }
    const std::int64_t request = next_request_++;
    Result<void> good = insert(request, entry, ids);
    if (good) {
        good = note_tags(entry, ids[3]);
    }
    if (!good) {
        return good;
    }
    const Ids who{.key = ids[0], .team = ids[1], .user = ids[2], .tags = ids[3]};
    sum(entry, who, ids[6], ids[7], entry.use, false);
    return add_spent(request, entry, who);
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
        if (const Result<void> added = add_spent_.run(); !added) {
            return added;
        }
        sum(entry, ids, *provider, *model, spent.use, true);
    }
    return {};
}

// A request counts under each of its tags once.
Result<void> Store::note_tags(const Entry& entry, std::int64_t id) {
    if (tag_lists_.contains(id)) {
        return {};
    }
    std::vector<std::string_view> tags = entry.tags;
    if (tags.empty()) {
        tags.emplace_back();
    }
    std::ranges::sort(tags);
    const auto repeated = std::ranges::unique(tags);
    tags.erase(repeated.begin(), repeated.end());
    std::vector<std::int64_t> list;
    for (const std::string_view tag : tags) {
        const Result<std::int64_t> one = name(tag);
        if (!one) {
            return std::unexpected(one.error());
        }
        list.push_back(*one);
    }
    tag_lists_.emplace(id, std::move(list));
    return {};
}

Store::Sums& Store::Sums::operator+=(const Sums& more) noexcept {
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += more.values[i];
    }
    usd += more.usd;
    pico += more.pico;
    return *this;
}

void Store::sum(const Entry& entry, const Ids& ids, std::int64_t provider, std::int64_t model,
                const Use& use, bool is_spent) {
    const AlikeKey key{bucket_of(Grain::hour, entry.at_us / 1'000'000),
                       provider,
                       model,
                       ids.key,
                       ids.team,
                       ids.user,
                       ids.tags};
    if (last_sums_ == nullptr || last_alike_ != key) {
        last_sums_ = &alike_[key];
        last_alike_ = key;
    }
    Sums& sums = *last_sums_;
    const std::array<std::uint64_t, kMeasureNames.size()> measures{
        is_spent ? 0U : 1U, !is_spent && entry.outcome != 0 ? 1U : 0U,
        use.priced == Priced::unpriced ? 1U : 0U, use.is_estimated ? 1U : 0U,
        is_spent ? 0 : entry.latency_us};
    for (std::size_t i = 0; i < measures.size(); ++i) {
        sums.values[i] += measures[i];
    }
    for (std::size_t i = 0; i < kCounters; ++i) {
        sums.values[measures.size() + i] += use.counters[i];
    }
    sums.usd += use.cost_pico / kPicoPerUsd;
    sums.pico += use.cost_pico % kPicoPerUsd;
}

// Into every cube, at every grain.
void Store::share_out(const AlikeKey& alike, const Sums& sums) {
    const auto [hour, provider, model, key, team, user, tags] = alike;
    const auto add_to = [&](std::int64_t cube, const std::array<std::int64_t, 5>& dimensions) {
        for (std::size_t g = 0; g < kGrains; ++g) {
            SumKey to{cube, static_cast<std::int64_t>(g), bucket_of(static_cast<Grain>(g), hour)};
            std::copy(dimensions.begin(), dimensions.end(), to.begin() + 3);
            sums_[to] += sums;
        }
    };
    // In the order of kCubes.
    add_to(0, {provider, model});
    add_to(1, {key, team});
    add_to(2, {provider, model, key, team});
    add_to(4, {user, key, team});
    for (const std::int64_t tag : tag_lists_[tags]) {
        add_to(3, {tag, provider, model, key, team});
    }
}

Result<void> Store::write_sums() {
    constexpr std::size_t kMostTagLists = 50'000;
    for (const auto& [key, sums] : alike_) {
        share_out(key, sums);
    }
    if (tag_lists_.size() > kMostTagLists) {
        tag_lists_.clear();
    }
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
    forget_sums();
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
