#include "server/relay.hpp"

#include <array>
#include <vector>

#include "adapters/client/chat_writer.hpp"
#include "adapters/codec/content_coding.hpp"
#include "adapters/codec/sse.hpp"
#include "adapters/codec/sse_blocks.hpp"
#include "adapters/dialect/openai_probe.hpp"
#include "adapters/vendor.hpp"

namespace tollgate::server {
namespace {

// A whole answer up to this size is read to its end before anything is sent, so that one cut short can still fail over.
constexpr std::size_t kMostHeld = 1024 * 1024;
// What a translator may have to hold: it needs the whole body.
constexpr std::size_t kMostWhole = 64 * 1024 * 1024;
// Decompressed bytes of one read.
constexpr std::size_t kMostStep = 16 * 1024 * 1024;

constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";
constexpr std::string_view kDone = "data: [DONE]\n\n";

bool is_event_stream(std::string_view content_type) noexcept {
    return content_type.size() >= 17 && same_name(content_type.substr(0, 17), "text/event-stream");
}

std::unexpected<Failure> protocol_error(std::string detail) {
    return fail(FailureKind::protocol_error, std::move(detail));
}

// The blocks of one read that go on to the client, as few gather pieces as their neighbourhood allows.
class Run {
public:
    void add(std::string_view block) {
        if (!pieces_.empty() && pieces_.back().data() + pieces_.back().size() == block.data()) {
            pieces_.back() = {pieces_.back().data(), pieces_.back().size() + block.size()};
        } else {
            pieces_.push_back(block);
        }
    }
    void clear() noexcept { pieces_.clear(); }
    [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
    [[nodiscard]] std::span<const std::string_view> pieces() const noexcept { return pieces_; }

private:
    std::vector<std::string_view> pieces_;
};

}  // namespace

Failure explain_interrupt(const Interrupt& interrupt, Failure otherwise) {
    const auto timeout = [](std::string detail) {
        return Failure{.kind = FailureKind::upstream_timeout, .detail = std::move(detail)};
    };
    switch (interrupt.cause()) {
        case Cause::none:
        case Cause::elapsed: return otherwise;
        case Cause::connect_timeout:
            return Failure{.kind = FailureKind::connect_failed, .detail = "no connection within timeouts.connect (" + otherwise.detail + ")"};
        case Cause::first_byte_timeout: return timeout("no first byte within timeouts.first_byte");
        case Cause::stream_timeout: return timeout("silent for longer than timeouts.idle");
        case Cause::total_timeout: return timeout("not finished within timeouts.total");
        case Cause::shutdown:
            return Failure{.kind = FailureKind::overloaded, .detail = "the gateway is shutting down"};
        default: return Failure{.kind = FailureKind::client_gone, .detail = "the client closed the connection"};
    }
}

Relay::Relay(const RelayWiring& wiring, RelayReport& report) : w_(wiring), report_(report) {}
Relay::~Relay() = default;

Task<Result<void>> Relay::run() {
    if (!w_.head.content_encoding.empty()) {
        undo_ = codec::ContentDecoder::make(w_.head.content_encoding);
        if (!undo_) {
            co_return protocol_error("the answer has an unknown content coding '" + w_.head.content_encoding + "'");
        }
    }
    const bool same = w_.dialect.relays();
    if (w_.request.operation == adapters::Operation::embeddings && !same) {
        co_return co_await embeddings_translated();
    }
    if (w_.request.stream && w_.request.operation != adapters::Operation::embeddings) {
        if (same) {
            co_return co_await stream_as_read();
        }
        co_return co_await stream_translated();
    }
    if (same) {
        co_return co_await whole_as_read();
    }
    co_return co_await whole_translated();
}

adapters::DecodeContext Relay::decode_context() const {
    return {.model = w_.target.model};
}

Task<Result<std::string_view>> Relay::next() {
    for (;;) {
        const Clock::time_point now = Reactor::now();
        const Clock::time_point idle = now + w_.idle_timeout;
        if (idle < w_.total_deadline) {
            w_.deadline.arm(Cause::stream_timeout, idle);
        } else {
            w_.deadline.arm(Cause::total_timeout, w_.total_deadline);
        }
        Result<std::string_view> bytes = co_await w_.call.receive(w_.exchange.interrupt);
        report_.waited += Reactor::now() - now;
        if (!bytes) {
            co_return std::unexpected(explain_interrupt(w_.exchange.interrupt, std::move(bytes.error())));
        }
        if (!undo_) {
            co_return bytes;
        }
        decoded_.clear();
        const Result<void> undone = bytes->empty() ? undo_->end() : undo_->feed(*bytes, decoded_, kMostStep);
        if (!undone) {
            co_return protocol_error("the answer's content coding is broken: " + undone.error().detail);
        }
        if (bytes->empty() || !decoded_.empty()) {
            co_return std::string_view(decoded_);
        }
    }
}

Task<Result<bool>> Relay::collect(std::string& body, std::size_t limit) {
    for (;;) {
        Result<std::string_view> bytes = co_await next();
        if (!bytes) {
            co_return std::unexpected(std::move(bytes.error()));
        }
        if (bytes->empty()) {
            co_return true;
        }
        body.append(*bytes);
        if (body.size() > limit) {
            co_return false;
        }
        if (w_.call.is_complete() && !undo_) {
            co_return true;
        }
    }
}

void Relay::commit(std::string_view content_type, std::optional<std::uint64_t> length) {
    w_.exchange.responder.start(w_.heads.make_head(w_.head, content_type, length));
    report_.first_byte = Reactor::now();
}

Task<Result<void>> Relay::send(std::span<const std::string_view> pieces, bool last) {
    for (const std::string_view piece : pieces) {
        report_.bytes_out += piece.size();
    }
    bool sent = w_.exchange.responder.write(pieces, last);
    if (sent && w_.exchange.responder.congested() && !last) {
        w_.deadline.clear();   // now it is the client that everybody waits for
        sent = co_await w_.exchange.responder.drain();
    }
    if (!sent) {
        co_return fail(FailureKind::client_gone, "the client closed the connection or stopped reading");
    }
    co_return Result<void>();
}

Task<Result<void>> Relay::whole_as_read() {
    std::string body;
    Result<bool> complete = co_await collect(body, kMostHeld);
    if (!complete) {
        co_return std::unexpected(std::move(complete.error()));
    }
    if (!*complete) {
        co_return co_await large_as_read(std::move(body));
    }
    adapters::AnswerProbe probe;
    Result<void> good = probe.whole(body);
    if (!good) {
        co_return good;
    }
    report_.usage = probe.usage();
    commit(w_.head.content_type.empty() ? std::string_view("application/json") : std::string_view(w_.head.content_type), body.size());
    const std::string_view piece = body;
    co_return co_await send(std::span(&piece, 1), true);
}

// Too large to hold back: committed with what is there, the rest passes through.
Task<Result<void>> Relay::large_as_read(std::string first) {
    const std::optional<std::uint64_t> length = undo_ ? std::nullopt : w_.head.content_length;
    commit(w_.head.content_type.empty() ? std::string_view("application/json") : std::string_view(w_.head.content_type), length);
    std::string_view piece = first;
    Result<void> sent = co_await send(std::span(&piece, 1), false);
    std::string tail = first.substr(first.size() - std::min<std::size_t>(first.size(), 1024));
    while (sent) {
        Result<std::string_view> bytes = co_await next();
        if (!bytes) {
            co_return std::unexpected(std::move(bytes.error()));
        }
        const bool last = bytes->empty();
        piece = *bytes;
        tail.append(piece.substr(piece.size() - std::min<std::size_t>(piece.size(), 1024)));
        tail.erase(0, tail.size() - std::min<std::size_t>(tail.size(), 1024));
        sent = co_await send(std::span(&piece, 1), last);
        if (last) {
            report_.usage = adapters::usage_in_tail(tail);
            break;
        }
    }
    co_return sent;
}

Task<Result<void>> Relay::stream_as_read() {
    if (!is_event_stream(w_.head.content_type)) {
        // Some vendors answer a stream request with a JSON error under 200.
        std::string body;
        Result<bool> complete = co_await collect(body, kMostHeld);
        if (!complete) {
            co_return std::unexpected(std::move(complete.error()));
        }
        adapters::AnswerProbe probe;
        Result<void> good = probe.whole(body);
        if (!good) {
            co_return good;
        }
        co_return protocol_error("a stream was asked for, the answer's content type is '" + w_.head.content_type.substr(0, 100) + "'");
    }
    codec::SseBlocks blocks;
    codec::SseParser parser;
    adapters::AnswerProbe probe;
    Run run;
    const bool strip_usage = !w_.request.include_usage;
    bool done = false;
    for (;;) {
        Result<std::string_view> bytes = co_await next();
        if (!bytes) {
            co_return std::unexpected(std::move(bytes.error()));
        }
        const bool ended = bytes->empty();
        if (ended && !blocks.tail().empty()) {
            *bytes = "\n\n";   // several vendors leave out the last blank line
        }
        blocks.push(*bytes);
        run.clear();
        std::string_view block;
        Result<void> good;
        while (good && blocks.next(block)) {
            std::string_view data = codec::simple_data(block);
            codec::SseEvent event;
            if (data.empty()) {
                parser.push(block);
                data = parser.next(event) ? event.data : std::string_view();
            }
            if (data.empty()) {
                if (w_.exchange.responder.started() || !run.empty()) {
                    run.add(block);   // a comment; alone before the commit point it must not count as an answer
                }
                continue;
            }
            const Result<adapters::ProbedEvent> probed = probe.event(data);
            if (!probed) {
                good = std::unexpected(probed.error());
                break;
            }
            done = done || probed->is_done;
            if (!(probed->is_usage_only && strip_usage)) {
                run.add(block);
            }
        }
        if (blocks.overflowed()) {
            good = protocol_error("an event of the stream is larger than 8 MiB");
        }
        const bool complete = done || (ended && probe.has_finished());
        if (good && ended && !complete) {
            good = protocol_error("the stream ended before the answer did");
        }
        report_.usage = probe.usage();
        if (!good && !w_.exchange.responder.started()) {
            co_return good;
        }
        if (!run.empty() && !w_.exchange.responder.started()) {
            commit(w_.head.content_type, std::nullopt);
        }
        if (ended && good && !done) {
            run.add(kDone);   // OpenAI's clients expect it; the answer is known to be complete
        }
        const bool last = good && (ended || (done && w_.call.is_complete() && blocks.tail().empty()));
        if (!run.empty() || last) {
            Result<void> sent = co_await send(run.pieces(), last);
            if (!sent) {
                co_return sent;
            }
        }
        if (!good || last) {
            co_return good;
        }
    }
}

Task<Result<void>> Relay::stream_translated() {
    const std::unique_ptr<adapters::Decoder> decoder = w_.dialect.decoder(adapters::Delivery::stream, decode_context());
    adapters::AnswerContext context;
    context.operation = w_.request.operation;
    context.model = w_.target.model;
    context.id = w_.answer_id;
    context.created = w_.created;
    context.include_usage = w_.request.include_usage;
    const std::unique_ptr<adapters::AnswerWriter> writer = adapters::stream_writer(std::move(context));
    for (;;) {
        Result<std::string_view> bytes = co_await next();
        if (!bytes) {
            co_return std::unexpected(std::move(bytes.error()));
        }
        const bool ended = bytes->empty();
        Result<void> good = ended ? decoder->end(*writer) : decoder->feed(*bytes, *writer);
        if (good && ended) {
            writer->finish();
        }
        report_.usage = writer->reported_usage();
        const std::string out = writer->take();
        if (!out.empty() && (good || w_.exchange.responder.started())) {
            if (!w_.exchange.responder.started()) {
                commit(kEventStream, std::nullopt);
            }
            const std::string_view piece = out;
            Result<void> sent = co_await send(std::span(&piece, 1), good && ended);
            if (!sent) {
                co_return sent;
            }
        }
        if (!good || ended) {
            co_return good;
        }
    }
}

Task<Result<void>> Relay::whole_translated() {
    const std::unique_ptr<adapters::Decoder> decoder = w_.dialect.decoder(adapters::Delivery::whole, decode_context());
    adapters::AnswerContext context;
    context.operation = w_.request.operation;
    context.model = w_.target.model;
    context.id = w_.answer_id;
    context.created = w_.created;
    const std::unique_ptr<adapters::AnswerWriter> writer = adapters::whole_writer(std::move(context));
    std::string body;
    Result<bool> complete = co_await collect(body, kMostWhole);
    if (!complete) {
        co_return std::unexpected(std::move(complete.error()));
    }
    if (!*complete) {
        co_return protocol_error("the answer is larger than 64 MiB");
    }
    Result<void> good = decoder->feed(body, *writer);
    if (good) {
        good = decoder->end(*writer);
    }
    if (!good) {
        co_return good;
    }
    writer->finish();
    report_.usage = writer->reported_usage();
    const std::string out = writer->take();
    commit("application/json", out.size());
    const std::string_view piece = out;
    co_return co_await send(std::span(&piece, 1), true);
}

Task<Result<void>> Relay::embeddings_translated() {
    std::string body;
    Result<bool> complete = co_await collect(body, kMostWhole);
    if (!complete) {
        co_return std::unexpected(std::move(complete.error()));
    }
    if (!*complete) {
        co_return protocol_error("the answer is larger than 64 MiB");
    }
    Result<std::string> out = w_.dialect.embeddings(body, w_.request, w_.target, report_.usage);
    if (!out) {
        co_return std::unexpected(std::move(out.error()));
    }
    commit("application/json", out->size());
    const std::string_view piece = *out;
    co_return co_await send(std::span(&piece, 1), true);
}

}  // namespace tollgate::server
