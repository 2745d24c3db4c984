#include "server/keys/key_book.hpp"

#include "server/caller_key.hpp"

#include <algorithm>
#include <filesystem>

namespace tollgate::server {
namespace {

using Kind = KeyTrouble::Kind;

constexpr int kBusyMs = 5000;
constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kNever = 0;

constexpr std::string_view kColumns =
    "name, hash, previous_hash, previous_until, enabled, expires, team, models, tags, "
    "budget_micros, budget_per, rpm, tpm, concurrency, created";

std::unexpected<KeyTrouble> storage(const sqlite::Error& error) {
    return std::unexpected(
        KeyTrouble{.kind = Kind::storage, .text = "The file of keys: " + error.text + "."});
}

std::unexpected<KeyTrouble> unknown(std::string_view name) {
    return std::unexpected(KeyTrouble{.kind = Kind::unknown,
                                      .text = "There is no key '" +
                                              std::string(name.substr(0, 128)) +
                                              "' that was made at run time."});
}

std::unexpected<KeyTrouble> no_randomness() {
    return std::unexpected(
        KeyTrouble{.kind = Kind::storage, .text = "The system gives no random numbers."});
}

// Names of models and tags hold no line breaks.
std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text.append(text.empty() ? "" : "\n").append(word);
    }
    return text;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return lines;
}

config::Timestamp moment(std::int64_t seconds) {
    return config::Timestamp(std::chrono::seconds(seconds));
}

BookedKey read_row(sqlite::Statement& row) {
    BookedKey key;
    config::KeySettings& settings = key.spec.settings;
    settings.name = row.text(0);
    settings.hash = row.text(1);
    settings.previous_hash = row.text(2);
    key.spec.previous_until = moment(row.integer(3));
    settings.enabled = row.integer(4) != 0;
    if (const std::int64_t expires = row.integer(5); expires != kNever) {
        settings.expires = moment(expires);
    }
    settings.team = row.text(6);
    settings.models = lines_of(row.text(7));
    settings.tags = lines_of(row.text(8));
    if (const std::int64_t micros = row.integer(9); micros > 0) {
        const std::int64_t per = std::clamp<std::int64_t>(row.integer(10), 0, 4);
        settings.budget =
            config::KeyBudget{.usd = {micros}, .per = static_cast<config::Period>(per)};
    }
    const auto count = [&](int column) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(row.integer(column), 0));
    };
    settings.limits = {
        .rpm = count(11), .tpm = count(12), .concurrency = static_cast<unsigned>(count(13))};
    key.created = moment(row.integer(14));
    return key;
}

sqlite::Result<void> make_tables(sqlite::Database& database) {
    sqlite::Result<void> good =
        database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (good) {
        good = database.run(
            "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, "
            "hash TEXT NOT NULL UNIQUE, previous_hash TEXT NOT NULL, previous_until INTEGER NOT "
            "NULL, enabled INTEGER NOT NULL, expires INTEGER NOT NULL, team TEXT NOT NULL, "
            "models TEXT NOT NULL, tags TEXT NOT NULL, budget_micros INTEGER NOT NULL, "
            "budget_per INTEGER NOT NULL, rpm INTEGER NOT NULL, tpm INTEGER NOT NULL, "
            "concurrency INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID; "
            "PRAGMA user_version = " +
            std::to_string(kVersion) + "; COMMIT");
    }
    return good;
}

sqlite::Result<std::int64_t> number(sqlite::Database& database, std::string_view sql) {
    sqlite::Result<sqlite::Statement> statement = database.prepare(sql);
    if (!statement) {
        return std::unexpected(statement.error());
    }
    const sqlite::Result<bool> row = statement->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    return statement->integer(0);
}

}  // namespace

KeyResult<KeyBook> KeyBook::open(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code ignored;  // opening says what is wrong
    const fs::path parent = fs::path(path).parent_path();
    if (!parent.empty() && !fs::exists(parent, ignored)) {
        fs::create_directories(parent, ignored);
        fs::permissions(parent, fs::perms::owner_all, ignored);
    }
    sqlite::Result<sqlite::Database> database =
        sqlite::Database::open(path, sqlite::Mode::create, kBusyMs);
    if (!database) {
        return storage(database.error());
    }
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, ignored);
    const sqlite::Result<std::int64_t> version = number(*database, "PRAGMA user_version");
    if (!version) {
        return storage(version.error());
    }
    if (*version != 0 && *version != kVersion) {
        return std::unexpected(KeyTrouble{.kind = Kind::storage,
                                          .text = "The file of keys is of another version of the "
                                                  "gateway."});
    }
    if (*version == 0) {
        if (const sqlite::Result<void> made = make_tables(*database); !made) {
            return storage(made.error());
        }
    }
    return KeyBook(std::move(*database));
}

KeyResult<void> KeyBook::each(const std::function<void(BookedKey&&)>& visit) {
    sqlite::Result<sqlite::Statement> rows =
        database_.prepare("SELECT " + std::string(kColumns) + " FROM keys ORDER BY name");
    if (!rows) {
        return storage(rows.error());
    }
    for (;;) {
        const sqlite::Result<bool> more = rows->step();
        if (!more) {
            return storage(more.error());
        }
        if (!*more) {
            return {};
        }
        visit(read_row(*rows));
    }
}

KeyResult<std::vector<BookedKey>> KeyBook::all() {
    std::vector<BookedKey> keys;
    const KeyResult<void> read = each([&](BookedKey&& key) { keys.push_back(std::move(key)); });
    if (!read) {
        return std::unexpected(read.error());
    }
    return keys;
}

