#include "server/upstream/h2_call.hpp"

#include "server/upstream/h2_session.hpp"
#include "tests/server/fake_h2_vendor.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tollgate::server::tests {
namespace {

using upstream::CallHead;
using upstream::H2Call;
using upstream::PoolEvent;
using Frame = FakeH2Vendor::Frame;
using Peer = FakeH2Vendor::Peer;

constexpr std::uint32_t kProtocolError = 1;
constexpr std::uint32_t kRefused = 7;
constexpr std::uint32_t kCancel = 8;
constexpr std::uint16_t kMostStreams = 3;  // the ids of settings, RFC 9113 section 6.5.2
constexpr std::uint16_t kInitialWindow = 4;

struct Outcome {
    bool ok = false;
    FailureKind kind = FailureKind::internal;
    std::string detail = {};
    CallHead head = {};
    std::string body = {};
};

adapters::UpstreamRequest request_with(std::string body) {
    adapters::UpstreamRequest request;
    request.target = "/v1/chat/completions";
    request.headers = {{"Authorization", "Bearer k"}, {"connection", "close"}};
    request.body.own(std::move(body));
    return request;
}

// A vendor, a pool and calls to it.
struct Fixture {
    explicit Fixture(FakeH2Vendor::OnFrame on_frame, std::string settings = h2::settings(),
                     milliseconds ping = std::chrono::seconds(10))
        : vendor(loop, std::move(on_frame), std::move(settings)), interrupt(loop.reactor) {
        upstream::OriginSpec spec = vendor.spec();
        spec.ping = ping;
        origin = &pool.origin("k", spec, 0);
    }
    Loop loop;
    Gauges gauges;
    FakeH2Vendor vendor;
    upstream::Pool pool{loop.reactor, gauges};
    std::vector<char> scratch = std::vector<char>(4096);
    upstream::Origin* origin = nullptr;
    Interrupt interrupt;

