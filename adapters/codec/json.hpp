// A read-only JSON tree over the client's or the vendor's bytes, and a small writer.
// simdjson finds the tokens; its types never leave codec/json_walk.cpp.
#pragma once

#include "failover/failure.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::json {

enum class Kind : std::uint8_t { missing, null, boolean, number, string, array, object };

/// Limits that a parse enforces; going over one is an error that names the limit.
struct Limits {
    std::size_t depth = 64;         ///< nesting of arrays and objects
    std::size_t nodes = 4'000'000;  ///< values in one document
};

namespace detail {
struct Node;
struct Tree;
}  // namespace detail

/// A handle to one value of a Document.  Cheap to copy; dies with its Document.
/// Every accessor is total: on a missing value or one of another kind it gives the default, so that
/// `doc["a"][0]["b"].string()` needs no checks; ask kind() where absence matters.
class Value {
public:
    Value() = default;
    [[nodiscard]] Kind kind() const noexcept;
    [[nodiscard]] bool exists() const noexcept { return kind() != Kind::missing; }
    [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }
    [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::string; }
    [[nodiscard]] bool is_number() const noexcept { return kind() == Kind::number; }
    [[nodiscard]] bool is_array() const noexcept { return kind() == Kind::array; }
    [[nodiscard]] bool is_object() const noexcept { return kind() == Kind::object; }
    [[nodiscard]] bool is_bool() const noexcept { return kind() == Kind::boolean; }

    /// Unescaped text of a string; `fallback` otherwise.  The view lives as long as the Document.
    [[nodiscard]] std::string_view string(std::string_view fallback = {}) const noexcept;
    [[nodiscard]] bool boolean(bool fallback = false) const noexcept;
    /// Number as an integer: also `3.0` and `3e0`; nothing when it does not fit or has a fraction.
    [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
    [[nodiscard]] std::optional<double> number() const noexcept;
    /// Non-negative integer for token counts; 0 when absent, negative or not a number.
    [[nodiscard]] std::uint64_t count() const noexcept;
    /// The exact source bytes of this value (numbers keep their digits, objects their spacing).
    [[nodiscard]] std::string_view raw() const noexcept;

    /// Elements of an array or members of an object; 0 otherwise.
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] Value operator[](std::size_t index) const noexcept;  ///< array element, O(index)
    [[nodiscard]] Value operator[](
        std::string_view key) const noexcept;  ///< object member (the last of that name)
    [[nodiscard]] std::string_view key()
        const noexcept;  ///< unescaped name, when reached through an object

    /// Iteration over the children of an array or object, in source order.
    class Iterator {
    public:
        using value_type = Value;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        Iterator(const detail::Tree* tree, std::uint32_t node) : tree_(tree), node_(node) {}
        Value operator*() const noexcept { return Value(tree_, node_); }
        Iterator& operator++() noexcept;
        Iterator operator++(int) noexcept {
            Iterator copy = *this;
            ++*this;
            return copy;
        }
        bool operator==(const Iterator& other) const noexcept { return node_ == other.node_; }

    private:
        const detail::Tree* tree_ = nullptr;
        std::uint32_t node_ = 0;
    };
    [[nodiscard]] Iterator begin() const noexcept;
    [[nodiscard]] Iterator end() const noexcept;

private:
    friend class Document;
    friend class Iterator;
    Value(const detail::Tree* tree, std::uint32_t node) : tree_(tree), node_(node) {}
    const detail::Tree* tree_ = nullptr;
    std::uint32_t node_ = 0;
};

/// A parsed document.  Owns its nodes and unescaped strings; `raw()` views point into the bytes
/// given to parse().
class Document {
public:
    Document();
    ~Document();
    Document(Document&&) noexcept;
    Document& operator=(Document&&) noexcept;

    /// Parses all of `bytes` (one JSON value, surrounding white space allowed) and checks it fully:
    /// syntax, UTF-8, depth, trailing content.  `bytes` must outlive the Document; no padding is
    /// required of the caller. Failure kind is protocol_error with a sentence naming the byte
    /// offset where known; callers change the kind.
    [[nodiscard]] static Result<Document> parse(std::string_view bytes, const Limits& limits = {});

    [[nodiscard]] Value root() const noexcept;
    [[nodiscard]] Value operator[](std::string_view key) const noexcept { return root()[key]; }

private:
    std::unique_ptr<detail::Tree> tree_;
};

/// Appends JSON to a string.  Commas and colons are written by the writer; strings are escaped;
/// invalid UTF-8 becomes U+FFFD.  Nothing is checked beyond that: the caller keeps begin/end
/// balanced.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}
    Writer& begin_object();
    Writer& end_object();
    Writer& begin_array();
    Writer& end_array();
    Writer& key(std::string_view name);
    Writer& string(std::string_view text);
    Writer& raw(std::string_view json);  ///< bytes that are JSON already
    Writer& integer(std::int64_t number);
    Writer& count(std::uint64_t number);
    Writer& boolean(bool flag);
    Writer& null();
    /// `"name":"text"` in one call; the commonest shape.
    Writer& member(std::string_view name, std::string_view text) { return key(name).string(text); }
    Writer& member_raw(std::string_view name, std::string_view json) { return key(name).raw(json); }
    Writer& member_count(std::string_view name, std::uint64_t number) {
        return key(name).count(number);
    }

private:
    void separate();
    std::string& out_;
    bool need_comma_ = false;
};

/// Value::count() of a number as it stands in JSON; 0 for any other text.
[[nodiscard]] std::uint64_t count_of(std::string_view raw) noexcept;

/// Appends `text` escaped, without the quotes.
void append_escaped(std::string& out, std::string_view text);
/// Appends `text` as a JSON string with its quotes.
void append_string(std::string& out, std::string_view text);

}  // namespace tollgate::json
