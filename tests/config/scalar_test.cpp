#include "config/scalar.hpp"

#include "tests/support/catch.hpp"

#include <chrono>
#include <string>

using namespace tollgate::config;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kDay = 24h;
constexpr std::uint64_t kAny = UINT64_MAX;

}  // namespace

TEST_CASE("durations need a unit and are exact to the millisecond") {
    const auto [text, expected] = GENERATE(table<std::string, milliseconds>({
        {"500ms", 500ms},
        {"10s", 10s},
        {"5m", 5min},
        {"1h", 1h},
        {"1d", 24h},
        {"1.5s", 1500ms},
        {"0.25m", 15s},
        {"0", 0ms},
        {"0s", 0ms},
        {"86400s", 24h},
        {"1.500s", 1500ms},
        {"007s", 7s},
    }));
    const auto value = scalar::duration(text, 0ms, kDay);
    CAPTURE(text);
    REQUIRE(value);
    CHECK(*value == expected);
}

TEST_CASE("what is no duration, or out of its range, is refused") {
    const auto text =
        GENERATE(as<std::string>(), "", "10", "s", "-1s", "+1s", "1 s", "1S", "1sec", "1.s", ".5s",
                 "1s1", "1.0001s", "0.5ms", "2d", "25h", "1e3s", "99999999999999999999s",
                 "18446744073709551615d", "18446744073709551616ms", "10s ", "0.0000000001d", "0.5");
    CAPTURE(text);
    const auto value = scalar::duration(text, 0ms, kDay);
    REQUIRE_FALSE(value);
    CHECK(value.error().starts_with("expected a duration"));
}

TEST_CASE("a duration below its bound names both bounds") {
    const auto value = scalar::duration("0", 1ms, kDay);
    REQUIRE_FALSE(value);
    CHECK(value.error() == "expected a duration from 1ms to 1d, in whole milliseconds");
}

TEST_CASE("sizes are binary, decimal or plain bytes") {
    const auto [text, expected] = GENERATE(table<std::string, std::uint64_t>({
        {"0", 0},
        {"123", 123},
        {"123B", 123},
        {"64KiB", 65536},
        {"64MiB", 67108864},
        {"2GiB", 2147483648},
        {"10MB", 10000000},
        {"3KB", 3000},
        {"1GB", 1000000000},
        {"1.5KiB", 1536},
        {"0.5KB", 500},
        {"18446744073709551615", 18446744073709551615ULL},
    }));
    const auto value = scalar::size(text, 0, kAny);
    CAPTURE(text);
    REQUIRE(value);
    CHECK(*value == expected);
}

TEST_CASE("what is no size, overflows or is out of range is refused") {
    const auto text =
        GENERATE(as<std::string>(), "", "KiB", "-1", "64K", "64M", "64kib", "64 KiB", "1.5",
                 "1.0005KB", "18446744073709551616", "99999999999GiB", "17179869184GiB", "0x10");
    CAPTURE(text);
    CHECK_FALSE(scalar::size(text, 0, kAny));
}

TEST_CASE("size bounds are inclusive") {
    CHECK(scalar::size("1KiB", 1024, 2048));
    CHECK(scalar::size("2KiB", 1024, 2048));
    CHECK_FALSE(scalar::size("1023", 1024, 2048));
    const auto over = scalar::size("2049", 1024, 2048);
    REQUIRE_FALSE(over);
    CHECK(over.error() == "expected a size from 1KiB to 2KiB, in whole bytes");
}

TEST_CASE("booleans are true and false only") {
    CHECK(scalar::boolean("true") == true);
    CHECK(scalar::boolean("false") == false);
    const auto text =
        GENERATE(as<std::string>(), "", "True", "yes", "no", "on", "off", "1", "0", "true ");
    CAPTURE(text);
    CHECK_FALSE(scalar::boolean(text));
}

