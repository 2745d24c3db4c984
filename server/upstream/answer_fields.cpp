#include "server/upstream/answer_fields.hpp"

#include "server/exchange.hpp"

namespace tollgate::server::upstream {
namespace {

namespace http = boost::beast::http;

// Fields of this hop or of its framing, and those whose meaning ends at the gateway (RFC 9110
// section 7.6.1).
bool stays_here(http::field name) noexcept {
    switch (name) {
        case http::field::connection:
        case http::field::keep_alive:
        case http::field::proxy_authenticate:
        case http::field::proxy_connection:
        case http::field::te:
        case http::field::trailer:
        case http::field::transfer_encoding:
        case http::field::upgrade:
        case http::field::content_length:
        case http::field::content_encoding:
        case http::field::content_type:
        case http::field::set_cookie:
        case http::field::alt_svc:
        case http::field::strict_transport_security:
            return true;
        default:
            return false;
    }
}

// Other names that must not be passed on, most without an enumerator in Beast: CORS is ours, the
// request id is ours.
bool stays_here(std::string_view name) noexcept {
    return same_name(name, "x-request-id") || same_name(name.substr(0, 15), "access-control-");
}

}  // namespace

void take_field(CallHead& head, http::field name, std::string_view text, std::string_view value) {
    switch (name) {
        case http::field::content_type:
            head.content_type = value;
            return;
        case http::field::content_encoding:
            head.content_encoding = value;
            return;
        case http::field::retry_after:
            head.retry_after = value;
            break;
        case http::field::date:
            head.has_date = true;
            break;
        case http::field::cache_control:
            head.has_cache_control = true;
            break;
        default:
            break;
    }
    if (stays_here(name) || stays_here(text)) {
        return;
    }
    if (name == http::field::unknown) {
        if (same_name(text, "retry-after-ms")) {
            head.retry_after_ms = value;
        } else if (same_name(text, "x-amzn-errortype")) {
            head.error_type = value;
        }
    }
    head.relayed.append(text).append(": ").append(value).append("\r\n");
}

}  // namespace tollgate::server::upstream