KeyResult<BookedKey> KeyBook::find(std::string_view name) {
    sqlite::Result<sqlite::Statement> row =
        database_.prepare("SELECT " + std::string(kColumns) + " FROM keys WHERE name = ?");
    const sqlite::Result<bool> found =
        row ? row->bind(1, name).step() : std::unexpected(row.error());
    if (!found) {
        return storage(found.error());
    }
    return *found ? KeyResult<BookedKey>(read_row(*row)) : unknown(name);
}

KeyResult<void> KeyBook::write(const BookedKey& key, bool is_new) {
    const config::KeySettings& settings = key.spec.settings;
    sqlite::Result<sqlite::Statement> row =
        database_.prepare((is_new ? "INSERT INTO keys (" : "REPLACE INTO keys (") +
                          std::string(kColumns) + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    if (!row) {
        return storage(row.error());
    }
    const std::string models = joined(settings.models);
    const std::string tags = joined(settings.tags);
    row->bind(1, settings.name).bind(2, settings.hash).bind(3, settings.previous_hash);
    row->bind(4, key.spec.previous_until.time_since_epoch().count());
    row->bind(5, std::int64_t{settings.enabled});
    row->bind(6, settings.expires ? settings.expires->time_since_epoch().count() : kNever);
    row->bind(7, settings.team).bind(8, models).bind(9, tags);
    row->bind(10, settings.budget ? settings.budget->usd.micros : 0);
    row->bind(11, settings.budget ? static_cast<std::int64_t>(settings.budget->per) : 0);
    row->bind(12, static_cast<std::int64_t>(settings.limits.rpm));
    row->bind(13, static_cast<std::int64_t>(settings.limits.tpm));
    row->bind(14, std::int64_t{settings.limits.concurrency});
    row->bind(15, key.created.time_since_epoch().count());
    if (const sqlite::Result<void> written = row->run(); !written) {
        return storage(written.error());
    }
    return {};
}

KeyResult<NewSecret> KeyBook::create(const std::string& name, const KeyChange& change,
                                     config::Timestamp now) {
    if (const KeyResult<BookedKey> known = find(name); known) {
        return std::unexpected(
            KeyTrouble{.kind = Kind::taken, .text = "There is a key '" + name + "' already."});
    } else if (known.error().kind != Kind::unknown) {
        return std::unexpected(known.error());
    }
    NewSecret fresh;
    fresh.secret = make_secret();
    if (fresh.secret.empty()) {
        return no_randomness();
    }
    fresh.key.created = now;
    fresh.key.spec.previous_until = router::WallTime();
    fresh.key.spec.settings.name = name;
    fresh.key.spec.settings.hash = sha256_text(fresh.secret);
    change.apply(fresh.key.spec.settings);
    if (const KeyResult<void> written = write(fresh.key, true); !written) {
        return std::unexpected(written.error());
    }
    return fresh;
}

KeyResult<BookedKey> KeyBook::change(std::string_view name, const KeyChange& change) {
    if (const sqlite::Result<void> begun = database_.run("BEGIN IMMEDIATE"); !begun) {
        return storage(begun.error());
    }
    KeyResult<BookedKey> key = find(name);
    if (key) {
        change.apply(key->spec.settings);
        if (const KeyResult<void> written = write(*key, false); !written) {
            key = std::unexpected(written.error());
        }
    }
    const sqlite::Result<void> done = database_.run(key ? "COMMIT" : "ROLLBACK");
    return key && !done ? storage(done.error()) : std::move(key);
}

KeyResult<NewSecret> KeyBook::rotate(std::string_view name, std::chrono::seconds overlap,
                                     config::Timestamp now) {
    if (const sqlite::Result<void> begun = database_.run("BEGIN IMMEDIATE"); !begun) {
        return storage(begun.error());
    }
    KeyResult<BookedKey> key = find(name);
    NewSecret fresh;
    fresh.secret = make_secret();
    if (fresh.secret.empty()) {
        key = no_randomness();
    }
    if (key) {
        config::KeySettings& settings = key->spec.settings;
        settings.previous_hash = overlap.count() > 0 ? settings.hash : std::string();
        key->spec.previous_until = overlap.count() > 0 ? now + overlap : router::WallTime();
        settings.hash = sha256_text(fresh.secret);
        if (const KeyResult<void> written = write(*key, false); !written) {
            key = std::unexpected(written.error());
        }
    }
    const sqlite::Result<void> done = database_.run(key ? "COMMIT" : "ROLLBACK");
    if (!key) {
        return std::unexpected(key.error());
    }
    if (!done) {
        return storage(done.error());
    }
    fresh.key = std::move(*key);
    return fresh;
}

KeyResult<void> KeyBook::remove(std::string_view name) {
    sqlite::Result<sqlite::Statement> row =
        database_.prepare("DELETE FROM keys WHERE name = ? RETURNING 1");
    const sqlite::Result<bool> found =
        row ? row->bind(1, name).step() : std::unexpected(row.error());
    if (!found) {
        return storage(found.error());
    }
    if (!*found) {
        return unknown(name);
    }
    if (const sqlite::Result<bool> end = row->step(); !end) {
        return storage(end.error());
    }
    return {};
}

KeyResult<std::int64_t> KeyBook::version() {
    const sqlite::Result<std::int64_t> version = number(database_, "PRAGMA data_version");
    return version ? KeyResult<std::int64_t>(*version) : storage(version.error());
}

}  // namespace tollgate::server