    Task<Outcome> run(const adapters::UpstreamRequest& request, Interrupt& by) {
        Outcome outcome;
        H2Call call(pool, *origin, scratch);
        Result<void> done;
        if (!call.connect_at_once()) {
            done = co_await call.connect(by);
        }
        if (done) {
            done = co_await call.send(request, by);
        }
        if (done) {
            done = co_await call.receive_head(outcome.head, by);
        }
        while (done) {
            const Result<std::string_view> some = co_await call.receive(by);
            if (!some) {
                done = std::unexpected(some.error());
                break;
            }
            if (some->empty()) {
                CHECK(call.is_complete());
                break;
            }
            outcome.body.append(*some);
        }
        outcome.ok = done.has_value();
        CHECK(call.is_complete() == outcome.ok);
        if (!done) {
            outcome.kind = done.error().kind;
            outcome.detail = done.error().detail;
        }
        co_return outcome;
    }
    /// One call after the other; then everything has to be given back.
    std::vector<Outcome> calls(std::size_t count, std::string body = "{}") {
        std::vector<Outcome> outcomes;
        loop.run([&]() -> Task<void> {
            const adapters::UpstreamRequest request = request_with(body);
            for (std::size_t i = 0; i < count; ++i) {
                Outcome outcome = co_await run(request, interrupt);
                outcomes.push_back(std::move(outcome));
            }
            co_await settled();
            vendor.stop();
        });
        return outcomes;
    }
    /// No stream is left, and the gauges agree with the pool.
    Task<void> settled() {
        for (int i = 0; i < 2000 && gauges.active > 0; ++i) {
            co_await pause(loop.reactor, milliseconds(1));
        }
        CHECK(gauges.active == 0);
        CHECK(gauges.idle == static_cast<int>(origin->open));
    }
    Task<void> until(std::function<bool()> done) {
        for (int i = 0; i < 5000 && !done(); ++i) {
            co_await pause(loop.reactor, milliseconds(1));
        }
        CHECK(done());
    }
};

FakeH2Vendor::OnFrame answering(std::string_view body) {
    return [body = std::string(body)](Peer& peer, const Frame& frame) {
        if (frame.ends_request()) {
            peer.say(h2::answer(frame.stream, body));
        }
    };
}

// What a vendor says to a request on stream 1, whole.
std::string full_answer() {
    return h2::headers(1, {{":status", "103"}, {"link", "</x>"}}) +
           h2::headers(1, {{":status", "200"}, {"content-type", "text/plain"}}) +
           h2::data(1, "hello ") + h2::data(1, "world") +
           h2::headers(1, {{"x-checksum", "1"}}, h2::kEndStream);
}

Outcome one_answer(const std::string& bytes, bool then_close = false, bool by_reset = false) {
    Fixture f([&](Peer& peer, const Frame& frame) {
        if (frame.ends_request()) {
            peer.say(bytes);
            if (then_close) {
                by_reset ? peer.reset() : peer.close();
            }
        }
    });
    return f.calls(1).at(0);
}

// A head of some 290 KB, in frames that each are within the limit.
std::string too_large_head() {
    const h2::Fields more{{"x-large", std::string(16'000, 'x')}};
    std::string bytes = h2::frame(h2::kHeaders, 0, 1, h2::block({{":status", "200"}}));
    for (int i = 0; i < 18; ++i) {
        bytes += h2::frame(h2::kContinuation, i == 17 ? h2::kEndHeaders : 0, 1, h2::block(more));
    }
    return bytes;
}

}  // namespace

TEST_CASE("calls share a connection one after another, and their heads are read") {
    Fixture f([](Peer& peer, const Frame& frame) {
        if (frame.ends_request()) {
            peer.say(h2::headers(frame.stream, {{":status", "429"},
                                                {"content-type", "application/json"},
                                                {"content-length", "5"},
                                                {"retry-after", "7"},
                                                {"x-request-id", "theirs"},
                                                {"x-more", "yes"}}));
            peer.say(h2::data(frame.stream, "hello", h2::kEndStream));
        }
    });
    for (const Outcome& outcome : f.calls(3)) {
        CHECK(outcome.ok);
        CHECK(outcome.body == "hello");
        CHECK(outcome.head.status == 429);
        CHECK(outcome.head.content_type == "application/json");
        CHECK(outcome.head.content_length == 5);
        CHECK(outcome.head.retry_after == "7");
        CHECK(outcome.head.relayed == "retry-after: 7\r\nx-more: yes\r\n");
    }
    CHECK(f.vendor.connections() == 1);
    CHECK(f.gauges.count(PoolEvent::opened) == 1);
    CHECK(f.gauges.count(PoolEvent::reused) == 2);
}

TEST_CASE("an HTTP/2 answer arrives whole at any speed, interim answers and trailers aside") {
    for (const bool slowly : {false, true}) {
        Fixture f([&](Peer& peer, const Frame& frame) {
            peer.slowly = slowly;
            if (frame.ends_request()) {
                peer.say(full_answer());
            }
        });
        const Outcome outcome = f.calls(1).at(0);
        CHECK(outcome.ok);
        CHECK(outcome.head.status == 200);
        CHECK(outcome.head.relayed.empty());
        CHECK(outcome.body == "hello world");
    }
}

TEST_CASE("an HTTP/2 answer cut after any number of bytes is a failure unless it was complete") {
    const std::string answer = full_answer();
    for (const bool by_reset : {false, true}) {
        for (std::size_t size = 0; size <= answer.size(); ++size) {
            INFO(size << (by_reset ? " reset" : " closed"));
            const Outcome outcome = one_answer(answer.substr(0, size), true, by_reset);
            CHECK(outcome.ok == (size == answer.size()));
            if (!outcome.ok) {
                CHECK(outcome.kind == FailureKind::upstream_unavailable);
            }
            CHECK(std::string("hello world").starts_with(outcome.body));
        }
    }
}

TEST_CASE("an answer that HTTP/2 forbids is a protocol error of its stream") {
    const h2::Fields ok{{":status", "200"}};
    const auto with = [&](std::string name, std::string value) {
        h2::Fields fields = ok;
        fields.emplace_back(std::move(name), std::move(value));
        return h2::headers(1, fields) + h2::data(1, "hello", h2::kEndStream);
    };
    const std::vector<std::string> answers{
        // RFC 9113 section 8.2.2: no fields of the connection
        with("connection", "close"),
        with("transfer-encoding", "chunked"),
        with("keep-alive", "timeout=5"),
        with("proxy-connection", "close"),
        with("upgrade", "x"),
        // section 8.2.1: names in lower case, values without CR, LF and NUL
        with("X-Big", "1"),
        with("x y", "1"),
        with("x-a", "1\r\n2"),
        with("x-a", "1\n2"),
        with("x-a", std::string("1\0002", 3)),
        // section 8.3: pseudo-header fields
        with(":status", "200"),
        with(":path", "/"),
        h2::headers(1, {{"x", "y"}, {":status", "200"}}, h2::kEndStream),
        h2::headers(1, {{"x", "y"}}, h2::kEndStream),
        h2::headers(1, {{":status", "20"}}, h2::kEndStream),
        h2::headers(1, {{":status", "abc"}}, h2::kEndStream),
        h2::headers(1, {{":status", "049"}}, h2::kEndStream),
        h2::headers(1, {{":status", "099"}}) + h2::data(1, "hello", h2::kEndStream),
        h2::headers(1, {{":status", "101"}}) + h2::answer(1, "hello"),
        // section 8.1: an interim answer does not end a stream, and a body follows a head
        h2::headers(1, {{":status", "103"}}, h2::kEndStream),
        h2::data(1, "x", h2::kEndStream),
        // section 8.1.1: content-length is true
        with("content-length", "4"),
        with("content-length", "6"),
        with("content-length", "x"),
        h2::headers(1, {{":status", "200"}, {"content-length", "5"}}, h2::kEndStream),
        // our own bound
        too_large_head(),
    };
    for (const std::string& answer : answers) {
        INFO(answer.substr(0, 100));
        const Outcome outcome = one_answer(answer);
        CHECK_FALSE(outcome.ok);
        CHECK(outcome.kind == FailureKind::protocol_error);
        CHECK(outcome.body.size() <= 5);
    }
}

TEST_CASE("frames that break the connection fail the call and close it") {
    for (const std::string& bytes :
         {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(1000, 'x'),
          h2::frame(h2::kPing, 0, 0, "short"), h2::window(0, 0), h2::headers(2, {{":status", "1"}}),
          h2::frame(h2::kData, 0, 0, "x"), h2::frame(h2::kSettings, 0, 0, "x"),
          h2::frame(h2::kContinuation, h2::kEndHeaders, 1, "")}) {
        INFO(bytes.substr(0, 40));
        Fixture f([&](Peer& peer, const Frame& frame) {
            if (frame.ends_request()) {
                peer.say(bytes);
            }
        });
        const Outcome outcome = f.calls(1).at(0);
        CHECK_FALSE(outcome.ok);
        CHECK(outcome.kind == FailureKind::protocol_error);
        CHECK(f.origin->open == 0);
    }
}

TEST_CASE("a server of HTTP/1.1 is told from one that breaks HTTP/2") {
    Fixture f([](Peer& peer, const Frame&) { peer.close(); }, "HTTP/1.1 400 Bad Request\r\n\r\n");
    const Outcome outcome = f.calls(1).at(0);
    CHECK(outcome.kind == FailureKind::protocol_error);
    CHECK(outcome.detail.find("HTTP/1.1") != std::string::npos);
}

TEST_CASE("only what the vendor says it has not processed is sent again") {
    struct Case {
        std::uint32_t code;
        bool resent;
    };
    for (const Case& one : {Case{kRefused, true}, Case{kCancel, false}, Case{2, false},
                            Case{0, false}, Case{kProtocolError, false}, Case{11, false}}) {
        INFO(one.code);
        std::size_t requests = 0;
        Fixture f([&](Peer& peer, const Frame& frame) {
            if (frame.ends_request()) {
                peer.say(++requests == 2 ? h2::reset(frame.stream, one.code)
                                         : h2::answer(frame.stream, "hello"));
            }
        });
        const std::vector<Outcome> outcomes = f.calls(2);
        CHECK(outcomes[0].ok);
        CHECK(outcomes[1].ok == one.resent);
        CHECK(requests == (one.resent ? 3 : 2));
        if (!one.resent) {
            CHECK(outcomes[1].kind == FailureKind::upstream_unavailable);
            CHECK(f.origin->open == 1);  // the connection is none the worse
        }
    }
}

TEST_CASE("a stream that is refused within its answer is not sent again") {
    std::size_t requests = 0;
    Fixture f([&](Peer& peer, const Frame& frame) {
        if (frame.ends_request()) {
            ++requests;
            peer.say(h2::headers(frame.stream, {{":status", "200"}}) +
                     h2::reset(frame.stream, kRefused));
        }
    });
    CHECK_FALSE(f.calls(1).at(0).ok);
    CHECK(requests == 1);
}

TEST_CASE("a vendor that turns everything away is asked twice") {
    for (const bool by_goaway : {false, true}) {
        std::size_t requests = 0;
        Fixture f([&](Peer& peer, const Frame& frame) {
            if (frame.ends_request()) {
                ++requests;
                peer.say(by_goaway ? h2::goaway(0) : h2::reset(frame.stream, kRefused));
            }
        });
        const Outcome outcome = f.calls(1).at(0);
        CHECK_FALSE(outcome.ok);
        CHECK(outcome.kind == FailureKind::upstream_unavailable);
        CHECK(requests == 2);
        CHECK(f.vendor.connections() == 2);
    }
}

TEST_CASE("a request on a kept HTTP/2 connection is sent again only if nothing came since") {
    for (const bool heard : {false, true}) {
        Fixture f([&](Peer& peer, const Frame& frame) {
            if (frame.ends_request()) {
                if (peer.number == 0 && frame.stream == 3) {
                    peer.say(heard ? h2::frame(h2::kPing, 0, 0, "12345678") : "");
                    peer.close();
                } else {
                    peer.say(h2::answer(frame.stream, "hello"));
                }
            }
        });
        const std::vector<Outcome> outcomes = f.calls(2);
        CHECK(outcomes[0].ok);
        CHECK(outcomes[1].ok == !heard);
        CHECK(f.vendor.connections() == (heard ? 1 : 2));
    }
}

TEST_CASE("GOAWAY lets what was processed end, and moves the rest") {
    Fixture f([&](Peer& peer, const Frame& frame) {
        if (!frame.ends_request()) {
            return;
        }
        if (peer.number == 1) {
            peer.say(h2::answer(frame.stream, "moved"));
        } else if (frame.stream == 5) {  // the third: two are processed
            peer.say(h2::goaway(3) + h2::answer(1, "first") + h2::answer(3, "second"));
        }
    });
    std::vector<Outcome> outcomes(3);
    std::deque<Interrupt> interrupts;
    f.loop.run([&]() -> Task<void> {
        std::size_t left = outcomes.size();
        const adapters::UpstreamRequest request = request_with("{}");
        const auto one = [&](Outcome& out) -> Task<void> {
            out = co_await f.run(request, interrupts.emplace_back(f.loop.reactor));
            --left;
        };
        for (Outcome& out : outcomes) {
            f.loop.spawn(one(out));
        }
        const auto all_ended = [&] { return left == 0; };
        co_await f.until(all_ended);
        co_await f.settled();
        f.vendor.stop();
    });
    CHECK(outcomes[0].body == "first");
    CHECK(outcomes[1].body == "second");
    CHECK(outcomes[2].body == "moved");
    CHECK(f.vendor.connections() == 2);
    CHECK(f.origin->open == 1);
}

TEST_CASE("a vendor that takes one request of each connection gets them all in the end") {
    Fixture f(
        [](Peer& peer, const Frame& frame) {
            if (frame.ends_request() && frame.stream == 3) {
                peer.say(h2::goaway(1));  // before the first is answered
            }
            const bool asked = frame.type == h2::kPing && (frame.flags & h2::kAck) == 0;
            if ((frame.ends_request() && frame.stream == 3) || asked) {
                peer.say(h2::answer(1, "hello"));
            }
        },
        h2::settings(), milliseconds(20));
    constexpr std::size_t kCalls = 6;
    std::size_t good = 0;
    std::deque<Interrupt> interrupts;
    f.loop.run([&]() -> Task<void> {
        std::size_t left = kCalls;
        const adapters::UpstreamRequest request = request_with("{}");
        const auto one = [&]() -> Task<void> {
            const Outcome outcome =
                co_await f.run(request, interrupts.emplace_back(f.loop.reactor));
            good += outcome.ok ? 1 : 0;
            --left;
        };
        for (std::size_t i = 0; i < kCalls; ++i) {
            f.loop.spawn(one());
        }
        const auto all_ended = [&] { return left == 0; };
        co_await f.until(all_ended);
        f.vendor.stop();
    });
    CHECK(good == kCalls);
}

TEST_CASE("a call that is dropped resets its stream and leaves the connection") {
    Fixture f([](Peer& peer, const Frame& frame) {
        if (frame.ends_request()) {
            peer.say(frame.stream == 1 ? h2::headers(1, {{":status", "200"}})
                                       : h2::answer(frame.stream, "hello"));
        }
    });
    Outcome second;
    f.loop.run([&]() -> Task<void> {
        const adapters::UpstreamRequest request = request_with("{}");
        {
            H2Call call(f.pool, *f.origin, f.scratch);
            CallHead head;
            Result<void> done = co_await call.connect(f.interrupt);
            CHECK(done.has_value());
            done = co_await call.send(request, f.interrupt);
            done = co_await call.receive_head(head, f.interrupt);
            CHECK(head.status == 200);
        }
        const auto was_reset = [&] { return f.vendor.peer(0).count(h2::kReset, 1) == 1; };
        co_await f.until(was_reset);
        second = co_await f.run(request, f.interrupt);
        co_await f.settled();
        f.vendor.stop();
    });
    CHECK(f.vendor.peer(0).frames.back().stream != 1);
    CHECK(second.body == "hello");
    CHECK(f.vendor.connections() == 1);
}

TEST_CASE("a call may be dropped at any stage, also before its request is written") {
    for (int stage = 0; stage < 4; ++stage) {
        INFO(stage);
        Fixture f(answering("hello"));
        Outcome after;
        f.loop.run([&]() -> Task<void> {
            const adapters::UpstreamRequest request = request_with("{}");
            for (int i = 0; i < 3; ++i) {
                std::optional<H2Call> call(std::in_place, f.pool, *f.origin, f.scratch);
                CallHead head;
                Result<void> done;
                if (!call->connect_at_once()) {
                    done = co_await call->connect(f.interrupt);
                }
                if (stage > 0) {
                    done = co_await call->send(request, f.interrupt);
                }
                if (stage > 1) {
                    done = co_await call->receive_head(head, f.interrupt);
                }
                if (stage > 2) {
                    const auto some = co_await call->receive(f.interrupt);
                    CHECK(some.has_value());
                }
                CHECK(done.has_value());
            }
            after = co_await f.run(request, f.interrupt);
            co_await f.settled();
            f.vendor.stop();
        });
        CHECK(after.body == "hello");
        CHECK(f.vendor.connections() == 1);
    }
}

TEST_CASE("an interrupted HTTP/2 call fails and resets its stream") {
    for (const bool within_answer : {false, true}) {
        Fixture f([&](Peer& peer, const Frame& frame) {
            if (frame.ends_request() && within_answer) {
                peer.say(h2::headers(frame.stream, {{":status", "200"}}));
            }
        });
        Outcome outcome;
        f.loop.run([&]() -> Task<void> {
            const adapters::UpstreamRequest request = request_with("{}");
            InterruptDeadline deadline(f.loop.reactor, f.interrupt);
            deadline.arm(Cause::first_byte_timeout, Reactor::now() + milliseconds(20));
            outcome = co_await f.run(request, f.interrupt);
            const auto was_reset = [&] { return f.vendor.peer(0).count(h2::kReset, 1) == 1; };
            co_await f.until(was_reset);
            co_await f.settled();
            f.vendor.stop();
        });
        CHECK_FALSE(outcome.ok);
        CHECK(outcome.kind == FailureKind::upstream_timeout);
    }
}

TEST_CASE("a stream's window is given back as its bytes are taken, the connection's at once") {
    constexpr std::size_t kWindow = 256 * 1024;
    Fixture f([&](Peer& peer, const Frame& frame) {
        if (frame.ends_request()) {
            peer.say(h2::headers(frame.stream, {{":status", "200"}}));
            for (std::size_t sent = 0; sent < kWindow; sent += 16'384) {
                peer.say(h2::data(frame.stream, std::string(16'384, 'x')));
            }
        }
    });
    f.loop.run([&]() -> Task<void> {
        const adapters::UpstreamRequest request = request_with("{}");
        H2Call call(f.pool, *f.origin, f.scratch);
        CallHead head;
        Result<void> done = co_await call.connect(f.interrupt);
        done = co_await call.send(request, f.interrupt);
        done = co_await call.receive_head(head, f.interrupt);
        CHECK(done.has_value());
        co_await pause(f.loop.reactor, milliseconds(20));
        Peer& peer = f.vendor.peer(0);
        CHECK(peer.count(h2::kWindow, 1) == 0);
        std::size_t taken = 0;
        while (taken < kWindow) {
            const auto some = co_await call.receive(f.interrupt);
            CHECK(some.has_value());
            taken += some ? some->size() : kWindow;
        }
        CHECK(taken == kWindow);
        CHECK(f.vendor.peer(0).count(h2::kReset, 1) == 0);
        // The last bytes count as taken when the next are asked for.
        peer.say(h2::data(1, "", h2::kEndStream));
        f.vendor.nudge(0);
        const auto end = co_await call.receive(f.interrupt);
        CHECK((end && end->empty()));
        f.vendor.stop();
    });
    CHECK(f.vendor.peer(0).count(h2::kWindow, 0) >= 1);  // from 64 KiB to ours, at the start
}

TEST_CASE("a vendor that sends beyond its window is cut off") {
    Fixture f([&](Peer& peer, const Frame& frame) {
        if (frame.ends_request()) {
            peer.say(h2::headers(frame.stream, {{":status", "200"}}));
            for (int i = 0; i < 17; ++i) {  // one frame too many
                peer.say(h2::data(frame.stream, std::string(16'384, 'x')));
            }
        }
    });
    f.loop.run([&]() -> Task<void> {
        const adapters::UpstreamRequest request = request_with("{}");
        H2Call call(f.pool, *f.origin, f.scratch);
        CallHead head;
        Result<void> done = co_await call.connect(f.interrupt);
        done = co_await call.send(request, f.interrupt);
        done = co_await call.receive_head(head, f.interrupt);
        const auto was_reset = [&] {
            return f.vendor.peer(0).count(h2::kReset, 1) + f.vendor.peer(0).count(h2::kGoaway, 0) >
                   0;
        };
        co_await f.until(was_reset);
        f.vendor.stop();
    });
}

TEST_CASE("a request body keeps to the vendor's windows") {
    const std::string settings = h2::settings(h2::setting(kInitialWindow, 10));
    Fixture f(
        [](Peer& peer, const Frame& frame) {
            if (frame.ends_request()) {
                peer.say(h2::answer(frame.stream, "hello"));
            }
        },
        settings);
    Outcome outcome;
    const std::string body(100'000, 'x');
    f.loop.run([&]() -> Task<void> {
        const adapters::UpstreamRequest request = request_with(body);
        bool done = false;
        const auto call = [&]() -> Task<void> {
            // The first stream of a connection may begin before the vendor's SETTINGS are known, so
            // another has gone before.
            const adapters::UpstreamRequest small = request_with("x");
            const Outcome before = co_await f.run(small, f.interrupt);
            CHECK(before.ok);
            outcome = co_await f.run(request, f.interrupt);
            done = true;
        };
        f.loop.spawn(call());
        const auto some_came = [&] {
            return f.vendor.connections() == 1 && f.vendor.peer(0).data_bytes(3) == 10;
        };
        co_await f.until(some_came);
        f.vendor.peer(0).say(h2::window(3, 500));
        f.vendor.nudge(0);
        const auto more_came = [&] { return f.vendor.peer(0).data_bytes(3) == 510; };
        co_await f.until(more_came);
        CHECK_FALSE(done);
        f.vendor.peer(0).say(h2::window(3, 200'000) + h2::window(0, 200'000));
        f.vendor.nudge(0);
        const auto is_done = [&] { return done; };
        co_await f.until(is_done);
        f.vendor.stop();
    });
    CHECK(outcome.ok);
    CHECK(f.vendor.peer(0).data_bytes(3) == body.size());
}

TEST_CASE("streams beyond the vendor's limit go to further connections, and waiters are served") {
    const std::string settings = h2::settings(h2::setting(kMostStreams, 2));
    Fixture f(answering("hello"), settings);
    f.origin->spec.max_connections = 2;
    std::size_t good = 0;
    std::deque<Interrupt> interrupts;
    f.loop.run([&]() -> Task<void> {
        constexpr std::size_t kCalls = 50;
        std::size_t left = kCalls;
        const adapters::UpstreamRequest request = request_with("{}");
        const auto one = [&]() -> Task<void> {
            Interrupt& interrupt = interrupts.emplace_back(f.loop.reactor);
            const Outcome outcome = co_await f.run(request, interrupt);
            good += outcome.ok ? 1 : 0;
            --left;
        };
        for (std::size_t i = 0; i < kCalls; ++i) {
            f.loop.spawn(one());
        }
        const auto all_ended = [&] { return left == 0; };
        co_await f.until(all_ended);
        co_await f.settled();
        f.vendor.stop();
    });
    CHECK(good == 50);
    CHECK(f.vendor.connections() <= 2);
    CHECK(f.origin->dialing == 0);
}

TEST_CASE("a connection that allows no stream does not keep others waiting for ever") {
    const std::string none = h2::settings(h2::setting(kMostStreams, 0));
    Fixture f(answering("hello"), none);
    std::size_t ended = 0;
    std::deque<Interrupt> interrupts;
    f.loop.run([&]() -> Task<void> {
        const adapters::UpstreamRequest request = request_with("{}");
        const auto one = [&]() -> Task<void> {
            Interrupt& interrupt = interrupts.emplace_back(f.loop.reactor);
            InterruptDeadline deadline(f.loop.reactor, interrupt);
            deadline.arm(Cause::total_timeout, Reactor::now() + milliseconds(300));
            const Outcome outcome = co_await f.run(request, interrupt);
            static_cast<void>(outcome);
            ++ended;
        };
        for (int i = 0; i < 5; ++i) {
            f.loop.spawn(one());
        }
        const auto all_ended = [&] { return ended == 5; };
        co_await f.until(all_ended);
        f.vendor.stop();
    });
}

TEST_CASE("a silent connection is asked by PING: it lives, or its streams fail and it is closed") {
    for (const bool lives : {true, false}) {
        Fixture f(
            [&](Peer& peer, const Frame& frame) {
                if (frame.type == h2::kPing && lives) {
                    peer.say(h2::frame(h2::kPing, h2::kAck, 0, frame.payload));
                    if (peer.count(h2::kPing, 0) == 3) {
                        peer.say(h2::answer(1, "after all"));
                    }
                }
            },
            h2::settings(), milliseconds(20));
        const Outcome outcome = f.calls(1).at(0);
        CHECK(outcome.ok == lives);
        if (!lives) {
            CHECK(outcome.kind == FailureKind::upstream_unavailable);
            CHECK(outcome.detail.find("PING") != std::string::npos);
            CHECK(f.origin->open == 0);
        }
    }
}

TEST_CASE("a connection that has not answered its PING yet gets no further requests") {
    Fixture f(
        [](Peer& peer, const Frame& frame) {
            if (peer.number > 0 && frame.ends_request()) {
                peer.say(h2::answer(frame.stream, "hello"));
            }
        },
        h2::settings(), milliseconds(100));
    Outcome stuck;
    Outcome other;
    f.loop.run([&]() -> Task<void> {
        const adapters::UpstreamRequest request = request_with("{}");
        bool ended = false;
        const auto first = [&]() -> Task<void> {
            stuck = co_await f.run(request, f.interrupt);
            ended = true;
        };
        f.loop.spawn(first());
        const auto was_asked = [&] {
            return f.vendor.connections() > 0 && f.vendor.peer(0).count(h2::kPing, 0) > 0;
        };
        co_await f.until(was_asked);
        Interrupt interrupt(f.loop.reactor);
        other = co_await f.run(request, interrupt);
        CHECK_FALSE(ended);
        const auto has_ended = [&] { return ended; };
        co_await f.until(has_ended);
        f.vendor.stop();
    });
    CHECK(other.body == "hello");
    CHECK_FALSE(stuck.ok);
    CHECK(f.vendor.connections() == 2);
}

TEST_CASE("large request heads are sent, and what is too large fails once") {
    for (const std::size_t size : {std::size_t{100'000}, std::size_t{300'000}}) {
        std::size_t requests = 0;
        Fixture f([&](Peer& peer, const Frame& frame) {
            if (frame.ends_request()) {
                ++requests;
            }
            if ((frame.flags & h2::kEndHeaders) != 0 && frame.type == h2::kContinuation) {
                peer.say(h2::answer(frame.stream, "hello"));
            }
        });
        Outcome outcome;
        f.loop.run([&]() -> Task<void> {
            adapters::UpstreamRequest request;
            request.method = "GET";
            request.target = "/";
            request.headers = {{"x-large", std::string(size, 'x')}};
            outcome = co_await f.run(request, f.interrupt);
            co_await f.settled();
            f.vendor.stop();
        });
        CHECK(outcome.ok == (size < 200'000));
        CHECK(f.vendor.connections() == 1);
        CHECK(requests <= 1);
    }
}

TEST_CASE("an origin that was found to speak HTTP/1.1 is asked again after a while") {
    Loop loop;
    Gauges gauges;
    upstream::Pool pool(loop.reactor, gauges);
    FakeVendor vendor(loop, [](std::size_t, std::size_t) { return Script{}; });
    upstream::Origin& origin = pool.origin("k", vendor.spec(), 0);
    CHECK(origin.speaks == upstream::Origin::Speaks::http1);
    loop.run([&]() -> Task<void> {
        Interrupt interrupt(loop.reactor);
        for (const auto late : {milliseconds(60'000), milliseconds(0)}) {
            origin.ask_again = Reactor::now() + late;
            auto got = co_await pool.acquire(origin, upstream::Pool::Wanted::any, interrupt);
            CHECK(got.has_value());
            pool.give_back(std::move(*got));
            CHECK((origin.speaks == upstream::Origin::Speaks::http1) == (late > milliseconds(0)));
        }
        vendor.stop();
    });
}

TEST_CASE("nobody at the address is a failure to connect for each that waits") {
    Loop loop;
    Gauges gauges;
    upstream::Pool pool(loop.reactor, gauges);
    std::vector<char> scratch(4096);
    upstream::OriginSpec spec;
    spec.host = "127.0.0.1";
    spec.http2 = upstream::Http2Use::always;
    { const Fd gone = listen_on_loopback(spec.port); }
    upstream::Origin& origin = pool.origin("k", spec, 0);
    std::deque<Interrupt> interrupts;
    int failed = 0;
    const auto client = [&](Interrupt& interrupt) -> Task<void> {
        H2Call call(pool, origin, scratch);
        const Result<void> got = co_await call.connect(interrupt);
        failed += !got && got.error().kind == FailureKind::connect_failed ? 1 : 0;
    };
    loop.run([&]() -> Task<void> {
        for (int i = 0; i < 5; ++i) {
            loop.spawn(client(interrupts.emplace_back(loop.reactor)));
        }
        co_return;
    });
    CHECK(failed == 5);
    CHECK(origin.open == 0);
    CHECK(origin.dialing == 0);
}

TEST_CASE("a pool may die with idle HTTP/2 connections") {
    Fixture f(answering("hello"));
    CHECK(f.calls(1).at(0).ok);
    CHECK(f.origin->h2.size() == 1);
}

}  // namespace tollgate::server::tests
