#include "server/relay.hpp"

#include "adapters/client/chat_writer.hpp"
#include "adapters/codec/content_coding.hpp"
#include "adapters/dialect/openai_probe.hpp"
#include "adapters/vendor.hpp"
#include "server/relayed_stream.hpp"

namespace tollgate::server {
namespace {

// A whole answer up to this size is read to its end before anything is sent, so that one cut short
// can still fail over.
constexpr std::size_t kMostHeld = 1024 * 1024;
// What a translator may have to hold: it needs the whole body.
constexpr std::size_t kMostWhole = 64 * 1024 * 1024;
// Decompressed bytes of one read.
constexpr std::size_t kMostStep = 16 * 1024 * 1024;

constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";
// How long the end of a vendor's stream is waited for after its [DONE].
constexpr std::chrono::milliseconds kSeeOff{250};

bool is_event_stream(std::string_view content_type) noexcept {
    return content_type.size() >= 17 && same_name(content_type.substr(0, 17), "text/event-stream");
}

std::unexpected<Failure> protocol_error(std::string detail) {
    return fail(FailureKind::protocol_error, std::move(detail));
}

std::unexpected<Failure> client_left() {
    return fail(FailureKind::client_gone, "the client closed the connection or stopped reading");
}

Task<Result<void>> failed(FailureKind kind, std::string detail) {
    co_return fail(kind, std::move(detail));
}

}  // namespace

Failure explain_interrupt(const Interrupt& interrupt, Failure otherwise) {
    const auto timeout = [](std::string detail) {
        return Failure{.kind = FailureKind::upstream_timeout, .detail = std::move(detail)};
    };
    switch (interrupt.cause()) {
        case Cause::none:
        case Cause::elapsed:
            return otherwise;
        case Cause::connect_timeout:
            return Failure{
                .kind = FailureKind::connect_failed,
                .detail = "no connection within timeouts.connect (" + otherwise.detail + ")"};
        case Cause::first_byte_timeout:
            return timeout("no first byte within timeouts.first_byte");
        case Cause::first_token_timeout:
            return timeout("no first token within timeouts.first_token");
        case Cause::stream_timeout:
            return timeout("silent for longer than timeouts.idle");
        case Cause::total_timeout:
            return timeout("not finished within timeouts.total");
        case Cause::loser:
            return timeout("outpaced by another attempt");
        case Cause::shutdown:
            return Failure{.kind = FailureKind::overloaded,
                           .detail = "the gateway is shutting down"};
        default:
            return Failure{.kind = FailureKind::client_gone,
                           .detail = "the client closed the connection"};
    }
}

Relay::Relay(RelayWiring wiring, RelayReport& report) : w_(std::move(wiring)), report_(report) {}
Relay::~Relay() = default;

Task<Result<void>> Relay::run() {
    if (!w_.head.content_encoding.empty()) {
        undo_ = codec::ContentDecoder::make(w_.head.content_encoding);
        if (!undo_) {
            return failed(FailureKind::protocol_error,
                          "the answer has an unknown content coding '" +
                              std::string(w_.head.content_encoding) + "'");
        }
    }
    const bool same = w_.dialect.relays();
    if (w_.request.operation == adapters::Operation::embeddings && !same) {
        return embeddings_translated();
    }
    if (w_.request.stream && w_.request.operation != adapters::Operation::embeddings) {
        if (!same) {
            return stream_translated();
        }
        return is_event_stream(w_.head.content_type) ? stream_as_read() : not_a_stream();
    }
    return same ? whole_as_read() : whole_translated();
}

adapters::DecodeContext Relay::decode_context() const {
    return {.model = w_.target.endpoint->upstream_model(w_.target.model)};
}

Task<Result<std::string_view>> Relay::next() {
    for (;;) {
        const Clock::time_point asked = arm();
        Result<std::string_view> bytes = co_await w_.call.receive(w_.interrupt);
        if (take(bytes, asked)) {
            co_return bytes;
        }
    }
}

Clock::time_point Relay::arm() {
    const Clock::time_point now = Reactor::now();
    const Clock::time_point idle = now + w_.idle_timeout;
    if (!report_.committed && w_.first_token_deadline < std::min(idle, w_.total_deadline)) {
        w_.deadline.arm(Cause::first_token_timeout, w_.first_token_deadline);
    } else if (idle < w_.total_deadline) {
        w_.deadline.arm(Cause::stream_timeout, idle);
    } else {
        w_.deadline.arm(Cause::total_timeout, w_.total_deadline);
    }
    return now;
}

bool Relay::take(Result<std::string_view>& bytes, Clock::time_point asked) {
    report_.last_read = Reactor::now();
    report_.waited += report_.last_read - asked;
    if (!bytes) {
        bytes = std::unexpected(explain_interrupt(w_.interrupt, std::move(bytes.error())));
        return true;
    }
    if (!undo_) {
        return true;
    }
    decoded_.clear();
    const bool ended = bytes->empty();
    const Result<void> undone = ended ? undo_->end() : undo_->feed(*bytes, decoded_, kMostStep);
    if (undone) {
        bytes = std::string_view(decoded_);
    } else {
        bytes = protocol_error("the answer's content coding is broken: " + undone.error().detail);
    }
    return ended || !undone || !decoded_.empty();
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
    report_.first_byte = Reactor::now();
    report_.committed = true;
    ResponseHead head = w_.heads.make_head(w_.head, content_type, length);
    if (!w_.responder.started()) {  // else keep-alive comments have begun the answer
        w_.responder.start(std::move(head));
    }
}

void Relay::commit_whole(std::string_view content_type, std::size_t length) {
    report_.first_byte = Reactor::now();
    report_.committed = true;
    w_.heads.settle();
    w_.responder.start(w_.heads.make_head(w_.head, content_type, length));
}

// For a whole answer of OpenAI's shape whose vendor does not say what it used.
void Relay::count_unreported(std::string_view body) {
    if (!report_.usage->reported && w_.request.operation != adapters::Operation::embeddings) {
        const std::string_view model = w_.target.endpoint->upstream_model(w_.target.model);
        report_.answer_tokens = tokens::count_answer(tokens::tokenizer_for(model), body);
    }
}

bool Relay::write(std::span<const std::string_view> pieces, bool last) {
    for (const std::string_view piece : pieces) {
        report_.bytes_out += piece.size();
    }
    return w_.responder.write(pieces, last);
}

// Waits until the client has taken what was written; meanwhile nothing more is read from the
// vendor.
Task<Result<void>> Relay::drain() {
    w_.deadline.clear();  // now it is the client that everybody waits for
    const bool sent = co_await w_.responder.drain();
    if (!sent) {
        co_return client_left();
    }
    co_return Result<void>();
}

Task<Result<void>> Relay::send(std::string_view piece, bool last) {
    if (!write(std::span(&piece, 1), last)) {
        co_return client_left();
    }
    if (w_.responder.congested() && !last) {
        co_return co_await drain();
    }
    co_return Result<void>();
}

Task<Result<void>> Relay::whole_as_read() {
    std::string collected;
    std::string_view body;
    if (const std::optional<std::string_view> all =
            undo_ ? std::nullopt : w_.call.whole_at_once()) {
        body = *all;
    } else {
        Result<bool> complete = co_await collect(collected, kMostHeld);
        if (!complete) {
            co_return std::unexpected(std::move(complete.error()));
        }
        if (!*complete) {
            co_return co_await large_as_read(std::move(collected));
        }
        body = collected;
    }
    adapters::AnswerProbe probe;
    Result<void> good = probe.whole(body);
    if (!good) {
        co_return good;
    }
    report_.usage.adopt(probe.take_usage());
    count_unreported(body);
    commit_whole(w_.head.content_type.empty() ? std::string_view("application/json")
                                              : std::string_view(w_.head.content_type),
                 body.size());
    if (!write(std::span(&body, 1), true)) {
        co_return fail(FailureKind::client_gone, "the client closed the connection");
    }
    co_return Result<void>();
}

// Too large to hold back: committed with what is there, the rest passes through.
Task<Result<void>> Relay::large_as_read(std::string first) {
    const std::optional<std::uint64_t> length = undo_ ? std::nullopt : w_.head.content_length;
    commit(w_.head.content_type.empty() ? std::string_view("application/json")
                                        : std::string_view(w_.head.content_type),
           length);
    Result<void> sent = co_await send(first, false);
    std::string tail = first.substr(first.size() - std::min<std::size_t>(first.size(), 1024));
    while (sent) {
        Result<std::string_view> bytes = co_await next();
        if (!bytes) {
            co_return std::unexpected(std::move(bytes.error()));
        }
        const bool last = bytes->empty();
        const std::string_view piece = *bytes;
        tail.append(piece.substr(piece.size() - std::min<std::size_t>(piece.size(), 1024)));
        tail.erase(0, tail.size() - std::min<std::size_t>(tail.size(), 1024));
        if (last) {
            report_.usage.set(adapters::usage_in_tail(tail));
            report_.answer_tokens = report_.bytes_out / 4;  // counts where no usage was reported
            w_.heads.settle();
        }
        sent = co_await send(piece, last);
        if (last) {
            break;
        }
    }
    co_return sent;
}

// Some vendors answer a stream request with a JSON error under 200.
Task<Result<void>> Relay::not_a_stream() {
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
    co_return protocol_error("a stream was asked for, the answer's content type is '" +
                             w_.head.content_type.substr(0, 100) + "'");
}

// This coroutine waits for minutes, thousands of it at a time: what need not live across a wait is
// elsewhere, and no other coroutine stands between it and the call.
Task<Result<void>> Relay::stream_as_read() {
    stream_ = std::make_unique<RelayedStream>(
        w_.request.include_usage ? UsageChunk::pass : UsageChunk::strip, &report_.heard);
    if (w_.request.include_usage) {
        stream_->tell_cost(
            [this](const adapters::Usage& usage) { return w_.heads.usage_cost(usage); });
    }
    Result<void> good;
    while (good && !stream_->is_done()) {
        const Clock::time_point asked = arm();
        Result<std::string_view> bytes = co_await w_.call.receive(w_.interrupt);
        if (!take(bytes, asked)) {
            continue;
        }
        good = pass_on(bytes);
        if (good && w_.responder.congested()) {
            w_.deadline.clear();  // now it is the client that everybody waits for
            const bool sent = co_await w_.responder.drain();
            if (!sent) {
                good = client_left();
            }
        }
    }
    if (good) {
        co_await see_off();
    }
    co_return good;
}

// The synchronous part of stream_as_read(): what came in, out to the client.
Result<void> Relay::pass_on(Result<std::string_view>& bytes) {
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    const bool committed = report_.committed;
    Result<void> good = bytes->empty() ? stream_->end(committed) : stream_->feed(*bytes, committed);
    if (stream_->usage().reported) {
        report_.usage.set(stream_->usage());
    }
    if (!stream_->pieces().empty() && (good || committed)) {
        if (!committed) {
            commit(w_.head.content_type, std::nullopt);
        }
        const bool last = good && stream_->is_done();
        if (last) {
            w_.heads.settle();
        }
        if (!write(stream_->pieces(), last)) {
            return client_left();
        }
    }
    return good;
}

// The client has its answer.  The vendor's last bytes usually come at once, and then the connection
// can be kept.
Task<void> Relay::see_off() {
    w_.deadline.arm(Cause::elapsed, Reactor::now() + kSeeOff);
    while (!w_.call.is_complete()) {
        Result<std::string_view> rest = co_await w_.call.receive(w_.interrupt);
        if (!rest || rest->empty()) {
            break;
        }
    }
    w_.deadline.clear();
    if (w_.interrupt.cause() == Cause::elapsed) {
        w_.interrupt.reset();
    }
}

Task<Result<void>> Relay::stream_translated() {
    const std::unique_ptr<adapters::Decoder> decoder =
        w_.dialect.decoder(adapters::Delivery::stream, decode_context());
    const std::unique_ptr<adapters::AnswerWriter> writer =
        adapters::stream_writer(answer_context());
    writer->listen(&report_.heard);
    for (;;) {
        Result<std::string_view> bytes = co_await next();
        if (!bytes) {
            co_return std::unexpected(std::move(bytes.error()));
        }
        const bool ended = bytes->empty();
        Result<void> good = ended ? decoder->end(*writer) : decoder->feed(*bytes, *writer);
        if (good && ended) {
            if (w_.request.include_usage) {
                writer->tell_cost(w_.heads.usage_cost(writer->reported_usage()));
            }
            writer->finish();
        }
        report_.usage.set(writer->reported_usage());
        const std::string out = writer->take();
        if (!out.empty() && (good || report_.committed)) {
            if (!report_.committed) {
                commit(kEventStream, std::nullopt);
            }
            if (good && ended) {
                w_.heads.settle();
            }
            Result<void> sent = co_await send(out, good && ended);
            if (!sent) {
                co_return sent;
            }
        }
        if (!good || ended) {
            co_return good;
        }
    }
}

adapters::AnswerContext Relay::answer_context() const {
    const bool is_text = w_.request.operation == adapters::Operation::completions;
    return {.operation = w_.request.operation,
            .model = std::string(w_.target.model),
            .id = std::string(is_text ? "cmpl-" : "chatcmpl-").append(w_.request_id),
            .created = w_.created,
            .include_usage = w_.request.include_usage};
}

// What a translator reads at once.
Task<Result<void>> Relay::collect_whole(std::string& body) {
    Result<bool> complete = co_await collect(body, kMostWhole);
    if (!complete) {
        co_return std::unexpected(std::move(complete.error()));
    }
    if (!*complete) {
        co_return protocol_error("the answer is larger than 64 MiB");
    }
    co_return Result<void>();
}

Task<Result<void>> Relay::whole_translated() {
    const std::unique_ptr<adapters::Decoder> decoder =
        w_.dialect.decoder(adapters::Delivery::whole, decode_context());
    const std::unique_ptr<adapters::AnswerWriter> writer = adapters::whole_writer(answer_context());
    std::string body;
    Result<void> whole = co_await collect_whole(body);
    if (!whole) {
        co_return whole;
    }
    Result<void> good = decoder->feed(body, *writer);
    if (good) {
        good = decoder->end(*writer);
    }
    if (!good) {
        co_return good;
    }
    writer->finish();
    report_.usage.set(writer->reported_usage());
    const std::string out = writer->take();
    count_unreported(out);
    commit_whole("application/json", out.size());
    co_return co_await send(out, true);
}

Task<Result<void>> Relay::embeddings_translated() {
    std::string body;
    Result<void> whole = co_await collect_whole(body);
    if (!whole) {
        co_return whole;
    }
    Result<std::string> out =
        w_.dialect.embeddings(body, w_.request, w_.target, report_.usage.make());
    if (!out) {
        co_return std::unexpected(std::move(out.error()));
    }
    commit_whole("application/json", out->size());
    co_return co_await send(*out, true);
}

}  // namespace tollgate::server
