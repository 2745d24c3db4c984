// A vendor may send anything: every call ends, well or with a failure that says why; what it gave
// is an answer of one meaning; and nothing stays behind.  The first byte chooses how the rest is
// cut, and whether good SETTINGS and the head of a good answer are put in front of it.
#include "server/io/task_group.hpp"
#include "server/upstream/h2_call.hpp"
#include "server/upstream/h2_session.hpp"
#include "server/upstream/pool.hpp"
#include "tests/server/h2/frames.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace tollgate;
using namespace tollgate::server;
namespace wire = tollgate::server::tests::h2;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

class Gauges final : public upstream::PoolObserver {
public:
    void upstream_connections(const upstream::Origin&, int active_change,
                              int idle_change) override {
        connections += active_change + idle_change;
    }
    void pool_event(const upstream::Origin&, upstream::PoolEvent) override {}
    int connections = 1;  // the one that is put in by hand
};

upstream::OriginSpec spec() {
    upstream::OriginSpec spec;
    spec.host = "127.0.0.1";
    spec.port = 1;  // nobody listens: a further connection is refused at once
    spec.http2 = upstream::Http2Use::always;
    spec.max_connections = 1;
    return spec;
}

class Vendor {
public:
    explicit Vendor(std::uint8_t choice) : choice_(choice), origin_(pool_.origin("k", spec(), 0)) {
        int fds[2] = {-1, -1};
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        peer_ = fds[1];
        origin_.open = 1;
        origin_.dialing = 1;
        const upstream::H2Wiring wiring{
            .reactor = reactor_, .pool = pool_, .origin = origin_, .scratch = read_buffer_};
        origin_.h2.push_back(
            std::make_unique<upstream::H2Session>(wiring, Channel(Socket(reactor_, fds[0]))));
    }

    void run(std::string_view bytes) {
        for (std::size_t i = 0; i < 3; ++i) {
            tasks_.spawn(call(i));
        }
        tasks_.spawn(say(bytes));
        root_.spawn(stop_when_empty());
        reactor_.run();
        require(finished_ == 3);
        require(origin_.open == 0 && gauges_.connections == 0);
    }

private:
    Task<void> call(std::size_t number) {
        Interrupt interrupt(reactor_);
        adapters::UpstreamRequest request;
        request.target = "/v1/chat/completions";
        request.body.own(std::string(number * 40'000, 'x'));
        upstream::H2Call call(pool_, origin_, scratch_);
        Result<void> done;
        if (!call.connect_at_once()) {
            done = co_await call.connect(interrupt);
        }
        if (done) {
            done = co_await call.send(request, interrupt);
        }
        upstream::CallHead head;
        if (done) {
            done = co_await call.receive_head(head, interrupt);
        }
        if (done) {
            check(head);
        }
        const bool leaves = number == 1 && (choice_ & 0x20) != 0;  // in the middle of its answer
        while (done && !leaves) {
            const Result<std::string_view> some = co_await call.receive(interrupt);
            if (!some) {
                done = std::unexpected(some.error());
                break;
            }
            if (some->empty()) {
                require(call.is_complete());
                break;
            }
        }
        require(done || !done.error().detail.empty());
        ++finished_;
    }

    static void check(const upstream::CallHead& head) {
        require(head.status >= 200 && head.status <= 999);
        require(head.relayed.empty() || head.relayed.ends_with("\r\n"));
        for (std::string_view rest = head.relayed; !rest.empty();) {
            const std::string_view line = rest.substr(0, rest.find("\r\n"));
            require(line.find(": ") != std::string_view::npos);
            require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
            rest.remove_prefix(line.size() + 2);
        }
    }

    // Piece by piece, with a turn of the loop after each; then the vendor is gone.
    Task<void> say(std::string_view bytes) {
        std::string all;
        if ((choice_ & 0x80) == 0) {
            all = wire::settings(wire::setting(3, 2)) + wire::acknowledge();
        }
        if ((choice_ & 0x40) == 0) {
            all += wire::headers(1, {{":status", "200"}, {"content-type", "text/event-stream"}});
        }
        all.append(bytes);
        const std::size_t step = (choice_ & 0x0f) == 0 ? all.size() + 1 : (choice_ & 0x0f) * 7U;
        std::vector<char> dropped(64 * 1024);
        for (std::size_t at = 0; at < all.size(); at += step) {
            co_await reactor_.yield();
            while (::recv(peer_, dropped.data(), dropped.size(), 0) > 0) {}
            const std::string_view some = std::string_view(all).substr(at, step);
            if (::send(peer_, some.data(), some.size(), MSG_NOSIGNAL) < 0) {
                break;
            }
        }
        co_await reactor_.yield();
        ::close(peer_);
        // The end is noticed, also by a connection that nobody waits for.
        Interrupt never(reactor_);
        for (int turns = 0; origin_.open > 0 && turns < 1000; ++turns) {
            co_await reactor_.sleep_until(Reactor::now() + std::chrono::microseconds(100), never);
        }
    }

    Task<void> stop_when_empty() {
        Interrupt never(reactor_);
        co_await tasks_.wait_empty(never);
        reactor_.stop();
    }

    std::uint8_t choice_;
    Reactor reactor_;
    Gauges gauges_;
    upstream::Pool pool_{reactor_, gauges_};
    upstream::Origin& origin_;
    std::vector<char> read_buffer_ = std::vector<char>(16 * 1024);
    std::vector<char> scratch_ = std::vector<char>(4096);
    TaskGroup tasks_{reactor_, [](std::string_view) { std::abort(); }};
    TaskGroup root_{reactor_, [](std::string_view) { std::abort(); }};
    int peer_ = -1;
    unsigned finished_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    Vendor vendor(data[0]);
    vendor.run({reinterpret_cast<const char*>(data) + 1, size - 1});
    return 0;
}
