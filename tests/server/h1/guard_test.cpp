#include "server/h1/guard.hpp"

#include "server/exchange.hpp"
#include "server/h1/head_parser.hpp"
#include "tests/server/h1/guard_cases.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <memory>

namespace tollgate::server::h1::tests {
namespace {

using State = GuardVerdict::State;

// From memory of exactly that size, so that reading on is an ASan report.
GuardVerdict judge(std::string_view bytes, const GuardLimits& limits = {}) {
    const std::unique_ptr<char[]> exact(new char[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    return guard({exact.get(), bytes.size()}, limits);
}

void check_parsed(const GuardCase& one, const GuardVerdict& verdict) {
    const std::string_view head = std::string_view(one.head).substr(verdict.skip);
    RequestHead parsed;
    REQUIRE(parse_head(head, parsed));
    const auto lines = std::count(head.begin(), head.end(), '\n');
    CHECK(parsed.fields.size() == static_cast<std::size_t>(lines) - 2);
    CHECK(head.starts_with(std::string(parsed.method) + " " + std::string(parsed.target) +
                           " HTTP/1."));
}

void check_accepted(const GuardCase& one) {
    const GuardVerdict verdict = judge(one.head);
    REQUIRE(verdict.reason == "");
    REQUIRE(verdict.state == State::accepted);
    CHECK(verdict.head_size == one.head.size());
    CHECK(verdict.framing == one.framing);
    CHECK(verdict.content_length == one.length);
    CHECK(verdict.keep_alive == one.keep_alive);
    CHECK(verdict.expect_continue == one.expect_continue);
    check_parsed(one, verdict);
    for (std::size_t size = 0; size < one.head.size(); ++size) {
        if (judge(std::string_view(one.head).substr(0, size)).state != State::need_more) {
            FAIL("a prefix of " << size << " bytes is judged already");
        }
    }
    for (const std::string_view tail :
         {"GET / HTTP/1.1\r\n", "\r\n\r\n", "\n", "5\r\nhello\r\n", "\xff"}) {
        const GuardVerdict again = judge(one.head + std::string(tail));
        CHECK(again.state == State::accepted);
        CHECK(again.head_size == one.head.size());
    }
}

void check_refused(const GuardCase& one) {
    const GuardVerdict verdict = judge(one.head);
    REQUIRE(verdict.state == State::refused);
    CHECK(verdict.status == one.status);
    CHECK(verdict.reason.ends_with('.'));
    // Refused means refused: neither fewer bytes nor more make it a request.
    bool refused = false;
    for (std::size_t size = 0; size <= std::min<std::size_t>(one.head.size(), 4096); ++size) {
        const State state = judge(std::string_view(one.head).substr(0, size)).state;
        if (state == State::accepted || (refused && state != State::refused)) {
            FAIL("a prefix of " << size << " bytes is judged differently");
        }
        refused = state == State::refused;
    }
    CHECK(judge(one.head + "\r\n\r\n").state == State::refused);
}

std::size_t check(const GuardCases& cases) {
    for (const GuardCase& one : cases) {
        INFO(one.name << "\n" << shown(std::string_view(one.head).substr(0, 400)));
        one.status == 0 ? check_accepted(one) : check_refused(one);
    }
    return cases.size();
}

TEST_CASE("a request line has one form") {
    CHECK(check(request_line_cases()) > 100);
}
TEST_CASE("a request names one host") {
    CHECK(check(host_cases()) > 60);
}
TEST_CASE("a body is framed in one way or refused") {
    CHECK(check(framing_cases()) > 140);
}
TEST_CASE("fields are lines of their own") {
    CHECK(check(field_cases()) > 70);
}
TEST_CASE("only a first line that has nothing of HTTP/1 in it is foreign") {
    for (const char* line : {"INVALID CONNECTION PREFACE", "a b c", "a b c d"}) {
        const GuardVerdict verdict = judge(std::string(line) + "\r\n\r\n");
        CHECK(verdict.state == State::refused);
        CHECK(verdict.foreign);
    }
    for (const char* line : {"GET / FTP", "GET http://a FTP", "* * *", "OPTIONS * x", "hello",
                             "a b", "GET a HTTP/1.1", "CONNECT a:80 x", "GET  x"}) {
        CHECK_FALSE(judge(std::string(line) + "\r\n\r\n").foreign);
    }
}

TEST_CASE("connections are kept as version and Connection say") {
    CHECK(check(connection_cases()) > 50);
}
TEST_CASE("every byte is either allowed at a place or refused there") {
    CHECK(check(byte_cases()) > 1500);
}

TEST_CASE("an incomplete head asks for more") {
    for (const std::string_view bytes :
         {"", "G", "\r", "\r\n", "\r\nG", "GET / HTTP/1.1", "GET / HTTP/1.1\r",
          "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"}) {
        INFO(shown(bytes));
        CHECK(judge(bytes).state == State::need_more);
    }
}

TEST_CASE("noise is refused without waiting for the end of its line") {
    for (const std::string_view bytes : {"\x16", "\x16\x03\x01", " ", "\t", "\x80", "\r\r", "\rG",
                                         "\r\n\r", "\r\n ", "(", "\"", "/"}) {
        INFO(shown(bytes));
        CHECK(judge(bytes).state == State::refused);
    }
}

TEST_CASE("the host of an absolute target wins over the field") {
    const std::string head = head_of("GET https://b.example:1/x?y=z HTTP/1.1");
    RequestHead parsed;
    REQUIRE(judge(head).state == State::accepted);
    REQUIRE(parse_head(head, parsed));
    CHECK(parsed.host == "b.example:1");
    CHECK(parsed.path == "/x");
    CHECK(parsed.query == "y=z");
    CHECK(parsed.find("hOsT") == "a");
    CHECK(parsed.find("none") == "");
}

TEST_CASE("a list in Connection that is none is refused by the parser") {
    for (const std::string_view value : {"close;x", "\"close\"", "close x", "(close)"}) {
        const std::string head =
            head_of("GET / HTTP/1.1", "Connection: " + std::string(value) + "\r\n");
        RequestHead parsed;
        CHECK_FALSE(parse_head(head, parsed));
    }
}

TEST_CASE("a head may be as large as the limit and no larger") {
    const GuardLimits limits{.head_bytes = 1000, .fields = 128};
    const auto of_size = [](std::size_t size) {
        const std::string frame = post("X: \r\n");
        return post("X: " + std::string(size - frame.size(), 'y') + "\r\n");
    };
    for (const std::size_t size : {std::size_t{500}, std::size_t{999}, std::size_t{1000}}) {
        INFO(size);
        REQUIRE(of_size(size).size() == size);
        CHECK(judge(of_size(size), limits).state == State::accepted);
        CHECK(judge(of_size(size) + std::string(5000, 'b'), limits).state == State::accepted);
    }
    for (const std::size_t size : {std::size_t{1001}, std::size_t{1002}, std::size_t{5000}}) {
        INFO(size);
        const GuardVerdict verdict = judge(of_size(size), limits);
        CHECK(verdict.state == State::refused);
        CHECK(verdict.status == 431);
    }
}

TEST_CASE("a line without end is refused at the limit") {
    const GuardLimits limits{.head_bytes = 1000, .fields = 128};
    for (const std::string& start :
         {std::string("GET /"), post("X: ").substr(0, post("X: ").size() - 2)}) {
        std::string bytes = start;
        bytes.resize(1000, 'a');
        CHECK(judge(bytes, limits).state == State::need_more);
        bytes += 'a';
        const GuardVerdict verdict = judge(bytes, limits);
        CHECK(verdict.state == State::refused);
        CHECK(verdict.status == 431);
    }
}

TEST_CASE("a head may have as many fields as the limit and no more") {
    const GuardLimits limits{.head_bytes = 64 * 1024, .fields = 10};
    const auto with = [](std::size_t count) {
        std::string fields;
        for (std::size_t i = 1; i < count; ++i) {  // Host is one of them
            fields += "X: y\r\n";
        }
        return post(fields);
    };
    CHECK(judge(with(10), limits).state == State::accepted);
    for (const std::size_t count : {std::size_t{11}, std::size_t{12}, std::size_t{200}}) {
        const GuardVerdict verdict = judge(with(count), limits);
        CHECK(verdict.state == State::refused);
        CHECK(verdict.status == 431);
    }
}

TEST_CASE("a large head within the limits reaches the parser whole") {
    std::string fields;
    for (int i = 0; i < 126; ++i) {
        fields += "X-" + std::to_string(i) + ": " + std::string(400, 'v') + "\r\n";
    }
    for (const std::string& head : {post(fields), post("X: " + std::string(60000, 'v') + "\r\n"),
                                    head_of("GET /" + std::string(60000, 'a') + " HTTP/1.1")}) {
        REQUIRE(judge(head).state == State::accepted);
        RequestHead parsed;
        CHECK(parse_head(head, parsed));
    }
}

}  // namespace
}  // namespace tollgate::server::h1::tests