TEST_CASE("whole numbers keep their range and do not overflow") {
    CHECK(scalar::integer("0", 0, 5) == 0U);
    CHECK(scalar::integer("5", 0, 5) == 5U);
    CHECK(scalar::integer("400_000", 0, kAny) == 400000U);
    CHECK(scalar::integer("18446744073709551615", 0, kAny) == kAny);
    const auto text = GENERATE(as<std::string>(), "", "6", "-1", "+1", "1.0", "1e3", " 1", "1 ",
                               "0x1", "_1", "1_", "1__0", "18446744073709551616", "abc");
    CAPTURE(text);
    const auto value = scalar::integer(text, 0, 5);
    REQUIRE_FALSE(value);
    CHECK(value.error() == "expected a whole number from 0 to 5");
}

TEST_CASE("shares are percentages or fractions, never above the whole") {
    CHECK(scalar::share("20%") == Approx(0.2));
    CHECK(scalar::share("0.2") == Approx(0.2));
    CHECK(scalar::share("100%") == Approx(1.0));
    CHECK(scalar::share("1") == Approx(1.0));
    CHECK(scalar::share("0") == Approx(0.0));
    CHECK(scalar::share("2.5%") == Approx(0.025));
    const auto text = GENERATE(as<std::string>(), "", "%", "20", "101%", "-1%", "20 %", "20%%",
                               "0.20%x", "1.1", "0.12345678");
    CAPTURE(text);
    CHECK_FALSE(scalar::share(text));
}

TEST_CASE("money is exact to six decimals") {
    const auto [text, micros] = GENERATE(table<std::string, std::int64_t>({
        {"0", 0},
        {"0.1", 100000},
        {"0.0375", 37500},
        {"200", 200000000},
        {"0.000001", 1},
        {"1000000000", 1000000000000000},
        {"0.3000000", 300000},
    }));
    const auto value = scalar::usd(text);
    CAPTURE(text);
    REQUIRE(value);
    CHECK(value->micros == micros);
}

TEST_CASE("what is no amount of money is refused") {
    const auto text = GENERATE(as<std::string>(), "", "-1", "$1", "1 USD", "0.0000001",
                               "1000000001", "1e3", "1,5", "free", "99999999999999999999");
    CAPTURE(text);
    CHECK_FALSE(scalar::usd(text));
}

TEST_CASE("buckets are seconds or durations") {
    CHECK(scalar::bucket("0.25") == Approx(0.25));
    CHECK(scalar::bucket("250ms") == Approx(0.25));
    CHECK(scalar::bucket("50us") == Approx(0.00005));
    CHECK(scalar::bucket("10") == Approx(10.0));
    const auto text =
        GENERATE(as<std::string>(), "", "0", "-1", "2d", "86401", "0.0000001", "+Inf");
    CAPTURE(text);
    CHECK_FALSE(scalar::bucket(text));
}

TEST_CASE("listen addresses are IP and port, or a UNIX socket") {
    struct Row {
        std::string text;
        std::string canonical;
        bool loopback;
    };
    const auto row = GENERATE(values<Row>({
        {"127.0.0.1:4000", "127.0.0.1:4000", true},
        {"127.9.9.9:1", "127.9.9.9:1", true},
        {"localhost:4000", "127.0.0.1:4000", true},
        {"[::1]:4000", "[::1]:4000", true},
        {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true},
        {"unix:/run/t.sock", "unix:/run/t.sock", true},
        {"0.0.0.0:80", "0.0.0.0:80", false},
        {"*:80", "0.0.0.0:80", false},
        {":80", "0.0.0.0:80", false},
        {"[::]:80", "[::]:80", false},
        {"10.0.0.1:65535", "10.0.0.1:65535", false},
        {"[2001:db8::1]:0", "[2001:db8::1]:0", false},
    }));
    CAPTURE(row.text);
    const auto address = scalar::listen(row.text);
    REQUIRE(address);
    CHECK(to_string(*address) == row.canonical);
    CHECK(address->is_loopback() == row.loopback);
}

TEST_CASE("what is no listen address is refused") {
    const auto text =
        GENERATE(as<std::string>(), "", "4000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                 "::1:4000", "[::1]", "[zz]:1", "256.0.0.1:1", "example.com:1", "127.0.0.1:4_000",
                 "unix:", "unix:rel", "127.0.0.1:-1", "unix:/bad\npath");
    CAPTURE(text);
    CHECK_FALSE(scalar::listen(text));
    CHECK_FALSE(scalar::listen("unix:/" + std::string(107, 'x')));
}

