#include "server/upstream/proxy.hpp"

#include "tests/server/loop.hpp"
#include "tests/server/sockets.hpp"

#include <array>
#include <string>

namespace tollgate::server::tests {
namespace {

using upstream::OriginSpec;
using upstream::Proxy;

OriginSpec through(Proxy::Kind kind, std::string host = "api.example", std::string user = "",
                   std::string password = "") {
    OriginSpec spec;
    spec.tls = true;
    spec.host = std::move(host);
    spec.port = 443;
    spec.proxy = Proxy{.kind = kind,
                       .host = "p",
                       .port = 3128,
                       .user = std::move(user),
                       .password = std::move(password)};
    return spec;
}

struct Outcome {
    bool ok = false;
    std::string detail = {};
    std::string sent = {};  ///< what the proxy received
    std::string rest = {};  ///< what is left for the origin's protocol
};

// Opens a tunnel through a proxy that has said `answer` and, perhaps, hung up.
Outcome tunnel(const OriginSpec& spec, std::string_view answer, bool hangs_up = true) {
    Loop loop;
    Pair pair(loop.reactor);
    Channel channel(std::move(pair.ours));
    Interrupt interrupt(loop.reactor);
    InterruptDeadline deadline(loop.reactor, interrupt);
    Outcome outcome;
    if (!answer.empty()) {
        pair.send(answer);
    }
    if (hangs_up) {
        ::shutdown(pair.peer.get(), SHUT_WR);
    }
    loop.run([&]() -> Task<void> {
        deadline.arm(Cause::connect_timeout, Reactor::now() + milliseconds(10));
        const Result<void> done = co_await upstream::open_tunnel(channel, spec, interrupt);
        outcome.ok = done.has_value();
        if (!done) {
            CHECK(done.error().kind == FailureKind::connect_failed);
            outcome.detail = done.error().detail;
        }
    });
    std::array<char, 1000> buffer;
    const IoResult left = channel.read(buffer.data(), buffer.size());
    outcome.rest.assign(buffer.data(), left.bytes);
    outcome.sent = pair.received();
    return outcome;
}

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) {
        text.push_back(static_cast<char>(value));
    }
    return text;
}

const std::string kSocksNoAuth = bytes({5, 0});
const std::string kSocksBound4 = bytes({5, 0, 0, 1, 127, 0, 0, 1, 0, 80});

}  // namespace

TEST_CASE("an HTTP proxy is asked for a tunnel and the tunnel's first bytes are left alone") {
    const Outcome plain = tunnel(through(Proxy::Kind::http),
                                 "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nhello");
    CHECK(plain.ok);
    CHECK(plain.sent == "CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\n\r\n");
    CHECK(plain.rest == "hello");
    const Outcome with_user =
        tunnel(through(Proxy::Kind::http, "::1", "u", "secret"), "HTTP/1.0 200 OK\r\n\r\n");
    CHECK(with_user.ok);
    CHECK(with_user.sent ==
          "CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\nproxy-authorization: Basic "
          "dTpzZWNyZXQ=\r\n\r\n");
}

