// Edits of a JSON object by byte range: what is not named reaches the other side exactly as it was
// written.
#pragma once

#include "adapters/dialect.hpp"
#include "adapters/request.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::json {

/// Collects edits of one object and writes the result as a gather list over the object's own bytes.
/// `source` and `members` must outlive it, and `source` the written pieces.
class ObjectEdit {
public:
    /// `members`: the object's own members, in source order; `source`: the text that their ranges
    /// count in.
    ObjectEdit(std::string_view source, std::span<const adapters::Member> members);
    /// A request's body and its top-level members.
    explicit ObjectEdit(const adapters::Request& request)
        : ObjectEdit(request.body, request.members) {}

    /// Puts `json` in place of the bytes of `range` (a value, or any bytes inside one).  Ranges
    /// must not overlap.
    void replace(adapters::Range range, std::string json);
    /// Puts `json` before the byte at `offset`.
    void insert(std::size_t offset, std::string json) {
        replace({offset, offset}, std::move(json));
    }
    /// Gives a member another name.
    void rename(const adapters::Member& member, std::string_view key);
    /// Takes a member out, with the comma that becomes superfluous.  Other edits inside it are
    /// forgotten.
    void remove(const adapters::Member& member);
    /// Adds a member at the end of the object.
    void append(std::string_view key, std::string_view json);

    [[nodiscard]] bool is_removed(const adapters::Member& member) const noexcept;
    [[nodiscard]] bool empty() const noexcept {
        return edits_.empty() && appended_.empty() && !removes_;
    }

    /// Ends the collecting: adds the result to `out`.  Views of `source`, and strings owned by
    /// `out`.
    void write(adapters::BodyPieces& out) &&;

private:
    struct Edit {
        std::size_t offset = 0;
        std::size_t length = 0;
        std::string replacement;
    };

    [[nodiscard]] std::size_t index_of(const adapters::Member& member) const noexcept {
        return static_cast<std::size_t>(&member - members_.data());
    }
    void add_removals();
    void add_appended();

    std::string_view source_;
    std::span<const adapters::Member> members_;
    std::vector<Edit> edits_;
    std::vector<bool> removed_;  // by member; empty until the first removal
    std::string appended_;       // members without a leading comma
    bool removes_ = false;
};

}  // namespace tollgate::json
