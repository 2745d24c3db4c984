// The keys that were made at run time, in an SQLite file of their own.  Only hashes are in it.
#pragma once

#include "metrics/sqlite.hpp"
#include "router/keys/key.hpp"
#include "server/keys/key_change.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server {

struct BookedKey {
    router::KeySpec spec;
    config::Timestamp created = {};
};
/// The one time that a secret is seen.
struct NewSecret {
    BookedKey key;
    std::string secret;
};

struct KeyTrouble {
    enum class Kind : std::uint8_t { unknown, taken, storage };
    Kind kind = Kind::storage;
    std::string text;  ///< a sentence
};
template <class T>
using KeyResult = std::expected<T, KeyTrouble>;

/// One thread at a time; other processes may have the same file open.
class KeyBook {
public:
    /// Makes the file where it does not exist, readable by its owner alone.
    [[nodiscard]] static KeyResult<KeyBook> open(const std::string& path);

    /// One after the other, in the order of their names.
    [[nodiscard]] KeyResult<void> each(const std::function<void(BookedKey&&)>& visit);
    [[nodiscard]] KeyResult<std::vector<BookedKey>> all();
    [[nodiscard]] KeyResult<BookedKey> find(std::string_view name);
    [[nodiscard]] KeyResult<NewSecret> create(const std::string& name, const KeyChange& change,
                                              config::Timestamp now);
    [[nodiscard]] KeyResult<BookedKey> change(std::string_view name, const KeyChange& change);
    /// A new secret; the old one is valid for `overlap` more.
    [[nodiscard]] KeyResult<NewSecret> rotate(std::string_view name, std::chrono::seconds overlap,
                                              config::Timestamp now);
    [[nodiscard]] KeyResult<void> remove(std::string_view name);
    /// Another number whenever somebody else has changed the file.
    [[nodiscard]] KeyResult<std::int64_t> version();

private:
    explicit KeyBook(sqlite::Database database) : database_(std::move(database)) {}
    [[nodiscard]] KeyResult<void> write(const BookedKey& key, bool is_new);

    sqlite::Database database_;
};

}  // namespace tollgate::server
