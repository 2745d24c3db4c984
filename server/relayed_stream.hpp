// A stream of OpenAI's shape on its way through: which of its bytes go on, and whether the answer
// is whole.  Sans-I/O.
#pragma once

#include "adapters/codec/sse.hpp"
#include "adapters/codec/sse_blocks.hpp"
#include "adapters/dialect/openai_probe.hpp"
#include "failover/failure.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server {

/// Whether the usage chunk that the gateway asked for is kept from a client that did not.
enum class UsageChunk : std::uint8_t { pass, strip };

/// What a usage costs, as a decimal in US dollars; empty where that is not known.
using TellCost = std::function<std::string(const adapters::Usage&)>;

/// Fed with what arrives; only whole events go on, so that an error event can always follow.
class RelayedStream {
public:
    /// `heard` (may be null, else outlives this) is given the model's words.
    explicit RelayedStream(UsageChunk usage_chunk, tokens::Heard* heard = nullptr)
        : probe_(heard), usage_chunk_(usage_chunk) {}

    /// Has what the answer cost written into the usage that a client asked for, as `usage.cost`;
    /// a vendor's own figure stays.
    void tell_cost(TellCost tell) { tell_cost_ = std::move(tell); }

    /// Takes bytes and leaves in pieces() what goes to the client: views into `bytes` and into this
    /// object, until the next call.  A Failure is final; pieces() then has the good events before
    /// it. `committed`: the client has seen the answer begin.  Before that, comments alone do not
    /// count as a beginning.
    [[nodiscard]] Result<void> feed(std::string_view bytes, bool committed);
    /// The vendor's bytes have ended: completes a last event without its blank line.  Fails when
    /// the answer is not whole.
    [[nodiscard]] Result<void> end(bool committed);

    [[nodiscard]] std::span<const std::string_view> pieces() const noexcept { return pieces_; }
    /// `data: [DONE]` has been seen: nothing that follows can matter.
    [[nodiscard]] bool is_done() const noexcept { return done_; }
    [[nodiscard]] const adapters::Usage& usage() const noexcept { return probe_.usage(); }

private:
    [[nodiscard]] Result<void> take(std::string_view block, bool committed);
    [[nodiscard]] std::string_view data_of(std::string_view block);
    void pass(std::string_view block);
    void pass_without(std::string_view block, std::size_t begin, std::size_t size);
    [[nodiscard]] bool pass_with_cost(std::string_view block, std::string_view data,
                                      std::size_t usage_end);

    codec::SseBlocks blocks_;
    std::unique_ptr<codec::SseParser> parser_;  // only for events that are more than one data line
    adapters::AnswerProbe probe_;
    std::vector<std::string_view> pieces_;
    TellCost tell_cost_;
    std::list<std::string> edited_;  // behind pieces_; a deque would allocate for none
    std::string stripped_;  // likewise; events without their "usage":null, one after another
    bool strips_ = false;   // there were some
    UsageChunk usage_chunk_;
    bool done_ = false;
};

}  // namespace tollgate::server
