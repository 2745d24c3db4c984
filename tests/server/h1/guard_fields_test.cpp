// Framing, other fields, connection handling and line ends.
#include "tests/server/h1/guard_cases.hpp"

namespace tollgate::server::h1::tests {
namespace {

void add_lengths(GuardCases& all) {
    const struct {
        const char* text;
        std::uint64_t value;
    } good[] = {{"0", 0},
                {"5", 5},
                {"  5", 5},
                {"5  ", 5},
                {"\t5\t", 5},
                {"005", 5},
                {"1048576", 1048576},
                {"999999999999999999", 999999999999999999ULL}};
    for (const auto& [text, value] : good) {
        all.push_back({.name = std::string("length ") + text,
                       .head = post(std::string("Content-Length: ") + text + "\r\n"),
                       .framing = Framing::length,
                       .length = value});
    }
    for (const char* text : {"",
                             " ",
                             "+5",
                             "-1",
                             "-0",
                             "0x10",
                             "0X10",
                             "5,5",
                             "5, 5",
                             "5,6",
                             "5;",
                             "5 5",
                             "5.0",
                             "5e1",
                             "5a",
                             "a",
                             "1_000",
                             "1,000",
                             "\"5\"",
                             "five",
                             "NaN",
                             "18446744073709551615",
                             "18446744073709551616",
                             "99999999999999999999999999",
                             "\xd9\xa5",
                             "5\v",
                             "\f5"}) {
        all.push_back(refuse("length '" + shown(text) + "'",
                             post(std::string("Content-Length: ") + text + "\r\n")));
    }
    all.push_back(refuse("two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n")));
    all.push_back(refuse("two equal lengths", post("Content-Length: 5\r\ncontent-length: 5\r\n")));
    all.push_back(
        refuse("lengths apart", post("Content-Length: 5\r\nX: y\r\nContent-Length: 5\r\n")));
    all.push_back(refuse("length and space before colon", post("Content-Length : 5\r\n")));
    all.push_back(refuse("length and tab before colon", post("Content-Length\t: 5\r\n")));
    all.push_back(accept("not a length", post("Content_Length: 5\r\n")));
    all.push_back(accept("not a length either", post("Content-Lengths: 5\r\n")));
}

void add_codings(GuardCases& all) {
    for (const char* text :
         {"chunked", "Chunked", "CHUNKED", "  chunked", "chunked \t", "cHuNkEd"}) {
        for (const char* name : {"Transfer-Encoding", "transfer-encoding", "TRANSFER-ENCODING"}) {
            all.push_back({.name = std::string(name) + ": " + text,
                           .head = post(std::string(name) + ": " + text + "\r\n"),
                           .framing = Framing::chunked});
        }
    }
    // A coding that is not read here, with the end of the body known: RFC 9112 section 6.1.
    for (const char* text : {"gzip, chunked", "gzip,chunked", "deflate, gzip, chunked",
                             "identity, chunked", "x , Chunked", "chunked, ", ",chunked,"}) {
        all.push_back(refuse(std::string("coding '") + text + "'",
                             post(std::string("Transfer-Encoding: ") + text + "\r\n"), 501));
    }
    // The end of the body cannot be known: RFC 9112 section 6.3, item 4.
    for (const char* text : {"",
                             ",",
                             "gzip",
                             "identity",
                             "xchunked",
                             "chunkedx",
                             "chunked, gzip",
                             "chunked,gzip",
                             "chunked, identity",
                             "chunked, chunked",
                             "chunked,chunked",
                             "chunked;q=1",
                             "chunked; a=b",
                             "chunked;",
                             "\"chunked\"",
                             "'chunked'",
                             "chun ked",
                             "chunked chunked",
                             "chunk",
                             "\vchunked",
                             "chunked\v",
                             "chunked\f",
                             "\x0b"
                             "chunked",
                             "chunked\x7f",
                             "ch\xc3\xbcnked",
                             "gzip, chunked, gzip",
                             "chunked, gzip, chunked",
                             "trailers",
                             "chunked\xa0",
                             "none",
                             "0",
                             "\\chunked",
                             "[chunked]"}) {
        all.push_back(refuse("coding '" + shown(text) + "'",
                             post(std::string("Transfer-Encoding: ") + text + "\r\n")));
    }
    const std::string te = "Transfer-Encoding: chunked\r\n";
    all.push_back(
        refuse("coding with NUL", post(std::string("Transfer-Encoding: chunked\0\r\n", 28))));
    all.push_back(refuse("two codings", post(te + te)));
    all.push_back(refuse("two codings, one empty", post(te + "Transfer-Encoding:\r\n")));
    all.push_back(refuse("chunked, then identity", post(te + "Transfer-Encoding: identity\r\n")));
    all.push_back(refuse("identity, then chunked", post("Transfer-Encoding: identity\r\n" + te)));
    all.push_back(refuse("coding and space before colon", post("Transfer-Encoding : chunked\r\n")));
    all.push_back(refuse("coding folded", post("Transfer-Encoding:\r\n chunked\r\n")));
    all.push_back(refuse("coding behind a space", post(" Transfer-Encoding: chunked\r\n")));
    all.push_back(refuse("coding behind CR", post("X: y\rTransfer-Encoding: chunked\r\n")));
    all.push_back(refuse("coding behind LF", post("X: y\nTransfer-Encoding: chunked\r\n")));
    all.push_back(refuse("coding in 1.0", head_of("POST / HTTP/1.0", te)));
    all.push_back(refuse("coding in 1.0, kept alive",
                         head_of("POST / HTTP/1.0", te + "Connection: keep-alive\r\n")));
    all.push_back(accept("not a coding", post("Transfer_Encoding: chunked\r\n")));
    all.push_back(accept("TE", post("TE: trailers, chunked\r\nConnection: TE\r\n")));
}

void add_both(GuardCases& all) {
    for (const char* length :
         {"Content-Length: 5\r\n", "content-length: 0\r\n", "CONTENT-LENGTH:6\r\n"}) {
        for (const char* coding :
             {"Transfer-Encoding: chunked\r\n", "transfer-encoding:CHUNKED\r\n"}) {
            for (const char* line : {"POST / HTTP/1.1", "GET / HTTP/1.1", "POST / HTTP/1.0"}) {
                const std::string cl = length;
                const std::string te = coding;
                all.push_back(refuse("CL.TE " + shown(cl + te), head_of(line, cl + te)));
                all.push_back(refuse("TE.CL " + shown(te + cl), head_of(line, te + cl)));
                all.push_back(
                    refuse("TE X CL " + shown(te + cl), head_of(line, te + "X: y\r\n" + cl)));
            }
        }
    }
}

}  // namespace

