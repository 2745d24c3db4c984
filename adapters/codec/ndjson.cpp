#include "adapters/codec/ndjson.hpp"

namespace tollgate::codec {

void LineParser::push(std::string_view bytes) {
    input_ = bytes;
}

bool LineParser::next(std::string_view& line) {
    while (!overflowed_) {
        if (tail_taken_) {
            tail_.clear();
            tail_taken_ = false;
        }
        const std::size_t end = input_.find('\n');
        if (end == std::string_view::npos) {
            tail_.append(input_);
            input_ = {};
            if (tail_.size() > limit_) {
                overflowed_ = true;
                tail_.clear();
            }
            return false;
        }
        line = input_.substr(0, end);
        input_.remove_prefix(end + 1);
        if (!tail_.empty()) {
            tail_.append(line);
            tail_taken_ = true;
            line = tail_;
        }
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (!line.empty()) {
            return true;
        }
    }
    return false;
}

bool LineParser::finish(std::string_view& line) {
    if (tail_taken_ || overflowed_) {
        return false;
    }
    tail_taken_ = true;
    line = tail_;
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return !line.empty();
}

}  // namespace tollgate::codec