TEST_CASE("base URLs lose trailing slashes and take neither keys nor queries") {
    CHECK(scalar::base_url("https://api.openai.com/v1/") == "https://api.openai.com/v1");
    CHECK(scalar::base_url("http://10.0.0.5:8000") == "http://10.0.0.5:8000");
    CHECK(scalar::base_url("http://[::1]:8000/v1") == "http://[::1]:8000/v1");
    CHECK(scalar::base_url("http://my_host/") == "http://my_host");
    const auto text =
        GENERATE(as<std::string>(), "", "api.openai.com", "ftp://x", "https://", "https:///v1",
                 "https://a b", "https://user:pw@host", "https://host?x=1", "https://host#f",
                 "https://host:0", "https://host:99999", "https://host:", "https://-host",
                 "https://h\r\nX: y", "HTTPS://x", "https://[::1", "https://h\xc3\xa9");
    CAPTURE(text);
    CHECK_FALSE(scalar::base_url(text));
}

TEST_CASE("proxies may carry a user and password") {
    CHECK(scalar::proxy_url("http://proxy:3128/") == "http://proxy:3128");
    CHECK(scalar::proxy_url("socks5://u:p@h:1080") == "socks5://u:p@h:1080");
    CHECK(scalar::proxy_url("socks5h://[::1]:1080"));
    CHECK(scalar::proxy_url("https://u:p%40x@h"));
    const auto text = GENERATE(as<std::string>(), "", "proxy:3128", "socks4://h", "http://h/path",
                               "http://u:p@", "http://u p@h");
    CAPTURE(text);
    CHECK_FALSE(scalar::proxy_url(text));
}

TEST_CASE("header names are tokens that the gateway does not set itself") {
    CHECK(scalar::header_name("X-Team") == "X-Team");
    CHECK(scalar::header_name("authorization") == "authorization");
    const auto text = GENERATE(as<std::string>(), "", "X Team", "X:Y", "Host", "CONTENT-LENGTH",
                               "Transfer-Encoding", "x\r\ny", "h\xc3\xa9");
    CAPTURE(text);
    CHECK_FALSE(scalar::header_name(text));
}

TEST_CASE("header values are one line") {
    CHECK(scalar::is_header_value("a\tb c"));
    CHECK_FALSE(scalar::is_header_value("a\nb"));
    CHECK_FALSE(scalar::is_header_value("a\rb"));
    CHECK_FALSE(scalar::is_header_value(std::string_view("a\0b", 3)));
    CHECK_FALSE(scalar::is_header_value("a\x7f"));
}

TEST_CASE("hashes of keys are sha256 in hex") {
    const std::string hex(64, 'A');
    CHECK(scalar::key_hash("sha256:" + hex) == "sha256:" + std::string(64, 'a'));
    CHECK_FALSE(scalar::key_hash(hex));
    CHECK_FALSE(scalar::key_hash("sha256:" + hex + "a"));
    CHECK_FALSE(scalar::key_hash("sha256:" + hex.substr(1)));
    CHECK_FALSE(scalar::key_hash("sha256:" + hex.substr(1) + "g"));
    CHECK_FALSE(scalar::key_hash("md5:" + hex));
}

TEST_CASE("origins have a scheme and no path") {
    CHECK(scalar::origin("*") == "*");
    CHECK(scalar::origin("https://App.example:8443") == "https://app.example:8443");
    CHECK(scalar::origin("chrome-extension://abcdef"));
    CHECK_FALSE(scalar::origin("app.example"));
    CHECK_FALSE(scalar::origin("https://app.example/"));
    CHECK_FALSE(scalar::origin("https://*.example"));
    CHECK_FALSE(scalar::origin("://x"));
    CHECK_FALSE(scalar::origin(""));
}

TEST_CASE("names are plain") {
    CHECK(scalar::name("my_vllm-2.x"));
    CHECK_FALSE(scalar::name(""));
    CHECK_FALSE(scalar::name("-x"));
    CHECK_FALSE(scalar::name("a/b"));
    CHECK_FALSE(scalar::name("a b"));
    CHECK_FALSE(scalar::name(std::string(129, 'a')));
    CHECK(scalar::alias("gpt-4o:latest/x@1"));
    CHECK_FALSE(scalar::alias("/x"));
}
