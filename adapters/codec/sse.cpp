#include "adapters/codec/sse.hpp"

#include <algorithm>

namespace tollgate::codec {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";
// Enough for any error text; what a vendor sends beyond that is no message for a person.
constexpr std::size_t kStrayLimit = 64 * 1024;

// The value of `field` when the line is that field: "field", "field:value" or "field: value".
bool has_field(std::string_view line, std::string_view field, std::string_view& value) {
    if (!line.starts_with(field)) {
        return false;
    }
    if (line.size() == field.size()) {
        value = {};
        return true;
    }
    if (line[field.size()] != ':') {
        return false;
    }
    value = line.substr(field.size() + 1);
    if (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    return true;
}

// Moves what `view` shows into `store`, unless it is there already.
void keep(std::string_view& view, std::string& store) {
    if (view.empty()) {
        view = {};
    } else if (view.data() != store.data()) {
        store.assign(view);
        view = store;
    }
}

}  // namespace

void SseParser::push(std::string_view bytes) {
    input_ = bytes;
    position_ = 0;
    if (skip_lf_ && !bytes.empty()) {
        skip_lf_ = false;
        position_ = bytes.front() == '\n' ? 1 : 0;
    }
    next_lf_ = bytes.find('\n', position_);
    next_cr_ = bytes.find('\r', position_);
}

bool SseParser::next(SseEvent& event) {
    std::string_view line;
    while (next_line(line)) {
        if (take_line(line, event)) {
            return true;
        }
    }
    return false;
}

bool SseParser::finish(SseEvent& event) {
    if (overflowed_) {
        return false;
    }
    if (!tail_.empty()) {
        line_.swap(tail_);
        tail_.clear();
        if (take_line(line_, event)) {
            return true;
        }
    }
    return dispatch(event);
}

bool SseParser::next_line(std::string_view& line) {
    if (overflowed_) {
        return false;
    }
    const std::size_t end = std::min(next_lf_, next_cr_);
    if (end == std::string_view::npos) {
        keep_unfinished();
        return false;
    }
    line = input_.substr(position_, end - position_);
    const bool at_cr = end == next_cr_;
    position_ = end + 1;
    if (at_cr) {
        if (position_ == input_.size()) {
            skip_lf_ = true;  // the line ends here whether or not the LF follows
        } else if (input_[position_] == '\n') {
            ++position_;
        }
        next_cr_ = input_.find('\r', position_);
    }
    if (next_lf_ < position_) {  // false when there is no LF: npos is the greatest value
        next_lf_ = input_.find('\n', position_);
    }
    if (!tail_.empty()) {  // only the first line of a push: nothing views line_ any more
        tail_.append(line);
        line_.swap(tail_);
        tail_.clear();
        line = line_;
    }
    return true;
}

bool SseParser::take_line(std::string_view line, SseEvent& event) {
    if (!started_) {
        started_ = true;
        if (line.starts_with(kBom)) {
            line.remove_prefix(kBom.size());
        }
    }
    if (line.empty()) {
        return dispatch(event);
    }
    std::string_view value;
    if (has_field(line, "data", value)) {
        add_data(value);
    } else if (has_field(line, "event", value)) {
        name_ = value;
    } else if (line.front() != ':' && !has_field(line, "id", value) &&
               !has_field(line, "retry", value)) {
        add_stray(line);
    }
    return false;
}

bool SseParser::dispatch(SseEvent& event) noexcept {
    event = SseEvent{.name = name_, .data = data_};
    const bool worth = !name_.empty() || !data_.empty();
    name_ = {};
    data_ = {};
    has_data_ = false;
    return worth;
}

void SseParser::add_data(std::string_view value) {
    if (!has_data_) {
        has_data_ = true;
        data_ = value;
        return;
    }
    if (data_.empty()) {
        data_store_.clear();
    }
    keep(data_, data_store_);
    data_store_ += '\n';
    data_store_.append(value);
    data_ = data_store_;
}

void SseParser::add_stray(std::string_view line) {
    if (!stray_.empty() && stray_.size() < kStrayLimit) {
        stray_ += '\n';
    }
    stray_.append(line.substr(0, kStrayLimit - std::min(stray_.size(), kStrayLimit)));
}

// The push is used up: what belongs to an unfinished event must survive the bytes that it views.
void SseParser::keep_unfinished() {
    if (position_ < input_.size()) {
        tail_.append(input_.substr(position_));
    }
    input_ = {};
    position_ = 0;
    next_lf_ = next_cr_ = std::string_view::npos;
    keep(name_, name_store_);
    keep(data_, data_store_);
    if (tail_.size() + name_.size() + data_.size() > limit_) {
        overflowed_ = true;
        tail_.clear();
        name_ = {};
        data_ = {};
        has_data_ = false;
    }
}

}  // namespace tollgate::codec
