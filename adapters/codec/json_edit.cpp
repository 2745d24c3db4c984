#include "adapters/codec/json_edit.hpp"

#include "adapters/codec/json.hpp"

#include <algorithm>

namespace tollgate::json {

using adapters::Member;
using adapters::Range;

ObjectEdit::ObjectEdit(std::string_view source, std::span<const Member> members)
    : source_(source), members_(members) {}

void ObjectEdit::replace(Range range, std::string json) {
    edits_.push_back(
        {.offset = range.begin, .length = range.size(), .replacement = std::move(json)});
}

void ObjectEdit::rename(const Member& member, std::string_view key) {
    std::string quoted;
    append_string(quoted, key);
    replace(member.key_range, std::move(quoted));
}

void ObjectEdit::remove(const Member& member) {
    removed_.resize(members_.size());
    removed_[index_of(member)] = true;
    removes_ = true;
}

void ObjectEdit::append(std::string_view key, std::string_view json) {
    if (!appended_.empty()) {
        appended_ += ',';
    }
    append_string(appended_, key);
    appended_ += ':';
    appended_ += json;
}

bool ObjectEdit::is_removed(const Member& member) const noexcept {
    return removes_ && removed_[index_of(member)];
}

// A run of removed members takes the comma behind it, or, at the object's end, the one before it.
void ObjectEdit::add_removals() {
    for (std::size_t first = 0; first < members_.size(); ++first) {
        if (!removed_[first]) {
            continue;
        }
        std::size_t next = first;
        while (next < members_.size() && removed_[next]) {
            ++next;
        }
        Range gone{members_[first].key_range.begin, members_[next - 1].value.end};
        if (next < members_.size()) {
            gone.end = members_[next].key_range.begin;
        } else if (first > 0) {
            gone.begin = members_[first - 1].value.end;
        }
        std::erase_if(edits_, [gone](const Edit& edit) {
            return edit.offset >= gone.begin && edit.offset + edit.length <= gone.end &&
                   edit.offset < gone.end;
        });
        replace(gone, {});
        first = next;
    }
}

void ObjectEdit::add_appended() {
    std::size_t last = members_.size();
    while (last > 0 && removes_ && removed_[last - 1]) {
        --last;
    }
    if (last > 0) {
        insert(members_[last - 1].value.end, "," + appended_);
    } else if (!members_.empty()) {
        insert(members_.front().key_range.begin, std::move(appended_));
    } else {
        insert(source_.find('{') + 1, std::move(appended_));
    }
}

void ObjectEdit::write(adapters::BodyPieces& out) && {
    if (removes_) {
        add_removals();
    }
    if (!appended_.empty()) {
        add_appended();
    }
    // At one offset, insertions come before what replaces or removes the bytes that follow.
    std::stable_sort(edits_.begin(), edits_.end(), [](const Edit& a, const Edit& b) {
        return a.offset != b.offset ? a.offset < b.offset : (a.length == 0 && b.length != 0);
    });
    std::size_t done = 0;
    for (Edit& edit : edits_) {
        out.view(source_.substr(done, edit.offset - done));
        out.own(std::move(edit.replacement));
        done = edit.offset + edit.length;
    }
    out.view(source_.substr(done));
}

}  // namespace tollgate::json
