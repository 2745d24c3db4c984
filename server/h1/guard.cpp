#include "server/h1/guard.hpp"

#include "server/exchange.hpp"
#include "server/field_syntax.hpp"

#include <optional>

namespace tollgate::server::h1 {
namespace {

using State = GuardVerdict::State;

GuardVerdict refuse(std::string_view reason, std::uint16_t status = 400) noexcept {
    return {.state = State::refused, .status = status, .reason = reason};
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

// What the fields of one head have said so far.
struct Seen {
    unsigned hosts = 0;
    unsigned lengths = 0;
    unsigned codings = 0;
    bool close = false;
    bool keep_alive = false;
    bool version_10 = false;
    bool foreign = false;
};

// Calls `item` for each element of a comma-separated list.
template <class F>
void each_item(std::string_view list, F item) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        item(trim(list.substr(0, comma)));
        list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
}

// Why a transfer coding is refused: without a final `chunked` nobody can tell where the body ends
// (RFC 9112 section 6.3).
std::string_view check_coding(std::string_view value, Seen& seen, std::uint16_t& status) noexcept {
    if (++seen.codings > 1) {
        return "There is more than one Transfer-Encoding field.";
    }
    if (same_name(value, "chunked")) {
        return {};
    }
    std::size_t chunked = 0;
    std::string_view last;
    each_item(value, [&](std::string_view item) {
        chunked += same_name(item, "chunked") ? 1 : 0;
        last = item;
    });
    status = chunked == 1 && same_name(last, "chunked") ? 501 : 400;
    return "The only transfer coding read here is a single 'chunked'.";
}

// Empty: the request line is fine.  RFC 9112 section 3.
std::string_view check_request_line(std::string_view line, Seen& seen,
                                    std::uint16_t& status) noexcept {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return "The request line is not 'METHOD target HTTP/1.1'.";
    }
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(method)) {
        return "The method is not a token.";
    }
    if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || version[6] != '.' ||
        version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9') {
        seen.foreign = version.find("HTTP") == std::string_view::npos && !target.empty() &&
                       target != "*" && target.find_first_of("/:") == std::string_view::npos;
        return "The version is not HTTP/1.0 or HTTP/1.1.";
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        status = 505;
        return "Only HTTP/1.0 and HTTP/1.1 are spoken here.";
    }
    seen.version_10 = version == "HTTP/1.0";
    if (target.empty() || !is_target_text(target)) {
        return "The request target has characters that must be percent-encoded.";
    }
    if (target[0] == '/' || (target == "*" && method == "OPTIONS")) {
        return {};
    }
    if (target.starts_with("http://") ||
        target.starts_with("https://")) {  // RFC 9110 section 4.2.1: a host is a must
        const std::string_view authority = target.substr(target.find("//") + 2);
        const std::string_view host = authority.substr(0, authority.find_first_of("/?"));
        return !host.empty() && is_host(host) ? std::string_view()
                                              : "The request target has no valid host.";
    }
    return "The request target must be a path such as /v1/chat/completions.";
}

void read_connection(std::string_view value, Seen& seen) {
    each_item(value, [&](std::string_view item) {
        seen.close = seen.close || same_name(item, "close");
        seen.keep_alive = seen.keep_alive || same_name(item, "keep-alive");
    });
}

