#include "server/relayed_stream.hpp"

#include <algorithm>
#include <functional>

namespace tollgate::server {
namespace {

constexpr std::string_view kDone = "data: [DONE]\n\n";
// Of the copy of events that lost their "usage":null: beyond what was read, and altogether.
constexpr std::size_t kSlack = 512;
constexpr std::size_t kMostStripped = 16 * 1024;

// An event of several data lines is put together elsewhere; its place in the block is unknown.
bool is_within(std::string_view block, std::string_view data) noexcept {
    const std::less_equal<const char*> before;
    return before(block.data(), data.data()) &&
           before(data.data() + data.size(), block.data() + block.size());
}

}  // namespace

Result<void> RelayedStream::feed(std::string_view bytes, bool committed) {
    blocks_.push(bytes);
    pieces_.clear();
    edited_.clear();
    stripped_.clear();
    if (strips_) {
        stripped_.reserve(std::min(bytes.size() + kSlack, kMostStripped));
    }
    std::string_view block;
    while (blocks_.next(block)) {
        if (Result<void> good = take(block, committed); !good) {
            return good;
        }
    }
    if (blocks_.overflowed()) {
        return fail(FailureKind::protocol_error, "an event of the stream is larger than 8 MiB");
    }
    return {};
}

Result<void> RelayedStream::end(bool committed) {
    // Several vendors leave out the last blank line.
    Result<void> good =
        feed(blocks_.tail().empty() ? std::string_view() : std::string_view("\n\n"), committed);
    if (!good) {
        return good;
    }
    if (!done_ && !probe_.has_finished()) {
        return fail(FailureKind::protocol_error, "the stream ended before the answer did");
    }
    if (!done_) {
        pieces_.push_back(
            kDone);  // OpenAI's clients expect it, and the answer is known to be whole
        done_ = true;
    }
    return good;
}

Result<void> RelayedStream::take(std::string_view block, bool committed) {
    const std::string_view data = data_of(block);
    if (data.empty()) {
        if (committed || !pieces_.empty()) {
            pass(block);
        }
        return {};
    }
    const Result<adapters::ProbedEvent> probed = probe_.event(data);
    if (!probed) {
        return std::unexpected(probed.error());
    }
    done_ = done_ || probed->is_done;
    if (probed->is_usage_only && usage_chunk_ == UsageChunk::strip) {
        return {};
    }
    if (probed->null_usage != 0 && usage_chunk_ == UsageChunk::strip && is_within(block, data)) {
        pass_without(block,
                     static_cast<std::size_t>(data.data() - block.data()) + probed->null_usage,
                     adapters::kNullUsage.size());
        return {};
    }
    const bool is_last_usage =
        probed->usage_end != 0 && (probed->is_usage_only || probe_.has_finished());
    if (!is_last_usage || !pass_with_cost(block, data, probed->usage_end)) {
        pass(block);
    }
    return {};
}

// Copied together, so that a burst of such events is one segment as well; where that is too much,
// each is two.
void RelayedStream::pass_without(std::string_view block, std::size_t begin, std::size_t size) {
    strips_ = true;
    if (stripped_.capacity() - stripped_.size() < block.size()) {
        pass(block.substr(0, begin));
        pass(block.substr(begin + size));
        return;
    }
    const std::size_t at = stripped_.size();
    stripped_.append(block.substr(0, begin)).append(block.substr(begin + size));
    pass(std::string_view(stripped_).substr(at));
}

// False where nothing was written: nobody wants the cost, it is not known, or the vendor tells its
// own.
bool RelayedStream::pass_with_cost(std::string_view block, std::string_view data,
                                   std::size_t usage_end) {
    if (!tell_cost_ || usage_chunk_ != UsageChunk::pass || !is_within(block, data) ||
        probe_.usage().vendor_cost >= 0 || data[usage_end - 1] == '{') {
        return false;
    }
    const std::string cost = tell_cost_(probe_.usage());
    if (cost.empty()) {
        return false;
    }
    const std::size_t at = static_cast<std::size_t>(data.data() - block.data()) + usage_end;
    std::string& text = edited_.emplace_back(block.substr(0, at));
    text.append(",\"cost\":").append(cost).append(block.substr(at));
    pass(text);
    return true;
}

std::string_view RelayedStream::data_of(std::string_view block) {
    if (const std::string_view data = codec::simple_data(block); !data.empty()) {
        return data;
    }
    if (!parser_) {
        parser_ = std::make_unique<codec::SseParser>();
    }
    codec::SseEvent event;
    parser_->push(block);
    return parser_->next(event) ? event.data : std::string_view();
}

// Neighbours become one piece, so that a burst is one segment of the gather write.
void RelayedStream::pass(std::string_view block) {
    if (!pieces_.empty() && pieces_.back().data() + pieces_.back().size() == block.data()) {
        pieces_.back() = {pieces_.back().data(), pieces_.back().size() + block.size()};
    } else {
        pieces_.push_back(block);
    }
}

}  // namespace tollgate::server
