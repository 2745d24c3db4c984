#include "failover/failure.hpp"

#include <array>

namespace tollgate::failover {
namespace {

using enum FailureKind;
using Side = FailureSide;
using Retry = RetryRule;
using Health = HealthEffect;

constexpr std::string_view kInvalid = "invalid_request_error";
constexpr std::string_view kServer = "server_error";

// The only place that maps kinds.  Rows stand in the order of the enum (checked below).
constexpr std::array<FailurePolicy, kFailureKinds> kPolicies{{
    {bad_request, "bad_request", Side::client, 400, kInvalid, "", Retry::never, Health::none,
     "The request is malformed or asks for something that cannot be done."},
    {not_found, "not_found", Side::client, 404, kInvalid, "not_found", Retry::never, Health::none,
     "No such path."},
    {method_not_allowed, "method_not_allowed", Side::client, 405, kInvalid, "method_not_allowed",
     Retry::never, Health::none, "The path exists, the method does not fit it."},
    {request_timeout, "request_timeout", Side::client, 408, kInvalid, "request_timeout",
     Retry::never, Health::none, "The client took too long to send its request."},
    {too_large, "too_large", Side::client, 413, kInvalid, "request_too_large", Retry::never,
     Health::none, "The request body is larger than the configured limit."},
    {headers_too_large, "headers_too_large", Side::client, 431, kInvalid, "headers_too_large",
     Retry::never, Health::none, "The request head is larger than the configured limit."},
    {unsupported_media, "unsupported_media", Side::client, 415, kInvalid, "unsupported_media_type",
     Retry::never, Health::none, "The content type or content coding is not one that is read."},
    {unknown_model, "unknown_model", Side::client, 404, kInvalid, "model_not_found", Retry::never,
     Health::none, "The model name resolves to no configured target."},
    {unauthenticated, "unauthenticated", Side::client, 401, "authentication_error",
     "invalid_api_key", Retry::never, Health::none, "The caller sent no key, or a wrong one."},
    {forbidden, "forbidden", Side::client, 403, "permission_error", "forbidden", Retry::never,
     Health::none, "The caller's key may not do this."},
    {limited, "limited", Side::gateway, 429, "rate_limit_error", "rate_limit_exceeded",
     Retry::never, Health::none, "A rate limit of this gateway is reached."},
    {target_limited, "target_limited", Side::gateway, 429, "rate_limit_error",
     "rate_limit_exceeded", Retry::elsewhere, Health::none,
     "A limit or budget that this gateway keeps for the provider or the model is reached."},
    {budget_exhausted, "budget_exhausted", Side::gateway, 429, "insufficient_quota",
     "insufficient_quota", Retry::never, Health::none,
     "A budget of this gateway has not enough left for the request."},
    {overloaded, "overloaded", Side::gateway, 503, kServer, "overloaded", Retry::never,
     Health::none, "The gateway is at its capacity, or is shutting down."},
    {client_gone, "client_gone", Side::client, 499, kInvalid, "client_closed_request", Retry::never,
     Health::none, "The client closed the connection before the answer."},
    {connect_failed, "connect_failed", Side::upstream, 502, kServer, "upstream_connect_failed",
     Retry::always, Health::error, "No connection to the vendor (DNS, TCP, proxy or TLS)."},
    {upstream_timeout, "upstream_timeout", Side::upstream, 504, "timeout_error", "timeout",
     Retry::elsewhere, Health::error, "The vendor did not answer within the configured time."},
    {upstream_unavailable, "upstream_unavailable", Side::upstream, 502, kServer,
     "upstream_unavailable", Retry::in_place, Health::error,
     "The vendor answered with a 5xx, or closed the connection before answering."},
    {upstream_limited, "upstream_limited", Side::upstream, 429, "rate_limit_error",
     "rate_limit_exceeded", Retry::in_place, Health::cool_down,
     "The vendor answered that its rate limit is reached."},
    {upstream_auth, "upstream_auth", Side::gateway, 502, kServer, "upstream_auth", Retry::elsewhere,
     Health::key_quarantine,
     "The vendor refused the gateway's key: the operator's problem, not the caller's."},
    {upstream_quota, "upstream_quota", Side::gateway, 502, kServer, "upstream_quota",
     Retry::elsewhere, Health::key_quarantine,
     "The vendor says that the gateway's account has no credit left."},
    {upstream_rejected, "upstream_rejected", Side::client, 0, kInvalid, "", Retry::never,
     Health::none,
     "The vendor refused the content of the request; its status and message are kept."},
    {context_exceeded, "context_exceeded", Side::client, 400, kInvalid, "context_length_exceeded",
     Retry::never, Health::none, "The prompt does not fit the model's context window."},
    {content_filtered, "content_filtered", Side::client, 400, kInvalid, "content_filter",
     Retry::never, Health::none, "The vendor's content policy refused the request."},
    {protocol_error, "protocol_error", Side::upstream, 502, kServer, "upstream_protocol_error",
     Retry::elsewhere, Health::error, "The vendor's answer is not valid for its own protocol."},
    {stream_broken, "stream_broken", Side::upstream, 502, kServer, "upstream_stream_broken",
     Retry::never, Health::error,
     "The vendor's stream failed after the first byte had gone to the client."},
    {internal, "internal", Side::gateway, 500, kServer, "internal_error", Retry::never,
     Health::none, "A bug in the gateway; the log has the request id."},
}};

constexpr bool rows_follow_enum() {
    for (std::size_t i = 0; i < kPolicies.size(); ++i) {
        if (static_cast<std::size_t>(kPolicies[i].kind) != i) {
            return false;
        }
    }
    return true;
}
static_assert(rows_follow_enum());

}  // namespace

const FailurePolicy& policy(FailureKind kind) noexcept {
    return kPolicies[static_cast<std::size_t>(kind)];
}

std::uint16_t Failure::client_status() const noexcept {
    const FailurePolicy& row = policy(kind);
    if (status != 0) {
        return status;
    }
    // 503 keeps its meaning for SDK back-off; every other 5xx of a vendor is our bad gateway.
    if (kind == FailureKind::upstream_unavailable &&
        (upstream_status == 503 || upstream_status == 529)) {
        return 503;
    }
    if (row.status != 0) {
        return row.status;
    }
    return upstream_status >= 400 && upstream_status < 500 ? upstream_status : std::uint16_t{400};
}

}  // namespace tollgate::failover
