// One request at one vendor, whatever carries it: HTTP/1.1, HTTP/2, or the built-in demo model.
#pragma once

#include "adapters/dialect.hpp"
#include "failover/failure.hpp"
#include "server/io/interrupt.hpp"
#include "server/io/task.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::server::upstream {

/// A vendor's response head, as far as the gateway looks at it.
struct CallHead {
    unsigned status = 0;
    std::string content_type;
    failover::RareText content_encoding;
    failover::RareText retry_after;
    failover::RareText retry_after_ms;
    failover::RareText error_type;  ///< AWS names the error in x-amzn-errortype, not in the body
    std::optional<std::uint64_t>
        content_length;              ///< of the body as sent, before content coding is undone
    bool has_date = false;           ///< `relayed` has a Date field
    bool has_cache_control = false;  ///< `relayed` has a Cache-Control field
    std::string relayed;  ///< "name: value\r\n" lines that go on to the client as they are

    [[nodiscard]] adapters::ResponseInfo info() const noexcept {
        return {.status = status,
                .content_type = content_type,
                .retry_after = retry_after,
                .retry_after_ms = retry_after_ms};
    }
};

/// The call sends, then reads the head, then the body.  Destroying it at any point cancels the
/// request at once. Interrupted operations fail; the caller looks at the interrupt's cause and
/// knows better than the call what it means.
class Call {
public:
    virtual ~Call() = default;
    /// True when a connection was at hand: no connect() is needed.
    [[nodiscard]] virtual bool connect_at_once() { return false; }
    /// Gets a connection.  Fails with connect_failed: nothing was sent.
    [[nodiscard]] virtual Task<Result<void>> connect(Interrupt& interrupt) = 0;
    /// Sends; `request` must stay alive until receive_head() has returned.  Fails with
    /// upstream_unavailable.
    [[nodiscard]] virtual Task<Result<void>> send(const adapters::UpstreamRequest& request,
                                                  Interrupt& interrupt) = 0;
    /// The final (non-1xx) head.
    [[nodiscard]] virtual Task<Result<void>> receive_head(CallHead& head, Interrupt& interrupt) = 0;
    /// Some body bytes, or an empty view at the clean end.  The view dies with the caller's next
    /// await.
    [[nodiscard]] virtual Task<Result<std::string_view>> receive(Interrupt& interrupt) = 0;
    /// The whole body, where it came together with the head; nothing else is to be received then.
    /// Lives as long as the call.
    [[nodiscard]] virtual std::optional<std::string_view> whole_at_once() { return std::nullopt; }
    /// Every byte has been handed out and the end was clean: the next receive() gives an empty view
    /// without waiting.
    [[nodiscard]] virtual bool is_complete() const noexcept = 0;
};

}  // namespace tollgate::server::upstream
