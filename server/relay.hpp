// From a vendor's answer to the client: bytes as read where both speak the same, events through a
// writer where not.
#pragma once

#include "adapters/client/chat_writer.hpp"
#include "adapters/dialect.hpp"
#include "adapters/event.hpp"
#include "adapters/tokens/count.hpp"
#include "server/exchange.hpp"
#include "server/io/reactor.hpp"
#include "server/rare.hpp"
#include "server/upstream/call.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::codec {
class ContentDecoder;
}

namespace tollgate::server {

class RelayedStream;

/// Makes the response head when the first bytes are ready: the commit point.  And is told before
/// the last bytes go out.
class HeadMaker {
public:
    /// `content_type` and, where known, the length of the body that follows.
    [[nodiscard]] virtual ResponseHead make_head(const upstream::CallHead& upstream,
                                                 std::string_view content_type,
                                                 std::optional<std::uint64_t> length) = 0;
    /// RelayReport::usage is final and the client cannot have seen the end: what the exchange used
    /// is accounted for now.  Before make_head() where the whole answer is known by then.  Once.
    virtual void settle() = 0;
    /// What a usage costs here, as a decimal in US dollars; empty where that is not known.
    [[nodiscard]] virtual std::string usage_cost(const adapters::Usage& usage) = 0;

protected:
    ~HeadMaker() = default;
};

/// What a relay works with.  Everything outlives it.
struct RelayWiring {
    upstream::Call& call;
    const upstream::CallHead& head;
    const adapters::Dialect& dialect;
    const adapters::Vendor& vendor;
    const adapters::Request& request;
    adapters::Target target;
    Responder& responder;
    Interrupt& interrupt;
    InterruptDeadline& deadline;
    HeadMaker& heads;
    Clock::duration idle_timeout;
    Clock::time_point total_deadline;
    Clock::time_point first_token_deadline;  ///< until the commit
    std::string_view request_id;             ///< for the answer's id where the vendor gives none
    std::int64_t created = 0;                ///< unix seconds, likewise
};

/// What the relay has learnt from the answer.
struct RelayReport {
    Rare<adapters::Usage> usage;
    tokens::Heard heard;  ///< of a stream, for the case that the vendor reports no usage
    std::uint64_t answer_tokens = 0;  ///< of a whole answer without usage
    std::uint64_t bytes_out = 0;
    Clock::time_point first_byte{};  ///< when the first bytes went out; epoch: none did
    Clock::duration waited{};        ///< time spent waiting for the vendor
    bool committed = false;         ///< the client has seen the answer begin; comments do not count
    Clock::time_point last_read{};  ///< when the vendor was last heard of
};

/// Carries one 2xx answer to the client.  A Failure before responder.started() leaves the client
/// untouched, so another attempt may follow; one after it means that the caller ends the answer
/// visibly broken.
class Relay {
public:
    Relay(RelayWiring wiring, RelayReport& report);
    ~Relay();

    /// Not a coroutine: what it chooses between are.
    [[nodiscard]] Task<Result<void>> run();

private:
    [[nodiscard]] Task<Result<void>> whole_as_read();
    [[nodiscard]] Task<Result<void>> stream_as_read();
    [[nodiscard]] Task<Result<void>> not_a_stream();
    [[nodiscard]] Result<void> pass_on(Result<std::string_view>& bytes);
    [[nodiscard]] Task<void> see_off();
    [[nodiscard]] Task<Result<void>> whole_translated();
    [[nodiscard]] Task<Result<void>> stream_translated();
    [[nodiscard]] Task<Result<void>> embeddings_translated();
    [[nodiscard]] Task<Result<void>> large_as_read(std::string first);
    /// The next bytes of the answer with content coding undone; empty at its end.  Dies with the
    /// next await.
    [[nodiscard]] Task<Result<std::string_view>> next();
    /// Its two halves around the wait: sets the deadline and returns the time; then judges what has
    /// come.  False: nothing of it is left when the content coding is undone, read on.
    [[nodiscard]] Clock::time_point arm();
    [[nodiscard]] bool take(Result<std::string_view>& bytes, Clock::time_point asked);
    /// The whole body, up to kMostWhole bytes; `complete` is false when there is more.
    [[nodiscard]] Task<Result<bool>> collect(std::string& body, std::size_t limit);
    [[nodiscard]] Task<Result<void>> collect_whole(std::string& body);
    [[nodiscard]] adapters::AnswerContext answer_context() const;
    /// Sends, and waits while the client is slower than the vendor.
    [[nodiscard]] Task<Result<void>> send(std::string_view piece, bool last);
    [[nodiscard]] bool write(std::span<const std::string_view> pieces, bool last);
    [[nodiscard]] Task<Result<void>> drain();
    void commit(std::string_view content_type, std::optional<std::uint64_t> length);
    /// commit() for an answer that is all there: its head can tell what it used.
    void count_unreported(std::string_view body);
    void commit_whole(std::string_view content_type, std::size_t length);
    [[nodiscard]] adapters::DecodeContext decode_context() const;

    RelayWiring w_;
    RelayReport& report_;
    std::unique_ptr<codec::ContentDecoder> undo_;
    std::unique_ptr<RelayedStream> stream_;
    std::string decoded_;
};

/// What an interrupted upstream operation means, from the interrupt's cause; `otherwise` where it
/// was not interrupted.
[[nodiscard]] Failure explain_interrupt(const Interrupt& interrupt, Failure otherwise);

}  // namespace tollgate::server
