#include "server/upstream/response_parser.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tollgate::server::upstream::tests {
namespace {

using HeadState = ResponseParser::HeadState;

struct Outcome {
    bool malformed_head = false;
    bool malformed_body = false;
    bool complete = false;
    bool excess = false;
    bool keep_alive = false;
    unsigned status = 0;
    std::string body = {};
    bool operator==(const Outcome&) const = default;
};

void take(ResponseParser& parser, std::string bytes, Outcome& outcome) {
    // A vector of exactly that size: one byte further is an ASan report.
    std::vector<char> data(bytes.begin(), bytes.end());
    const ResponseParser::BodyStep step = parser.body(data.data(), data.size());
    REQUIRE(step.size <= data.size());
    outcome.body.append(data.data(), step.size);
    outcome.complete = outcome.complete || step.ended;
    outcome.malformed_body = outcome.malformed_body || step.malformed;
    outcome.excess = outcome.excess || step.excess;
}

// Reads an answer as a call does: the head from everything so far, then the body piece by piece,
// then the close.
Outcome read(std::string_view bytes, std::size_t first, std::size_t step, CallHead* out = nullptr) {
    ResponseParser parser;
    CallHead head;
    Outcome outcome;
    std::string received;
    bool in_body = false;
    std::size_t at = 0;
    for (std::size_t size = first; at < bytes.size(); size = step) {
        const std::string piece(bytes.substr(at, size));
        at += piece.size();
        if (in_body) {
            if (outcome.malformed_body) {
                break;
            }
            if (outcome.complete) {
                outcome.excess = true;
            } else {
                take(parser, piece, outcome);
            }
            continue;
        }
        received += piece;
        const ResponseParser::HeadStep done = parser.head(received, head);
        if (done.state == HeadState::malformed) {
            outcome.malformed_head = true;
            return outcome;
        }
        if (done.state == HeadState::done) {
            in_body = true;
            outcome.status = head.status;
            outcome.complete = parser.has_ended();
            outcome.keep_alive = parser.keep_alive();
            take(parser, received.substr(done.consumed), outcome);
        }
    }
    outcome.complete = outcome.complete || (in_body && parser.close_ends_body());
    if (out != nullptr) {
        *out = head;
    }
    return outcome;
}

Outcome read_every_way(std::string_view bytes) {
    const Outcome whole = read(bytes, bytes.size(), bytes.size());
    CHECK(read(bytes, 1, 1) == whole);
    for (std::size_t at = 1; at < bytes.size(); ++at) {
        Outcome split = read(bytes, at, bytes.size());
        CHECK(split == whole);
    }
    return whole;
}

std::string answer(std::string_view fields, std::string_view body) {
    return std::string("HTTP/1.1 200 OK\r\n").append(fields).append("\r\n").append(body);
}

TEST_CASE("a vendor's answer is framed by length, by chunks or by the close") {
    const struct {
        const char* name;
        std::string bytes;
        Outcome want;
    } cases[] = {
        {"length",
         answer("Content-Length: 5\r\n", "hello"),
         {.complete = true, .keep_alive = true, .status = 200, .body = "hello"}},
        {"no body",
         answer("content-length: 0\r\n", ""),
         {.complete = true, .keep_alive = true, .status = 200}},
        {"short body",
         answer("Content-Length: 5\r\n", "hell"),
         {.keep_alive = true, .status = 200, .body = "hell"}},
        {"bytes behind the body",
         answer("Content-Length: 5\r\n", "helloX"),
         {.complete = true, .excess = true, .keep_alive = true, .status = 200, .body = "hello"}},
        {"chunks",
         answer("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n1;x\r\n!\r\n0\r\n\r\n"),
         {.complete = true, .keep_alive = true, .status = 200, .body = "hello!"}},
        {"chunks with trailer",
         answer("transfer-encoding: Chunked\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
         {.complete = true, .keep_alive = true, .status = 200, .body = "hello"}},
        {"chunks without end",
         answer("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
         {.keep_alive = true, .status = 200, .body = "hello"}},
        {"chunks cut in the last line",
         answer("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n"),
         {.keep_alive = true, .status = 200, .body = "hello"}},
        {"bytes behind the chunks",
         answer("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\nHTTP"),
         {.complete = true, .excess = true, .keep_alive = true, .status = 200, .body = "a"}},
        {"until close",
         answer("Content-Type: text/plain\r\n", "hello\r\n\r\n"),
         {.complete = true, .status = 200, .body = "hello\r\n\r\n"}},
        {"until close, empty", answer("", ""), {.complete = true, .status = 200}},
        {"connection: close",
         answer("Connection: close\r\nContent-Length: 1\r\n", "a"),
         {.complete = true, .status = 200, .body = "a"}},
        {"1.0",
         "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
         {.complete = true, .status = 200, .body = "a"}},
        {"1.0, kept alive, is not kept",
         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
         {.complete = true, .status = 200, .body = "a"}},
        {"1.0 until close",
         "HTTP/1.0 200 OK\r\n\r\na",
         {.complete = true, .status = 200, .body = "a"}},
        {"204",
         "HTTP/1.1 204 No Content\r\n\r\n",
         {.complete = true, .keep_alive = true, .status = 204}},
        {"304 speaks of a length",
         "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
         {.complete = true, .keep_alive = true, .status = 304}},
        {"204 with bytes behind",
         "HTTP/1.1 204 No Content\r\n\r\nX",
         {.complete = true, .excess = true, .keep_alive = true, .status = 204}},
        {"interim",
         "HTTP/1.1 100 Continue\r\n\r\n" + answer("Content-Length: 1\r\n", "a"),
         {.complete = true, .keep_alive = true, .status = 200, .body = "a"}},
        {"several interims with fields",
         "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" +
             answer("Content-Length: 1\r\n", "a"),
         {.complete = true, .keep_alive = true, .status = 200, .body = "a"}},
        {"one length, twice",
         answer("Content-Length: 1\r\nContent-Length: 1, 1\r\n", "a"),
         {.complete = true, .keep_alive = true, .status = 200, .body = "a"}},
        {"no reason",
         "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
         {.complete = true, .keep_alive = true, .status = 200}},
        {"429",
         "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}",
         {.complete = true, .keep_alive = true, .status = 429, .body = "{}"}},
        {"529",
         "HTTP/1.1 529 \r\nContent-Length: 2\r\n\r\n{}",
         {.complete = true, .keep_alive = true, .status = 529, .body = "{}"}},
    };
    for (const auto& one : cases) {
        INFO(one.name);
        CHECK(read_every_way(one.bytes) == one.want);
    }
}

TEST_CASE("a head that is not HTTP/1 is malformed") {
    for (const std::string_view bytes :
         {"hello\r\n\r\n",
          "<html>\r\n\r\n",
          "\r\nHTTP/1.1 200 OK\r\n\r\n",
          "HTTP/2 200\r\n\r\n",
          "HTTP/2.0 200 OK\r\n\r\n",
          "http/1.1 200 OK\r\n\r\n",
          "HTTP/1.1\r\n\r\n",
          "HTTP/1.1 \r\n\r\n",
          "HTTP/1.1 20 OK\r\n\r\n",
          "HTTP/1.1 2000 OK\r\n\r\n",
          "HTTP/1.1 abc OK\r\n\r\n",
          "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
          "HTTP/1.1 200 OK\nX: y\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX: a\x01\r\n\r\n",
          "HTTP/1.1 200OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nConnection: close;x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1,\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\nhello\r\n\r\n",
          "SSH-2.0-OpenSSH\r\n\r\n"}) {
        INFO(bytes);
        CHECK(read(bytes, bytes.size(), 1).malformed_head);
        CHECK(read(bytes, 1, 1).malformed_head);
    }
    CHECK(read("\x15\x03\x01\x00\x02\x02\x28", 7, 1).malformed_head);  // a TLS alert
    CHECK(read("\xff", 1, 1).malformed_head);
}

TEST_CASE("broken chunks are malformed") {
    for (const std::string_view body : {"x\r\n", "5\r\nhelloX", "5\nhello", "\r\n", "-1\r\n"}) {
        INFO(body);
        const Outcome outcome = read_every_way(answer("Transfer-Encoding: chunked\r\n", body));
        CHECK(outcome.malformed_body);
        CHECK_FALSE(outcome.complete);
    }
}

TEST_CASE("a head is asked for until it is complete") {
    const std::string bytes = answer("Content-Length: 0\r\nX: y\r\n", "");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ResponseParser parser;
        CallHead head;
        CHECK(parser.head(std::string_view(bytes).substr(0, size), head).state ==
              HeadState::need_more);
    }
}

TEST_CASE("bodies of any length are announced") {
    for (const char* length : {"8388609", "1073741824", "1099511627776"}) {
        CallHead head;
        const Outcome outcome =
            read(answer(std::string("Content-Length: ") + length + "\r\n", "x"), 1000, 1000, &head);
        CHECK_FALSE(outcome.malformed_head);
        CHECK(head.content_length == std::stoull(length));
    }
}

TEST_CASE("a folded field of a vendor's is one line") {
    CallHead head;
    static_cast<void>(
        read(answer("X-Long: a\r\n b\r\n\tc\r\nY: d\r\nContent-Length: 0\r\n", ""), 500, 1, &head));
    CHECK(head.relayed == "X-Long: a b c\r\nY: d\r\n");
}

TEST_CASE("fields that concern the client are relayed, those of this hop are not") {
    CallHead head;
    static_cast<void>(read(
        "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\nRetry-After: 99\r\n\r\n" +
            answer(
                "Content-Type: application/json; charset=utf-8\r\n"
                "Content-Encoding: gzip\r\nRetry-After: 7\r\nretry-after-ms: 250\r\n"
                "x-amzn-ErrorType: ThrottlingException\r\nDate: today\r\n"
                "Cache-Control: no-store\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
                "Trailer: X\r\nSet-Cookie: a=b\r\nAlt-Svc: h3\r\nStrict-Transport-Security: x\r\n"
                "Proxy-Authenticate: x\r\nUpgrade: h2\r\nX-Request-Id: 1\r\n"
                "Access-Control-Allow-Origin: *\r\naccess-control-expose-headers: "
                "x\r\nX-RateLimit-Remaining-Requests: 9\r\n"
                "openai-processing-ms: 12\r\nContent-Length: 2\r\n",
                "{}"),
        5000, 1, &head));
    CHECK(head.status == 200);
    CHECK(head.content_type == "application/json; charset=utf-8");
    CHECK(head.content_encoding == "gzip");
    CHECK(head.retry_after == "7");
    CHECK(head.retry_after_ms == "250");
    CHECK(head.error_type == "ThrottlingException");
    CHECK(head.content_length == 2);
    CHECK(head.has_date);
    CHECK(head.has_cache_control);
    CHECK(head.info().status == 200);
    for (const std::string_view kept :
         {"Retry-After: 7\r\n", "Date: today\r\n", "Cache-Control: no-store\r\n",
          "X-RateLimit-Remaining-Requests: 9\r\n", "openai-processing-ms: 12\r\n"}) {
        INFO(kept);
        CHECK(head.relayed.find(kept) != std::string::npos);
    }
    for (const std::string_view dropped :
         {"Connection", "Keep-Alive", "Trailer", "Cookie", "Alt-Svc", "Transport-Security", "Proxy",
          "Upgrade", "Request-Id", "Access-Control", "access-control", "Content-", "Early", "99"}) {
        INFO(dropped);
        CHECK(head.relayed.find(dropped) == std::string::npos);
    }
}

}  // namespace
}  // namespace tollgate::server::upstream::tests
