#include "server/upstream/origin.hpp"

#include "tests/support/catch.hpp"

#include <set>
#include <string>

namespace tollgate::server::upstream::tests {

TEST_CASE("URLs are taken apart") {
    const struct {
        const char* text;
        bool tls;
        const char* host;
        unsigned port;
        const char* path;
        const char* authority;
    } cases[] = {
        {"http://a", false, "a", 80, "", "a"},
        {"https://a", true, "a", 443, "", "a"},
        {"https://api.openai.com/v1", true, "api.openai.com", 443, "/v1", "api.openai.com"},
        {"https://a/", true, "a", 443, "", "a"},
        {"https://a/v1/", true, "a", 443, "/v1", "a"},
        {"https://a/v1///", true, "a", 443, "/v1", "a"},
        {"https://a/x/y", true, "a", 443, "/x/y", "a"},
        {"http://a:8080/v1", false, "a", 8080, "/v1", "a:8080"},
        {"http://a:80", false, "a", 80, "", "a"},
        {"https://a:443", true, "a", 443, "", "a"},
        {"https://a:80", true, "a", 80, "", "a:80"},
        {"http://a:443", false, "a", 443, "", "a:443"},
        {"http://a:65535", false, "a", 65535, "", "a:65535"},
        {"http://127.0.0.1:11434", false, "127.0.0.1", 11434, "", "127.0.0.1:11434"},
        {"http://[::1]", false, "::1", 80, "", "[::1]"},
        {"http://[::1]:8080/v1", false, "::1", 8080, "/v1", "[::1]:8080"},
        {"http://a_b.c-d.example", false, "a_b.c-d.example", 80, "", "a_b.c-d.example"},
    };
    for (const auto& one : cases) {
        INFO(one.text);
        const Result<Url> url = parse_url(one.text);
        REQUIRE(url);
        CHECK(url->tls == one.tls);
        CHECK(url->host == one.host);
        CHECK(url->port == one.port);
        CHECK(url->path == one.path);
        OriginSpec spec;
        spec.tls = url->tls;
        spec.host = url->host;
        spec.port = url->port;
        CHECK(spec.authority() == one.authority);
    }
}

TEST_CASE("what is no usable URL is refused") {
    for (const char* text : {"",
                             "a",
                             "a:80",
                             "a/v1",
                             "//a",
                             "/v1",
                             "ftp://a",
                             "http:/a",
                             "http:a",
                             "HTTP//a",
                             "http://",
                             "https://",
                             "http:///v1",
                             "http://:80",
                             "http://?x",
                             "http://#x",
                             "http://a:",
                             "http://a:/v1",
                             "http://a:0",
                             "http://a:65536",
                             "http://a:999999",
                             "http://a:-1",
                             "http://a:+80",
                             "http://a: 80",
                             "http://a:80x",
                             "http://a:x",
                             "http://[::1",
                             "http://[]",
                             "http://[::1]x",
                             "http://[::1]80",
                             "http://[::1]:",
                             "http://user@a",
                             "http://user:secret@a",
                             "http://a b",
                             "http:// a",
                             "http://a\tb",
                             "http://a\r\nb",
                             "https://a/v1?x=y",
                             "https://a?x",
                             "https://a#x",
                             "https://a/v1#x",
                             " http://a",
                             "http ://a"}) {
        INFO(text);
        const Result<Url> url = parse_url(text);
        REQUIRE_FALSE(url);
        CHECK(url.error().kind == FailureKind::bad_request);
        CHECK(url.error().detail.find("secret") == std::string::npos);
    }
}

TEST_CASE("proxies are taken apart") {
    using Kind = Proxy::Kind;
    const struct {
        const char* text;
        Kind kind;
        const char* host;
        unsigned port;
        const char* user;
        const char* password;
    } cases[] = {
        {"http://p", Kind::http, "p", 80, "", ""},
        {"http://p/", Kind::http, "p", 80, "", ""},
        {"http://p:3128", Kind::http, "p", 3128, "", ""},
        {"https://p", Kind::https, "p", 443, "", ""},
        {"https://p:8443/", Kind::https, "p", 8443, "", ""},
        {"socks5://p", Kind::socks5, "p", 1080, "", ""},
        {"socks5h://p:1081", Kind::socks5, "p", 1081, "", ""},
        {"http://u@p", Kind::http, "p", 80, "u", ""},
        {"http://u:w@p:1", Kind::http, "p", 1, "u", "w"},
        {"http://u:@p", Kind::http, "p", 80, "u", ""},
        {"http://u:a:b@p", Kind::http, "p", 80, "u", "a:b"},
        {"http://u:a@b@p", Kind::http, "p", 80, "u", "a@b"},
        {"http://u%40x:%3a%2F%25@p", Kind::http, "p", 80, "u@x", ":/%"},
        {"http://u:100%@p", Kind::http, "p", 80, "u", "100%"},
        {"http://u:%4@p", Kind::http, "p", 80, "u", "%4"},
        {"http://u:%zz@p", Kind::http, "p", 80, "u", "%zz"},
        {"http://u:%41%42@p", Kind::http, "p", 80, "u", "AB"},
        {"socks5://[::1]:9", Kind::socks5, "::1", 9, "", ""},
    };
    for (const auto& one : cases) {
        INFO(one.text);
        const Result<Proxy> proxy = parse_proxy(one.text);
        REQUIRE(proxy);
        CHECK(proxy->kind == one.kind);
        CHECK(proxy->host == one.host);
        CHECK(proxy->port == one.port);
        CHECK(proxy->user == one.user);
        CHECK(proxy->password == one.password);
    }
}

TEST_CASE("what is no proxy is refused, without its password") {
    for (const char* text : {"",
                             "p",
                             "p:3128",
                             "//p",
                             "ftp://p",
                             "socks4://p",
                             "socks://p",
                             "http://",
                             "http://u:secret@",
                             "http://@",
                             "http://:3128",
                             "http://p:0",
                             "http://p:99999",
                             "http://p:x",
                             "http://p/path",
                             "http://u:secret@p/path",
                             "http://p q",
                             "http://[::1",
                             "http:p",
                             "u:secret@p"}) {
        INFO(text);
        const Result<Proxy> proxy = parse_proxy(text);
        REQUIRE_FALSE(proxy);
        CHECK(proxy.error().kind == FailureKind::bad_request);
        CHECK(proxy.error().detail.find("secret") == std::string::npos);
    }
}

TEST_CASE("connections are shared by origins that agree on everything") {
    OriginSpec base;
    base.tls = true;
    base.host = "a";
    base.port = 443;
    base.server_name = "a";
    std::set<std::string> keys{base.key()};
    const auto differs = [&](auto change) {
        OriginSpec other = base;
        change(other);
        CHECK(keys.insert(other.key()).second);
    };
    differs([](OriginSpec& o) { o.tls = false; });
    differs([](OriginSpec& o) { o.host = "b"; });
    differs([](OriginSpec& o) { o.port = 444; });
    differs([](OriginSpec& o) { o.server_name = "b"; });
    differs([](OriginSpec& o) { o.tls_options.ca_file = "x"; });
    differs([](OriginSpec& o) { o.tls_options.client_certificate = "x"; });
    differs([](OriginSpec& o) { o.tls_options.client_key = "x"; });
    differs([](OriginSpec& o) { o.tls_options.verify = false; });
    const auto through = [&](Proxy proxy) {
        differs([&](OriginSpec& o) { o.proxy = std::move(proxy); });
    };
    through({.kind = Proxy::Kind::http, .host = "p", .port = 1, .user = {}, .password = {}});
    through({.kind = Proxy::Kind::https, .host = "p", .port = 1, .user = {}, .password = {}});
    through({.kind = Proxy::Kind::http, .host = "q", .port = 1, .user = {}, .password = {}});
    through({.kind = Proxy::Kind::http, .host = "p", .port = 2, .user = {}, .password = {}});
    through({.kind = Proxy::Kind::http, .host = "p", .port = 1, .user = "u", .password = {}});
    through({.kind = Proxy::Kind::http, .host = "p", .port = 1, .user = "u", .password = "w"});

    OriginSpec same = base;
    same.max_connections = 7;  // what a reload may change does not break connections
    same.idle = std::chrono::seconds(1);
    CHECK(same.key() == base.key());
}

}  // namespace tollgate::server::upstream::tests