TEST_CASE("an HTTP proxy that refuses is quoted, without the credentials") {
    for (const char* answer :
         {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n",
          "HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/2 200\r\n\r\n",
          "hello there\r\n\r\n", "HTTP/1.1\r\n\r\n", "\r\n\r\n"}) {
        INFO(answer);
        const Outcome outcome = tunnel(through(Proxy::Kind::http, "a", "user", "secret"), answer);
        CHECK_FALSE(outcome.ok);
        CHECK(outcome.detail.find("proxy p:3128") != std::string::npos);
        CHECK(outcome.detail.find("secret") == std::string::npos);
        CHECK(outcome.detail.find("c2VjcmV0") == std::string::npos);
    }
    const Outcome endless = tunnel(through(Proxy::Kind::http),
                                   "HTTP/1.1 200 OK\r\nX: " + std::string(50'000, 'x'), false);
    CHECK_FALSE(endless.ok);
}

TEST_CASE("a tunnel is not open before the proxy's answer is complete") {
    const struct {
        OriginSpec spec;
        std::string answer;
    } cases[] = {
        {through(Proxy::Kind::http), "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"},
        {through(Proxy::Kind::socks5), kSocksNoAuth + kSocksBound4},
        {through(Proxy::Kind::socks5), kSocksNoAuth + bytes({5, 0, 0, 4}) + std::string(18, '\0')},
        {through(Proxy::Kind::socks5), kSocksNoAuth + bytes({5, 0, 0, 3, 3, 'a', 'b', 'c', 0, 80})},
        {through(Proxy::Kind::socks5, "a", "u", "w"), bytes({5, 2, 1, 0}) + kSocksBound4},
    };
    for (const auto& one : cases) {
        CHECK(tunnel(one.spec, one.answer).ok);
        for (std::size_t size = 0; size < one.answer.size(); ++size) {
            INFO(size);
            CHECK_FALSE(tunnel(one.spec, one.answer.substr(0, size)).ok);
        }
        CHECK_FALSE(tunnel(one.spec, one.answer.substr(0, one.answer.size() - 1), false)
                        .ok);  // ends with the deadline
        CHECK(tunnel(one.spec, one.answer + "hello").rest == "hello");
    }
}

TEST_CASE("a SOCKS5 proxy is given the name, and the password where it asks") {
    const Outcome plain = tunnel(through(Proxy::Kind::socks5), kSocksNoAuth + kSocksBound4);
    CHECK(plain.ok);
    CHECK(plain.sent ==
          bytes({5, 1, 0}) + bytes({5, 1, 0, 3, 11}) + "api.example" + bytes({1, 187}));
    const Outcome asked =
        tunnel(through(Proxy::Kind::socks5, "a", "u", "pw"), bytes({5, 2, 1, 0}) + kSocksBound4);
    CHECK(asked.ok);
    CHECK(asked.sent == bytes({5, 2, 0, 2, 1, 1, 'u', 2, 'p', 'w', 5, 1, 0, 3, 1, 'a', 1, 187}));
    const Outcome not_asked =
        tunnel(through(Proxy::Kind::socks5, "a", "u", "pw"), kSocksNoAuth + kSocksBound4);
    CHECK(not_asked.ok);
    CHECK(not_asked.sent.find("pw") == std::string::npos);
}

TEST_CASE("a SOCKS5 proxy that refuses says why") {
    const struct {
        std::string answer;
        const char* says;
    } cases[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "not a SOCKS5 proxy"},
        {bytes({4, 0}), "not a SOCKS5 proxy"},
        {bytes({5, 255}), "no authentication method"},
        {bytes({5, 2}), "no authentication method"},  // asks for a password that there is not
        {kSocksNoAuth + bytes({5, 5, 0, 1, 0, 0, 0, 0, 0, 0}), "connection refused"},
        {kSocksNoAuth + bytes({5, 2, 0, 1}), "not allowed"},
        {kSocksNoAuth + bytes({5, 4, 0, 1}), "host unreachable"},
        {kSocksNoAuth + bytes({5, 99, 0, 1}), "unknown"},
        {kSocksNoAuth + bytes({4, 0, 0, 1}), "no complete SOCKS5 answer"},
    };
    for (const auto& one : cases) {
        INFO(one.says);
        const Outcome outcome = tunnel(through(Proxy::Kind::socks5), one.answer);
        CHECK_FALSE(outcome.ok);
        CHECK(outcome.detail.find(one.says) != std::string::npos);
    }
    const Outcome wrong =
        tunnel(through(Proxy::Kind::socks5, "a", "u", "secret"), bytes({5, 2, 1, 1}));
    CHECK(wrong.detail.find("user name or password") != std::string::npos);
    CHECK(wrong.detail.find("secret") == std::string::npos);
    CHECK_FALSE(
        tunnel(through(Proxy::Kind::socks5, std::string(256, 'a')), kSocksNoAuth + kSocksBound4)
            .ok);
    CHECK_FALSE(tunnel(through(Proxy::Kind::socks5, "a", std::string(256, 'u'), "w"),
                       bytes({5, 2, 1, 0}) + kSocksBound4)
                    .ok);
}

}  // namespace tollgate::server::tests
