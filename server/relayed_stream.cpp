#include "server/relayed_stream.hpp"

namespace tollgate::server {
namespace {

constexpr std::string_view kDone = "data: [DONE]\n\n";

}  // namespace

Result<void> RelayedStream::feed(std::string_view bytes, bool committed) {
    blocks_.push(bytes);
    pieces_.clear();
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
    if (!probed->is_usage_only || usage_chunk_ == UsageChunk::pass) {
        pass(block);
    }
    return {};
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
