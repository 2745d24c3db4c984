#include "server/h1/responder.hpp"

#include "server/io/give_back.hpp"

#include <charconv>
#include <vector>

namespace tollgate::server::h1 {

std::string_view status_line(std::uint16_t status) noexcept {
    switch (status) {
        case 200:
            return "200 OK";
        case 204:
            return "204 No Content";
        case 400:
            return "400 Bad Request";
        case 401:
            return "401 Unauthorized";
        case 402:
            return "402 Payment Required";
        case 403:
            return "403 Forbidden";
        case 404:
            return "404 Not Found";
        case 405:
            return "405 Method Not Allowed";
        case 408:
            return "408 Request Timeout";
        case 409:
            return "409 Conflict";
        case 413:
            return "413 Content Too Large";
        case 415:
            return "415 Unsupported Media Type";
        case 417:
            return "417 Expectation Failed";
        case 422:
            return "422 Unprocessable Content";
        case 429:
            return "429 Too Many Requests";
        case 431:
            return "431 Request Header Fields Too Large";
        case 499:
            return "499 Client Closed Request";
        case 500:
            return "500 Internal Server Error";
        case 501:
            return "501 Not Implemented";
        case 502:
            return "502 Bad Gateway";
        case 503:
            return "503 Service Unavailable";
        case 504:
            return "504 Gateway Timeout";
        case 505:
            return "505 HTTP Version Not Supported";
        default:
            return {};
    }
}

void Responder::reset(const Message& message) noexcept {
    message_ = message;
    head_.clear();
    started_ = false;
    finished_ = false;
    aborted_ = false;
}

void Responder::start(ResponseHead head) {
    started_ = true;
    message_.keep_alive = message_.keep_alive && !wiring_.draining && wiring_.body_done;
    std::array<char, 24> number;
    const auto digits = [&](std::uint64_t n) {
        return std::string_view(number.data(),
                                std::to_chars(number.data(), number.data() + number.size(), n).ptr);
    };
    // Around the fields, in the memory that they have already.
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    const std::string_view known = status_line(head.status);
    const std::string_view line = known.empty() ? digits(head.status) : known;
    const std::string_view end = known.empty() ? " \r\n" : "\r\n";
    const std::size_t size = kVersion.size() + line.size() + end.size();
    head_ = std::move(head.fields);
    head_.reserve(head_.size() + size + 96);
    head_.insert(0, size, ' ');
    kVersion.copy(head_.data(), kVersion.size());
    line.copy(head_.data() + kVersion.size(), line.size());
    end.copy(head_.data() + kVersion.size() + line.size(), end.size());
    const bool bodyless = head.status == 204 || head.status == 304;
    if (head.content_length || bodyless) {
        framing_ = Framing::length;
        if (!bodyless) {
            head_.append("content-length: ").append(digits(*head.content_length)).append("\r\n");
        }
    } else if (message_.version_10) {
        framing_ = Framing::until_close;
        message_.keep_alive = false;
    } else {
        framing_ = Framing::chunked;
        head_.append("transfer-encoding: chunked\r\n");
    }
    if (!message_.keep_alive) {
        head_.append("connection: close\r\n");
    } else if (message_.version_10) {
        head_.append("connection: keep-alive\r\n");
    }
    head_.append("\r\n");
}

bool Responder::write(std::span<const std::string_view> pieces, bool last) {
    std::size_t size = 0;
    for (const std::string_view bytes : pieces) {
        size += bytes.size();
    }
    std::array<iovec, 16> few;
    std::vector<iovec> many;
    iovec* vector = few.data();
    if (pieces.size() + 4 > few.size()) {
        many.resize(pieces.size() + 4);
        vector = many.data();
    }
    std::size_t count = 0;
    if (!head_.empty()) {
        vector[count++] = piece(head_);
    }
    const bool with_body = size > 0 && !message_.head_only;
    std::array<char, 20> chunk_size;
    if (with_body && framing_ == Framing::chunked) {
        char* end = std::to_chars(chunk_size.data(), chunk_size.data() + 16, size, 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        vector[count++] = piece({chunk_size.data(), end});
    }
    if (with_body) {
        for (const std::string_view bytes : pieces) {
            if (!bytes.empty()) {
                vector[count++] = piece(bytes);
            }
        }
    }
    if (framing_ == Framing::chunked && !message_.head_only) {
        constexpr std::string_view kEnd = "\r\n0\r\n\r\n";
        const std::string_view tail = with_body ? (last ? kEnd : kEnd.substr(0, 2))
                                                : (last ? kEnd.substr(2) : std::string_view());
        if (!tail.empty()) {
            vector[count++] = piece(tail);
        }
    }
    finished_ = finished_ || last;
    if (count == 0) {
        return true;
    }
    const bool sent = queue_.write(wiring_.channel, std::span<const iovec>(vector, count));
    give_back(head_);
    return sent;
}

bool Responder::interim(std::string_view bytes) {
    const iovec one = piece(bytes);
    return queue_.write(wiring_.channel, std::span(&one, 1));
}

Task<bool> Responder::drain() {
    // Progress resets the clock, so a slow reader is fine as long as it reads.
    while (queue_.queued() > 0) {
        wiring_.deadline.arm(Cause::write_timeout, Reactor::now() + wiring_.write_timeout);
        const bool moved = co_await queue_.drain_some(wiring_.channel, wiring_.interrupt);
        wiring_.deadline.clear();
        if (!moved) {
            if (wiring_.interrupt.cause() == Cause::write_timeout) {
                wiring_.shard.add_attack(metrics::Attack::slow_reader);
            }
            co_return false;
        }
    }
    co_return true;
}

}  // namespace tollgate::server::h1
