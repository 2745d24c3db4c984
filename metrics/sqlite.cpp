#include "metrics/sqlite.hpp"

#include <sqlite3.h>

namespace tollgate::sqlite {
namespace {

Kind kind_of(int code) noexcept {
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return Kind::locked;
        case SQLITE_FULL:
            return Kind::full;
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return Kind::read_only;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return Kind::corrupt;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_NOMEM:
        case SQLITE_AUTH:
            return Kind::io;
        default:
            return Kind::other;
    }
}

std::unexpected<Error> failure(sqlite3* database, int code) {
    const char* const text = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    return std::unexpected(Error{.kind = kind_of(code), .text = text});
}

}  // namespace

void start() noexcept {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);  // a connection is one thread's at a time
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
    sqlite3_finalize(statement);
}

void Database::Close::operator()(sqlite3* database) const noexcept {
    sqlite3_close_v2(database);
}

Statement& Statement::bind(int parameter, std::int64_t number) noexcept {
    sqlite3_bind_int64(statement_.get(), parameter, number);
    return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) noexcept {
    sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(), text.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bind_view(int parameter, std::string_view text) noexcept {
    sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(), text.size(),
                        SQLITE_STATIC, SQLITE_UTF8);
    return *this;
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return code == SQLITE_ROW;
    }
    auto failed = failure(sqlite3_db_handle(statement_.get()), code);
    sqlite3_reset(statement_.get());
    return failed;
}

Result<void> Statement::run() {
    const Result<bool> stepped = step();
    if (!stepped) {
        return std::unexpected(stepped.error());
    }
    reset();
    return {};
}

void Statement::reset() noexcept {
    sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) noexcept {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) noexcept {
    const unsigned char* const text = sqlite3_column_text(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return text == nullptr ? std::string_view()
                           : std::string_view(reinterpret_cast<const char*>(text),
                                              static_cast<std::size_t>(size));
}

Result<Database> Database::open(const std::string& path, Mode mode, int busy_ms) {
    sqlite3* raw = nullptr;
    // Not SQLITE_OPEN_READONLY for those that only read: what a killed process left half written
    // has to be rolled back first.  A file that may not be written is opened for reading by this as
    // well (sqlite.org/c3ref/open.html).
    const int flags = SQLITE_OPEN_READWRITE | (mode == Mode::create ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    Database opened;
    opened.database_.reset(raw);
    if (code != SQLITE_OK) {
        return failure(raw, code);
    }
    sqlite3_busy_timeout(raw, busy_ms);
    return opened;
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) {
        return failure(database_.get(), code);
    }
    Statement statement;
    statement.statement_.reset(raw);
    return statement;
}

Result<void> Database::run(const std::string& sql) {
    const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        return failure(database_.get(), code);
    }
    return {};
}

}  // namespace tollgate::sqlite