GuardCases framing_cases() {
    GuardCases all;
    add_lengths(all);
    add_codings(all);
    add_both(all);
    GuardCase old{.name = "length in 1.0",
                  .head = head_of("POST / HTTP/1.0", "Content-Length: 7\r\n"),
                  .framing = Framing::length,
                  .length = 7,
                  .keep_alive = false};
    all.push_back(old);
    all.push_back({.name = "GET with a body",
                   .head = head_of("GET / HTTP/1.1", "Content-Length: 7\r\n"),
                   .framing = Framing::length,
                   .length = 7});
    return all;
}

GuardCases field_cases() {
    GuardCases all;
    for (const char* line : {"X: y",
                             "X:y",
                             "X:",
                             "X: ",
                             "X:\t",
                             "X:\ty",
                             "X: y \t",
                             "X::",
                             "X: :",
                             "X: a: b",
                             "X: \"y\"",
                             "X: y, z",
                             "X: \xc3\xa9",
                             "X: \xff\x80",
                             "1: 2",
                             "X-Y_Z.~: 1",
                             "Cookie: a=b; c=d",
                             "Cookie: a\r\nCookie: b",
                             "X: y\r\nX: y",
                             "Accept: */*\r\nUser-Agent: t/1 (x; y)",
                             "Authorization: Bearer abc.def-ghi",
                             "Upgrade: h2c\r\nConnection: Upgrade",
                             "X: (comment) {json: [1, 2]}",
                             "Trailer: X"}) {
        all.push_back(accept(shown(line), post(std::string(line) + "\r\n")));
    }
    for (const char* line : {"X",
                             "X y",
                             ": y",
                             ":",
                             " : y",
                             "X : y",
                             "X\t: y",
                             "X Y: z",
                             " X: y",
                             "\tX: y",
                             "X: y\r\n z",
                             "X: y\r\n\tz",
                             "X: y\r\n ",
                             "X:\r\n\t",
                             "X: y\r\nz",
                             "(X): y",
                             "X,: y",
                             "X/: y",
                             "X=: y",
                             "X?: y",
                             "X@: y",
                             "[X]: y",
                             "{X}: y",
                             "X\\: y",
                             "\"X\": y",
                             "X\xc3\xa9: y",
                             "\xff: y",
                             "X: y\x01",
                             "X: y\x1b[0m",
                             "X: y\x7f",
                             "X: \by",
                             "X: y\rz",
                             "X: y\r",
                             "X: y\nz: a",
                             "X: y\n",
                             "X\n: y",
                             "X\r: y",
                             "X: y\r\r\nZ: a",
                             "X: y\n\rZ: a",
                             "X: y\r\n\n",
                             "X: y\r\n\rZ: a"}) {
        all.push_back(refuse(shown(line), post(std::string(line) + "\r\n")));
    }
    all.push_back(refuse("NUL in a value", post(std::string("X: a\0b\r\n", 8))));
    all.push_back(refuse("NUL in a name", post(std::string("X\0Y: b\r\n", 8))));
    all.push_back(refuse("fold before any field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"));
    all.push_back(refuse("LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"));
    all.push_back(refuse("LF everywhere", "GET / HTTP/1.1\nHost: a\n\n"));
    all.push_back(refuse("LF after Host", "GET / HTTP/1.1\r\nHost: a\n\r\n"));
    all.push_back(refuse("LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"));
    all.push_back(refuse("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"));
    all.push_back(refuse("CR CR LF after Host", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"));
    all.push_back(refuse("CR CR LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"));
    all.push_back(refuse("CR only", "GET / HTTP/1.1\rHost: a\r\r\n\r\n"));
    all.push_back(refuse("CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"));
    return all;
}

GuardCases connection_cases() {
    GuardCases all;
    const struct {
        const char* value;
        bool new_keeps;
        bool old_keeps;
    } rows[] = {{"close", false, false},
                {"Close", false, false},
                {"keep-alive", true, true},
                {"Keep-Alive", true, true},
                {"KEEP-ALIVE", true, true},
                {"close, keep-alive", false, false},
                {"keep-alive, close", false, false},
                {"keep-alive,close", false, false},
                {" , ,close ,", false, false},
                {"x, keep-alive ,y", true, true},
                {"x, CLOSE,y", false, false},
                {"", true, false},
                {",", true, false},
                {"upgrade", true, false},
                {"closed", true, false},
                {"keep-alives", true, false},
                {"TE, close", false, false},
                {"keep-alive\r\nConnection: close", false, false},
                {"close\r\nConnection: keep-alive", false, false},
                {"x\r\nconnection: keep-alive", true, true}};
    for (const auto& row : rows) {
        for (const bool is_new : {true, false}) {
            GuardCase one = accept(std::string(is_new ? "1.1 " : "1.0 ") + shown(row.value),
                                   head_of(is_new ? "GET / HTTP/1.1" : "GET / HTTP/1.0",
                                           std::string("Connection: ") + row.value + "\r\n"));
            one.keep_alive = is_new ? row.new_keeps : row.old_keeps;
            all.push_back(one);
        }
    }
    GuardCase old = accept("1.0 closes by itself", head_of("GET / HTTP/1.0"));
    old.keep_alive = false;
    all.push_back(old);
    all.push_back(accept("Proxy-Connection says nothing",
                         head_of("GET / HTTP/1.1", "Proxy-Connection: close\r\n")));
    for (const char* value : {"100-continue", "100-Continue", " 100-continue "}) {
        GuardCase one = accept(std::string("Expect: ") + value,
                               post(std::string("Expect: ") + value + "\r\nContent-Length: 5\r\n"));
        one.framing = Framing::length;
        one.length = 5;
        one.expect_continue = true;
        all.push_back(one);
    }
    old = accept("Expect in 1.0", head_of("POST / HTTP/1.0", "Expect: 100-continue\r\n"));
    old.keep_alive = false;
    all.push_back(old);
    for (const char* value :
         {"", "200-ok", "100", "100-continued", "x100-continue", "100-continue, x",
          "x, 100-continue", "100 continue", "100-continue;a"}) {
        all.push_back(refuse(std::string("Expect: ") + value,
                             post(std::string("Expect: ") + value + "\r\n"), 417));
    }
    return all;
}

}  // namespace tollgate::server::h1::tests
