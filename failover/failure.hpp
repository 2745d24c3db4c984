// failover/ — the vocabulary of failure: what can go wrong, who sees which status, what may be
// retried. May include: std, config/, metrics/.  No Asio, no JSON.  Start here: FailureKind, then
// policy().
#pragma once

#include "failover/rare_text.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::failover {

/// Every way an exchange can fail.  The one table behind policy() says what each kind means for the
/// client, for retries and for the target's health.  A new kind needs a row there, a line in
/// docs/errors.md and a test.
enum class FailureKind : std::uint8_t {
    bad_request,           ///< the client's request is malformed or asks for what cannot be done
    not_found,             ///< no such path or model listing
    method_not_allowed,    ///< known path, wrong method
    request_timeout,       ///< the client was too slow sending head or body
    too_large,             ///< body over the limit
    headers_too_large,     ///< head over the limit
    unsupported_media,     ///< content type or content coding that we do not read
    unknown_model,         ///< the name resolves to nothing
    unauthenticated,       ///< no or wrong caller key
    forbidden,             ///< the caller's key may not do this
    limited,               ///< our own rate limit
    target_limited,        ///< our own limit or budget of one provider or model
    budget_exhausted,      ///< our own budget has not enough left
    overloaded,            ///< our own capacity, or draining
    client_gone,           ///< the client closed; nobody is left to answer
    connect_failed,        ///< DNS, TCP, proxy or TLS: nothing was sent upstream
    upstream_timeout,      ///< first byte, idle or total timeout of the vendor
    upstream_unavailable,  ///< 5xx, 529, a reset before the answer
    upstream_limited,      ///< the vendor's 429
    upstream_auth,         ///< the vendor refused our key (401, 403)
    upstream_quota,        ///< the vendor says our account has no credit (402, insufficient_quota)
    upstream_rejected,     ///< the vendor refused the content of the request (400, 404, 413, 422)
    context_exceeded,      ///< the vendor says the prompt does not fit the model's window
    content_filtered,      ///< the vendor's content policy refused
    protocol_error,        ///< bytes that are not what the vendor's protocol promises
    stream_broken,         ///< trouble after the first byte went to the client
    internal,              ///< our bug
};
inline constexpr std::size_t kFailureKinds = static_cast<std::size_t>(FailureKind::internal) + 1;

/// Whose fault a failure is; decides the log level (client: info, upstream: warn, gateway: error).
enum class FailureSide : std::uint8_t { client, gateway, upstream };

/// Whether another attempt may follow (before the commit point only).
enum class RetryRule : std::uint8_t {
    never,
    always,     ///< nothing was sent: retry anywhere, also in place
    in_place,   ///< retry the same target after a backoff, or elsewhere
    elsewhere,  ///< only on another target (or another key)
};

/// What a failure says about the target it came from.
enum class HealthEffect : std::uint8_t { none, cool_down, key_quarantine, error };

struct FailurePolicy {
    FailureKind kind;
    std::string_view name;  ///< stable token for logs and metric labels
    FailureSide side;
    std::uint16_t status;   ///< what the client sees; 0: the upstream's own status, or nobody is
                            ///< left to see it
    std::string_view type;  ///< `error.type` of the OpenAI envelope
    std::string_view code;  ///< default `error.code`; empty: null
    RetryRule retry;
    HealthEffect health;
    std::string_view
        meaning;  ///< one sentence for docs/errors.md, which is generated from this table
};

/// The row of one kind.  Static storage; never fails.
[[nodiscard]] const FailurePolicy& policy(FailureKind kind) noexcept;

/// One failure: made by the layer that knows the meaning, other layers only add context to
/// `detail`.
struct Failure {
    FailureKind kind = FailureKind::internal;
    std::string detail;                 ///< a sentence for a person: what, where, what to do
    RareText code = {};                 ///< overrides policy().code when not empty
    RareText param = {};                ///< the request field at fault, e.g. "messages[0].content"
    std::uint16_t upstream_status = 0;  ///< the vendor's status, 0 when there was none
    std::uint16_t status = 0;  ///< overrides the client's status when not 0 (417, 501, 505)
    std::optional<std::chrono::milliseconds> retry_after =
        {};  ///< as the vendor (or our limiter) asked

    /// The HTTP status for the client: the policy's, or the vendor's own 4xx where the policy says
    /// so.
    [[nodiscard]] std::uint16_t client_status() const noexcept;
};

/// The outcome of anything that can fail for a reason that a caller must act on.  Test, then `*r`;
/// `.value()` is banned.
template <class T>
using Result = std::expected<T, Failure>;

/// Shorthand: `return fail(FailureKind::bad_request, "…");`
[[nodiscard]] inline std::unexpected<Failure> fail(FailureKind kind, std::string detail) {
    return std::unexpected(Failure{.kind = kind, .detail = std::move(detail)});
}

/// As above, naming the request field at fault.
[[nodiscard]] inline std::unexpected<Failure> fail_param(std::string_view param, std::string detail,
                                                         std::string_view code = {}) {
    return std::unexpected(Failure{.kind = FailureKind::bad_request,
                                   .detail = std::move(detail),
                                   .code = code,
                                   .param = param});
}

}  // namespace tollgate::failover

namespace tollgate {
using failover::fail;
using failover::fail_param;
using failover::Failure;
using failover::FailureKind;
using failover::Result;
}  // namespace tollgate
