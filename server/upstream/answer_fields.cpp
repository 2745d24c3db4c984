#include "server/upstream/answer_fields.hpp"

#include "server/exchange.hpp"

namespace tollgate::server::upstream {
namespace {

enum class Known : std::uint8_t {
    other,
    stays_here,
    content_type,
    content_encoding,
    retry_after,
    retry_after_ms,
    error_type,
    date,
    cache_control,
};

// What stays here are fields of this hop or of its framing, those whose meaning ends at the gateway
// (RFC 9110 section 7.6.1), and those that are ours: CORS, the request id.
Known known(std::string_view name) noexcept {
    const auto is = [name](std::string_view other) { return same_name(name, other); };
    if (same_name(name.substr(0, 15), "access-control-")) {
        return Known::stays_here;
    }
    switch (name.size()) {  // first: there are some ten fields in each answer
        case 2:
            return is("te") ? Known::stays_here : Known::other;
        case 4:
            return is("date") ? Known::date : Known::other;
        case 7:
            return is("trailer") || is("upgrade") || is("alt-svc") ? Known::stays_here
                                                                   : Known::other;
        case 10:
            return is("connection") || is("keep-alive") || is("set-cookie") ? Known::stays_here
                                                                            : Known::other;
        case 11:
            return is("retry-after") ? Known::retry_after : Known::other;
        case 12:
            return is("content-type")   ? Known::content_type
                   : is("x-request-id") ? Known::stays_here
                                        : Known::other;
        case 13:
            return is("cache-control") ? Known::cache_control : Known::other;
        case 14:
            return is("content-length")   ? Known::stays_here
                   : is("retry-after-ms") ? Known::retry_after_ms
                                          : Known::other;
        case 16:
            return is("content-encoding")   ? Known::content_encoding
                   : is("proxy-connection") ? Known::stays_here
                   : is("x-amzn-errortype") ? Known::error_type
                                            : Known::other;
        case 17:
            return is("transfer-encoding") ? Known::stays_here : Known::other;
        case 18:
            return is("proxy-authenticate") ? Known::stays_here : Known::other;
        case 25:
            return is("strict-transport-security") ? Known::stays_here : Known::other;
        default:
            return Known::other;
    }
}

}  // namespace

void take_field(CallHead& head, std::string_view name, std::string_view value) {
    switch (known(name)) {
        case Known::stays_here:
            return;
        case Known::content_type:
            head.content_type = value;
            return;
        case Known::content_encoding:
            head.content_encoding = value;
            return;
        case Known::retry_after:
            head.retry_after = value;
            break;
        case Known::retry_after_ms:
            head.retry_after_ms = value;
            break;
        case Known::error_type:
            head.error_type = value;
            break;
        case Known::date:
            head.has_date = true;
            break;
        case Known::cache_control:
            head.has_cache_control = true;
            break;
        case Known::other:
            break;
    }
    head.relayed.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace tollgate::server::upstream
