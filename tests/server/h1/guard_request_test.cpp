// The request line, Host and the single bytes.
#include "tests/server/h1/guard_cases.hpp"

namespace tollgate::server::h1::tests {

GuardCases request_line_cases() {
    GuardCases all;
    for (const char* line : {
             "GET / HTTP/1.1",
             "GET /v1/models HTTP/1.1",
             "POST /v1/chat/completions HTTP/1.1",
             "HEAD / HTTP/1.1",
             "DELETE /a HTTP/1.1",
             "OPTIONS /a HTTP/1.1",
             "OPTIONS * HTTP/1.1",
             "get / HTTP/1.1",
             "M-SEARCH / HTTP/1.1",
             "X!#$%&'*+.^_`|~9 / HTTP/1.1",
             "GET /a?b HTTP/1.1",
             "GET /a?b=c&d=e/f?g HTTP/1.1",
             "GET /%00%0d%0a HTTP/1.1",
             "GET /a//b/../c HTTP/1.1",
             "GET // HTTP/1.1",
             "GET //evil.example/ HTTP/1.1",
             "GET /? HTTP/1.1",
             "GET /a;b=c,d:e@f HTTP/1.1",
             "GET /[::1] HTTP/1.1",
             "GET /~(a)!$'*+ HTTP/1.1",
             "GET http://a/ HTTP/1.1",
             "GET http://a HTTP/1.1",
             "GET http://a:8080/x?y HTTP/1.1",
             "GET https://a.example/ HTTP/1.1",
             "GET http://[::1]:80/ HTTP/1.1",
             "GET http://a?x=1 HTTP/1.1",
             "GET http://other.example/ HTTP/1.1",
             "OPTIONS http://a HTTP/1.1",
         }) {
        all.push_back(accept(line, head_of(line)));
    }
    for (const char* line : {
             "",
             " ",
             "GET",
             "GET ",
             "GET /",
             "GET / ",
             "GET  / HTTP/1.1",
             "GET /  HTTP/1.1",
             " GET / HTTP/1.1",
             "GET / HTTP/1.1 ",
             "GET\t/ HTTP/1.1",
             "GET /\tHTTP/1.1",
             "GET\t/\tHTTP/1.1",
             "GET\v/\vHTTP/1.1",
             "GET / HTTP/1.1\t",
             "GET / HTTP/1.1 x",
             "GET / a HTTP/1.1",
             "GET a HTTP/1.1",
             "GET a/b HTTP/1.1",
             "GET * HTTP/1.1",
             "OPTIONS ** HTTP/1.1",
             "OPTIONS *a HTTP/1.1",
             "GET ?a HTTP/1.1",
             "GET #a HTTP/1.1",
             "GET /#a HTTP/1.1",
             "GET /a?b#c HTTP/1.1",
             "GET example.com:443 HTTP/1.1",
             "CONNECT example.com:443 HTTP/1.1",
             "CONNECT a HTTP/1.1",
             "GET ftp://a/ HTTP/1.1",
             "GET file:///etc/passwd HTTP/1.1",
             "GET javascript:0 HTTP/1.1",
             "GET http:/a HTTP/1.1",
             "GET http: HTTP/1.1",
             "GET http:// HTTP/1.1",
             "GET http:/// HTTP/1.1",
             "GET http:///a HTTP/1.1",
             "GET http://?a HTTP/1.1",
             "GET https:// HTTP/1.1",
             "GET http://user@a/ HTTP/1.1",
             "GET http://user:secret@a/ HTTP/1.1",
             "GET http://a:b/ HTTP/1.1",
             "GET http://:80/ HTTP/1.1",
             "GET http://[::1/ HTTP/1.1",
             "GET http://a,b/ HTTP/1.1",
             "GET / http/1.1",
             "GET / Http/1.1",
             "GET / HTTP/1",
             "GET / HTTP/11",
             "GET / HTTP/1.",
             "GET / HTTP/.1",
             "GET / HTTP/1.10",
             "GET / HTTP/01.1",
             "GET / HTTP/1.01",
             "GET / HTTP/a.b",
             "GET / HTTP/+1.1",
             "GET / HTTP/-1.1",
             "GET / HTTP/1,1",
             "GET / HTTP /1.1",
             "GET / HTTP/ 1.1",
             "GET / HTTP/1 .1",
             "GET / XTTP/1.1",
             "GET / HTTPS/1.1",
             "GET / SHTTP/1.3",
             "GET / ICY/1.1",
             "G(T / HTTP/1.1",
             "GE:T / HTTP/1.1",
             "GET, / HTTP/1.1",
             "\"GET\" / HTTP/1.1",
             "HTTP/1.1 200 OK",
             "Host: a",
             "GET /\xc3\xa9 HTTP/1.1",
             "GET /\xff HTTP/1.1",
             "G\xc3\x89T / HTTP/1.1",
             "GET / HTTP/1.\xb9",
             "GET /<b> HTTP/1.1",
             "GET /{a} HTTP/1.1",
             "GET /a|b HTTP/1.1",
             "GET /a\\b HTTP/1.1",
             "GET /a^b HTTP/1.1",
             "GET /a`b HTTP/1.1",
             "GET /a\"b HTTP/1.1",
         }) {
        all.push_back(refuse(line, head_of(line)));
    }
    for (const char* line : {"GET / HTTP/0.9", "GET / HTTP/2.0", "GET / HTTP/3.0", "GET / HTTP/1.2",
                             "GET / HTTP/1.9", "GET / HTTP/9.9", "PRI * HTTP/2.0"}) {
        all.push_back(refuse(line, head_of(line), 505));
    }
    all.push_back(accept("one empty line first", "\r\n" + head_of("GET / HTTP/1.1")));
    all.push_back(refuse("two empty lines first", "\r\n\r\n" + head_of("GET / HTTP/1.1")));
    all.push_back(refuse("an empty LF line first", "\n" + head_of("GET / HTTP/1.1")));
    all.push_back(refuse("CR alone first", "\r" + head_of("GET / HTTP/1.1")));
    all.push_back(refuse("a long method", std::string(70000, 'A') + " / HTTP/1.1\r\n\r\n", 431));
    all.push_back(refuse("TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)));
    return all;
}

GuardCases host_cases() {
    GuardCases all;
    const auto with = [](std::string_view value) {
        return head_of("GET / HTTP/1.1", "", "Host: " + std::string(value) + "\r\n");
    };
    for (const char* host :
         {"", "a", "a.example", "a.example:8080", "a.example:", "127.0.0.1", "127.0.0.1:4000",
          "[::1]", "[::1]:4000", "[fe80::1%25eth0]", "xn--bcher-kva.example", "a_b.example",
          "A.EXAMPLE", "  a", "a  ", "\ta\t", "a.example.", "a%2db", "a!$&'()*+=b"}) {
        all.push_back(accept("Host '" + std::string(host) + "'", with(host)));
    }
    for (const char* host : {"a b",
                             "a\tb",
                             "a/b",
                             "a/",
                             "/",
                             "http://a",
                             "user@a",
                             "user:x@a",
                             "a?b",
                             "a#b",
                             "a,b",
                             "a;b",
                             "a, b",
                             "a:b",
                             "a:80b",
                             "a:+80",
                             "a:-1",
                             "a:80:90",
                             "::1",
                             ":80",
                             ":",
                             "[::1",
                             "::1]",
                             "[]",
                             "[]:80",
                             "[::1]a",
                             "[::1]80",
                             "[::1]:x",
                             "a[b]",
                             "a\\b",
                             "\"a\"",
                             "<a>",
                             "b\xc3\xbc"
                             "cher.example",
                             "a{b}",
                             "a|b",
                             "a^b",
                             "a`b"}) {
        all.push_back(refuse("Host '" + shown(host) + "'", with(host)));
    }
    all.push_back(refuse("no Host", head_of("GET / HTTP/1.1", "", "")));
    all.push_back(refuse("no Host among others", head_of("GET / HTTP/1.1", "X: y\r\n", "")));
    all.push_back(refuse("no Host, absolute form", head_of("GET http://a/ HTTP/1.1", "", "")));
    all.push_back(refuse("two Hosts", head_of("GET / HTTP/1.1", "Host: b\r\n")));
    all.push_back(refuse("two equal Hosts", head_of("GET / HTTP/1.1", "Host: a\r\n")));
    all.push_back(refuse("two Hosts, cases differ", head_of("GET / HTTP/1.1", "hOST: a\r\n")));
    all.push_back(refuse("two empty Hosts", head_of("GET / HTTP/1.1", "Host:\r\nHost:\r\n", "")));
    all.push_back(refuse("two Hosts in 1.0", head_of("GET / HTTP/1.0", "Host: b\r\n")));
    all.push_back(accept("Host without space", head_of("GET / HTTP/1.1", "", "Host:a\r\n")));
    all.push_back(accept("HOST", head_of("GET / HTTP/1.1", "", "HOST: a\r\n")));
    GuardCase without = accept("1.0 needs no Host", head_of("GET / HTTP/1.0", "", ""));
    without.keep_alive = false;
    all.push_back(without);
    return all;
}

GuardCases byte_cases() {
    GuardCases all;
    const std::string_view token = "!#$%&'*+-.^_`|~";
    const std::string_view not_in_target = "\"<>\\^`{|}#";
    for (unsigned value = 0; value < 256; ++value) {
        const std::string byte(1, static_cast<char>(value));
        const std::string name = "byte " + shown(byte) + " in ";
        const bool visible = value > 0x20 && value < 0x7f;
        const bool alnum =
            visible && std::string_view("0123456789").find(byte) != std::string::npos;
        const bool alpha = (value | 0x20U) >= 'a' && (value | 0x20U) <= 'z' && value < 0x80;
        const bool is_token = alnum || alpha || (visible && token.find(byte) != std::string::npos);
        const auto add = [&](bool good, const char* where, std::string head) {
            all.push_back(good ? accept(name + where, std::move(head))
                               : refuse(name + where, std::move(head)));
        };
        add(is_token, "the method", head_of("GE" + byte + "T / HTTP/1.1"));
        add(visible && not_in_target.find(byte) == std::string::npos, "the target",
            head_of("GET /a" + byte + "b HTTP/1.1"));
        add(is_token || value == ':', "a field name", post("X" + byte + "Y: z\r\n"));
        add(value == '\t' || (value >= 0x20 && value != 0x7f), "a field value",
            post("X: y" + byte + "z\r\n"));
        add(false, "a length", post("Content-Length: 1" + byte + "x\r\n"));
        if (!alnum) {
            const bool blank = value == ' ' || value == '\t';
            GuardCase before{.name = name + "front of a length",
                             .head = post("Content-Length:" + byte + "5\r\n"),
                             .status = static_cast<std::uint16_t>(blank ? 0 : 400),
                             .framing = Framing::length,
                             .length = 5};
            all.push_back(before);
        }
    }
    return all;
}

}  // namespace tollgate::server::h1::tests
