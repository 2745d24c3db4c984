// SQLite behind values and Results; no type of the library shows.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace tollgate::sqlite {

/// What the caller may want to tell apart.
enum class Kind : std::uint8_t {
    locked,     ///< another process or thread holds it; try again
    full,       ///< the disk is full
    read_only,  ///< file or directory may not be written
    corrupt,    ///< the file is damaged, or no database
    io,         ///< anything else that the disk or the system refuses
    other,      ///< a mistake in a statement
};
struct Error {
    Kind kind = Kind::other;
    std::string text;
};
template <class T>
using Result = std::expected<T, Error>;

/// Once, before anything else of this file: what the library would count for everybody, under a
/// lock, is not counted.
void start() noexcept;

class Database;

/// A prepared statement; parameters count from 1, columns from 0.  Dies before its Database.
class Statement {
public:
    Statement() = default;
    Statement& bind(int parameter, std::int64_t number) noexcept;
    /// The text is copied.
    Statement& bind(int parameter, std::string_view text) noexcept;
    /// The same without a copy: the text lives until the statement has run.
    Statement& bind_view(int parameter, std::string_view text) noexcept;
    /// True: there is a row to read.
    [[nodiscard]] Result<bool> step();
    /// Steps once and resets; for what gives no rows.
    [[nodiscard]] Result<void> run();
    void reset() noexcept;
    [[nodiscard]] std::int64_t integer(int column) noexcept;
    /// Lives until the next step() or reset().
    [[nodiscard]] std::string_view text(int column) noexcept;

private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

enum class Mode : std::uint8_t {
    create,    ///< reads and writes; a missing file is made
    existing,  ///< the file must be there, though it may be write-protected
};

class Database {
public:
    /// `busy_ms`: how long a statement waits for others' locks.
    [[nodiscard]] static Result<Database> open(const std::string& path, Mode mode, int busy_ms);
    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    /// One or more statements without parameters.
    [[nodiscard]] Result<void> run(const std::string& sql);

private:
    struct Close {
        void operator()(sqlite3* database) const noexcept;
    };
    std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace tollgate::sqlite
