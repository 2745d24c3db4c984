#include "server/upstream/proxy.hpp"

#include "adapters/codec/base64.hpp"

#include <cstring>

namespace tollgate::server::upstream {
namespace {

constexpr std::size_t kMostConnectHead = 16 * 1024;

std::unexpected<Failure> broken(const Proxy& proxy, std::string_view what) {
    return fail(
        FailureKind::connect_failed,
        "proxy " + proxy.host + ":" + std::to_string(proxy.port) + ": " + std::string(what));
}

Task<bool> send_all(Channel& channel, std::string_view bytes, Interrupt& interrupt) {
    while (!bytes.empty()) {
        const iovec one = piece(bytes);
        const IoResult result = channel.write(std::span(&one, 1));
        if (result.status == IoStatus::ok) {
            bytes.remove_prefix(result.bytes);
            continue;
        }
        if (result.status != IoStatus::want_write && result.status != IoStatus::want_read) {
            co_return false;
        }
        const Wake wake = co_await channel.wait(result.status, interrupt);
        if (wake == Wake::interrupted) {
            co_return false;
        }
    }
    co_return true;
}

// Exactly `size` bytes: a tunnel's first own bytes must stay unread.
Task<bool> receive_exactly(Channel& channel, char* data, std::size_t size, Interrupt& interrupt) {
    while (size > 0) {
        const IoResult result = channel.read(data, size);
        if (result.status == IoStatus::ok) {
            data += result.bytes;
            size -= result.bytes;
            continue;
        }
        if (result.status != IoStatus::want_write && result.status != IoStatus::want_read) {
            co_return false;
        }
        const Wake wake = co_await channel.wait(result.status, interrupt);
        if (wake == Wake::interrupted) {
            co_return false;
        }
    }
    co_return true;
}

// A head with its empty line: byte by byte, so that nothing behind it is taken; once per
// connection.
Task<bool> receive_head(Channel& channel, std::string& head, Interrupt& interrupt) {
    while (!head.ends_with("\r\n\r\n") && head.size() < kMostConnectHead) {
        char byte = 0;
        const IoResult result = channel.read(&byte, 1);
        if (result.status == IoStatus::ok) {
            head.push_back(byte);
            continue;
        }
        if (result.status != IoStatus::want_write && result.status != IoStatus::want_read) {
            co_return false;
        }
        const Wake wake = co_await channel.wait(result.status, interrupt);
        if (wake == Wake::interrupted) {
            co_return false;
        }
    }
    co_return head.ends_with("\r\n\r\n");
}

Task<Result<void>> http_connect(Channel& channel, const OriginSpec& origin, Interrupt& interrupt) {
    const Proxy& proxy = *origin.proxy;
    const std::string host =
        origin.host.find(':') == std::string::npos ? origin.host : "[" + origin.host + "]";
    const std::string authority = host + ":" + std::to_string(origin.port);
    std::string request = "CONNECT " + authority + " HTTP/1.1\r\nhost: " + authority + "\r\n";
    if (!proxy.user.empty()) {
        request += "proxy-authorization: Basic " +
                   codec::base64_encode(proxy.user + ":" + proxy.password) + "\r\n";
    }
    request += "\r\n";
    const bool sent = co_await send_all(channel, request, interrupt);
    if (!sent) {
        co_return broken(proxy, "closed the connection");
    }
    std::string head;
    const bool received = co_await receive_head(channel, head, interrupt);
    if (!received) {
        co_return broken(proxy, "gave no complete answer to CONNECT");
    }
    const std::string line = head.substr(0, head.find('\r'));
    if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ' || line[9] != '2') {
        co_return broken(proxy, "answered CONNECT with '" + line.substr(0, 200) + "'");
    }
    co_return Result<void>();
}

// The SOCKS5 greeting and, where the proxy wants it, user and password.
Task<Result<void>> socks_greeting(Channel& channel, const Proxy& proxy, Interrupt& interrupt) {
    const bool with_user = !proxy.user.empty();
    const std::string greeting =
        with_user ? std::string("\x05\x02\x00\x02", 4) : std::string("\x05\x01\x00", 3);
    char answer[2] = {};
    const bool sent = co_await send_all(channel, greeting, interrupt);
    const bool got = sent && co_await receive_exactly(channel, answer, 2, interrupt);
    if (!got || answer[0] != 5) {
        co_return broken(proxy, "is not a SOCKS5 proxy");
    }
    if (answer[1] == 2 && with_user) {
        std::string login("\x01", 1);
        login.push_back(static_cast<char>(proxy.user.size()));
        login.append(proxy.user).push_back(static_cast<char>(proxy.password.size()));
        login.append(proxy.password);
        const bool login_sent = co_await send_all(channel, login, interrupt);
        const bool login_answered =
            login_sent && co_await receive_exactly(channel, answer, 2, interrupt);
        if (!login_answered || answer[1] != 0) {
            co_return broken(proxy, "refused the user name or password");
        }
    } else if (answer[1] != 0) {
        co_return broken(proxy, "accepts no authentication method that is configured");
    }
    co_return Result<void>();
}

std::string_view socks_error(char code) noexcept {
    switch (code) {
        case 1:
            return "general failure";
        case 2:
            return "connection not allowed by its rules";
        case 3:
            return "network unreachable";
        case 4:
            return "host unreachable";
        case 5:
            return "connection refused";
        case 6:
            return "time to live expired";
        case 7:
            return "command not supported";
        case 8:
            return "address type not supported";
        default:
            return "unknown error";
    }
}

Task<Result<void>> socks_connect(Channel& channel, const OriginSpec& origin, Interrupt& interrupt) {
    const Proxy& proxy = *origin.proxy;
    if (proxy.user.size() > 255 || proxy.password.size() > 255 || origin.host.size() > 255) {
        co_return broken(proxy, "SOCKS5 names are at most 255 bytes long");
    }
    Result<void> greeted = co_await socks_greeting(channel, proxy, interrupt);
    if (!greeted) {
        co_return greeted;
    }
    // The proxy resolves the name: what a client behind a proxy can resolve is often nothing.
    std::string request("\x05\x01\x00\x03", 4);
    request.push_back(static_cast<char>(origin.host.size()));
    request.append(origin.host);
    request.push_back(static_cast<char>(origin.port >> 8));
    request.push_back(static_cast<char>(origin.port & 0xff));
    char answer[4] = {};
    const bool sent = co_await send_all(channel, request, interrupt);
    const bool got = sent && co_await receive_exactly(channel, answer, 4, interrupt);
    if (!got || answer[0] != 5) {
        co_return broken(proxy, "gave no complete SOCKS5 answer");
    }
    if (answer[1] != 0) {
        co_return broken(proxy, socks_error(answer[1]));
    }
    std::size_t rest = answer[3] == 1 ? 4 + 2 : 16 + 2;  // the bound address, which nobody needs
    if (answer[3] == 3) {
        char length = 0;
        const bool length_got = co_await receive_exactly(channel, &length, 1, interrupt);
        if (!length_got) {
            co_return broken(proxy, "gave no complete SOCKS5 answer");
        }
        rest = static_cast<unsigned char>(length) + std::size_t{2};
    }
    char skipped[258];
    const bool complete = co_await receive_exactly(channel, skipped, rest, interrupt);
    if (!complete) {
        co_return broken(proxy, "gave no complete SOCKS5 answer");
    }
    co_return Result<void>();
}

}  // namespace

Task<Result<void>> open_tunnel(Channel& channel, const OriginSpec& origin, Interrupt& interrupt) {
    Result<void> outcome;
    if (origin.proxy->kind == Proxy::Kind::socks5) {
        outcome = co_await socks_connect(channel, origin, interrupt);
    } else {
        outcome = co_await http_connect(channel, origin, interrupt);
    }
    co_return outcome;
}

}  // namespace tollgate::server::upstream