// One of the fields that decide framing and identity; empty: fine.
std::string_view check_special(std::string_view name, std::string_view value, Seen& seen,
                               GuardVerdict& verdict) {
    switch (name.size()) {
        case 4:
            if (same_name(name, "host")) {
                if (++seen.hosts > 1) {
                    return "There is more than one Host field.";
                }
                if (!is_host(value)) {
                    return "The Host field is not a valid host.";
                }
            }
            break;
        case 6:
            if (same_name(name, "expect")) {
                if (!same_name(value, "100-continue")) {
                    verdict.status = 417;
                    return "The only expectation met here is 100-continue.";
                }
                verdict.expect_continue = true;
            }
            break;
        case 7:
            verdict.upgrade = verdict.upgrade || same_name(name, "upgrade");
            break;
        case 10:
            if (same_name(name, "connection")) {
                read_connection(value, seen);
            }
            break;
        case 14:
            if (same_name(name, "content-length")) {
                const std::optional<std::uint64_t> length = plain_number(value);
                if (!length) {
                    return "The Content-Length is not a plain number.";
                }
                if (++seen.lengths > 1) {
                    return "There is more than one Content-Length field.";
                }
                verdict.framing = Framing::length;
                verdict.content_length = *length;
            }
            break;
        case 17:
            if (same_name(name, "transfer-encoding")) {
                verdict.framing = Framing::chunked;
                return check_coding(value, seen, verdict.status);
            }
            break;
        default:
            break;
    }
    return {};
}

std::string_view check_field(std::string_view line, Seen& seen, GuardVerdict& verdict) {
    if (line.front() == ' ' || line.front() == '\t') {
        return "A header line starts with white space (obsolete folding).";
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return "A header line has no name.";
    }
    const std::string_view name = line.substr(0, colon);
    if (!is_token(name)) {
        return "A header name has characters that are not allowed.";
    }
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) {
        return "A header value has control characters.";
    }
    return check_special(name, value, seen, verdict);
}

// Rules over the whole head; empty: fine.  RFC 9112 sections 3.2 and 6.
std::string_view check_whole(const Seen& seen, GuardVerdict& verdict) noexcept {
    if (seen.lengths != 0 && seen.codings != 0) {
        return "Content-Length and Transfer-Encoding exclude each other.";
    }
    if (seen.codings != 0 && seen.version_10) {
        return "HTTP/1.0 has no Transfer-Encoding.";
    }
    if (seen.hosts == 0 && !seen.version_10) {
        return "The Host field is missing.";
    }
    verdict.keep_alive = !seen.close && (!seen.version_10 || seen.keep_alive);
    verdict.expect_continue = verdict.expect_continue && !seen.version_10;
    return {};
}

}  // namespace

GuardVerdict guard(std::string_view bytes, const GuardLimits& limits) noexcept {
    GuardVerdict verdict;
    Seen seen;
    std::size_t at = 0;
    if (bytes.starts_with(
            "\r\n")) {  // RFC 9112 section 2.2: one empty line before the request line is ignored
        at = 2;
    }
    verdict.skip = at;
    std::size_t lines = 0;
    for (;;) {
        const std::size_t end = bytes.find('\n', at);
        if (end == std::string_view::npos) {
            if (bytes.size() > limits.head_bytes) {
                return refuse("The request head is larger than the limit.", 431);
            }
            if (lines == 0 && bytes.size() > at && !is_token_char(bytes[at])) {
                // TLS to a plain port, or noise; not worth waiting for the line's end.  A lone CR
                // may still become the empty line.
                return bytes[at] == '\r' && bytes.size() == at + 1 && at == 0
                           ? verdict
                           : refuse("This is not an HTTP request.");
            }
            return verdict;
        }
        if (end >= limits.head_bytes) {
            return refuse("The request head is larger than the limit.", 431);
        }
        if (end == at || bytes[end - 1] != '\r') {
            return refuse("A line of the head does not end in CRLF.");
        }
        const std::string_view line = bytes.substr(at, end - 1 - at);
        at = end + 1;
        std::string_view problem;
        if (lines == 0) {
            problem = check_request_line(line, seen, verdict.status);
        } else if (line.empty()) {
            problem = check_whole(seen, verdict);
            if (problem.empty()) {
                verdict.head_size = at;
                verdict.state = State::accepted;
                return verdict;
            }
        } else if (lines > limits.fields) {
            return refuse("The request has too many header fields.", 431);
        } else {
            problem = check_field(line, seen, verdict);
        }
        if (!problem.empty()) {
            GuardVerdict refusal = refuse(problem, verdict.status);
            refusal.foreign = seen.foreign;
            return refusal;
        }
        ++lines;
    }
}

}  // namespace tollgate::server::h1
