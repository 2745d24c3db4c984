// What one walk over a request's body leaves behind: the top level, and one level below it what
// peek's checks need. Internal to request.cpp.
#pragma once

#include "adapters/codec/json_walk.hpp"
#include "adapters/request.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tollgate::adapters::outline {

using json::Fault;
using json::Kind;

// Real requests have about thirty members; the bound keeps the search for duplicates short for
// hostile ones.
inline constexpr std::size_t kMemberLimit = 512;
// Not syntax errors, but found during the same walk; recognised by identity.
inline constexpr std::string_view kNotObject = "the body is not an object";
inline constexpr std::string_view kDuplicate = "duplicate member";
inline constexpr std::string_view kEscapedKey = "escaped member name";
inline constexpr std::string_view kTooManyMembers = "too many members";

/// What the walk leaves behind about each top-level member, parallel to Request::members.
struct Shape {
    Kind kind = Kind::missing;
    std::size_t children = 0;
    std::size_t odd_child = 0;  ///< 1 + index of the first child that is no object
    Kind odd_kind = Kind::missing;
};

/// Receives the walk; keeps the top level, and one level below it what the checks need.
class Outline {
public:
    Outline(std::string_view body, std::vector<Member>& members) : body_(body), members_(members) {
        members_.reserve(16);
    }

    Fault open(Kind kind, std::size_t begin) {
        if (depth_ == 0 && kind != Kind::object) {
            return {.what = kNotObject, .offset = begin};
        }
        if (depth_ <= 2) {
            note(kind, begin, begin);
        }
        ++depth_;
        return {};
    }
    void close(std::size_t end) {
        if (--depth_ == 1) {
            members_.back().value.end = end;
        }
    }
    Fault key(std::size_t begin, std::size_t end) {
        if (depth_ > 2) {
            return {};
        }
        const std::string_view name = body_.substr(begin + 1, end - begin - 2);
        if (depth_ == 2) {
            usage_next_ = in_stream_options_ && name == "include_usage";
            return {};
        }
        if (name.find('\\') != std::string_view::npos) {
            return {.what = kEscapedKey, .offset = begin};
        }
        if (seen_before(name)) {
            return {.what = kDuplicate, .offset = begin};
        }
        if (members_.size() == kMemberLimit) {
            return {.what = kTooManyMembers, .offset = begin};
        }
        members_.push_back({.key = name, .key_range = {begin, end}, .value = {}});
        in_stream_options_ = name == "stream_options";
        return {};
    }
    Fault scalar(Kind kind, std::size_t begin, std::size_t end) {
        if (depth_ > 2) {
            return {};
        }
        if (depth_ == 0) {
            return {.what = kNotObject, .offset = begin};
        }
        note(kind, begin, end);
        return {};
    }

    [[nodiscard]] const Shape& shape(std::size_t member) const noexcept {
        return member < few_.size() ? few_[member] : more_[member - few_.size()];
    }
    /// stream_options.include_usage: what kind of value it has, and its value.
    [[nodiscard]] Kind usage_kind() const noexcept { return usage_kind_; }
    [[nodiscard]] bool usage_wanted() const noexcept { return usage_wanted_; }

private:
    void note(Kind kind, std::size_t begin, std::size_t end) {
        if (depth_ == 1) {
            members_.back().value = {begin, end};
            last_ = shapes_ < few_.size() ? &few_[shapes_] : &more_.emplace_back();
            *last_ = {.kind = kind};
            ++shapes_;
        } else if (depth_ == 2) {
            Shape& shape = *last_;
            ++shape.children;
            if (kind != Kind::object && shape.odd_child == 0) {
                shape.odd_child = shape.children;
                shape.odd_kind = kind;
            }
            if (usage_next_) {
                usage_next_ = false;
                usage_kind_ = kind;
                usage_wanted_ = body_[begin] == 't';
            }
        }
    }
    bool seen_before(std::string_view name) noexcept {
        // One bit per (length, first, last) class: most names are cleared without comparing them to
        // the others.
        const unsigned first = name.empty() ? 0U : static_cast<unsigned char>(name.front());
        const unsigned last = name.empty() ? 0U : static_cast<unsigned char>(name.back());
        const std::uint64_t bit = std::uint64_t{1} << ((name.size() * 7 + first * 3 + last) % 64);
        const bool maybe = (seen_ & bit) != 0;
        seen_ |= bit;
        if (maybe) {
            for (const Member& member : members_) {
                if (member.key == name) {
                    return true;
                }
            }
        }
        return false;
    }

    std::string_view body_;
    std::vector<Member>& members_;
    std::array<Shape, 16> few_;  // most requests have no more members
    std::vector<Shape> more_;
    std::size_t shapes_ = 0;
    Shape* last_ = nullptr;
    std::size_t depth_ = 0;
    std::uint64_t seen_ = 0;
    bool in_stream_options_ = false;
    bool usage_next_ = false;
    bool usage_wanted_ = false;
    Kind usage_kind_ = Kind::missing;
};

}  // namespace tollgate::adapters::outline
