#include "server/h2/frame_guard.hpp"

#include "tests/server/h2/frames.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server::h2::tests {
namespace {

namespace wire = ::tollgate::server::tests::h2;
using metrics::Attack;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr FrameGuard::Time kStart{std::chrono::hours(1)};

std::string open(std::uint32_t stream) {
    return wire::headers(stream, wire::post());
}
std::string whole(std::uint32_t stream) {
    return wire::headers(stream, wire::get(), wire::kEndStream);
}
std::string priority(std::uint32_t stream, std::uint32_t on) {
    return wire::frame(wire::kPriority, 0, stream, wire::number(on) + '\x10');
}
std::string many(std::size_t count, std::string_view bytes) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) {
        all.append(bytes);
    }
    return all;
}

struct Case {
    std::string name;
    std::string bytes;  ///< after an empty SETTINGS
    ErrorCode code = ErrorCode::no_error;
    Attack kind = Attack::protocol_error;
};

ConnectionFault judge(std::string_view bytes, std::size_t step) {
    FrameGuard guard({});
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string_view some = bytes.substr(at, step);
        const FrameGuard::Verdict verdict = guard.feed(some, kStart);
        if (verdict.fault) {
            CHECK(verdict.passed <= some.size());
            CHECK(!verdict.fault.reason.empty());
            return verdict.fault;
        }
        CHECK(verdict.passed == some.size());
    }
    return {};
}

void check(const Case& one) {
    INFO(one.name);
    const std::string bytes = wire::settings() + one.bytes;
    // A fault is found however the bytes are cut.
    for (const std::size_t step : {bytes.size(), std::size_t{1}, std::size_t{2}, std::size_t{7},
                                   std::size_t{9}, std::size_t{1000}}) {
        const ConnectionFault fault = judge(bytes, step);
        CHECK(static_cast<int>(fault.code) == static_cast<int>(one.code));
        if (one.code != ErrorCode::no_error) {
            CHECK(static_cast<int>(fault.kind) == static_cast<int>(one.kind));
        }
    }
}

constexpr ErrorCode kProtocol = ErrorCode::protocol_error;
constexpr ErrorCode kClosed = ErrorCode::stream_closed;
constexpr ErrorCode kSize = ErrorCode::frame_size_error;
constexpr ErrorCode kCalm = ErrorCode::enhance_your_calm;

TEST_CASE("frames on streams that are open, or were reset by us, pass") {
    const std::vector<Case> cases{
        {"a request", whole(1)},
        {"a request with a body", open(1) + wire::data(1, "{}", wire::kEndStream)},
        {"trailers",
         open(1) + wire::data(1, "{}") + wire::headers(1, {{"x", "1"}}, wire::kEndStream)},
        {"streams side by side", open(1) + open(3) + wire::data(1, "a") + wire::data(3, "b")},
        {"a window for a stream that has ended", whole(1) + wire::window(1, 1)},
        {"a reset of a stream that has ended", whole(1) + wire::reset(1, 8)},
        {"priority of an idle stream", priority(9, 0) + whole(1)},
        {"frames of unknown types", wire::frame(static_cast<wire::Type>(0xee), 0xff, 7, "x")},
        {"PING and GOAWAY", wire::frame(wire::kPing, 0, 0, "12345678") + wire::goaway(0)},
        {"a block in pieces",
         wire::frame(wire::kHeaders, 0, 1, "a") + wire::frame(wire::kContinuation, 0, 1, "b") +
             wire::frame(wire::kContinuation, wire::kEndHeaders, 1, "c") + wire::data(1, "x")},
    };
    for (const Case& one : cases) {
        check(one);
    }
}

TEST_CASE("frames that are against the protocol end the connection with the code of the rule") {
    const std::vector<Case> cases{
        {"DATA on an idle stream", wire::data(1, "x"), kProtocol},
        {"a reset of an idle stream", wire::reset(1, 8), kProtocol},
        {"a window for an idle stream", wire::window(1, 1), kProtocol},
        {"an even stream", whole(2), kProtocol},
        {"a skipped stream", whole(5) + whole(3), kProtocol},
        {"stream 0", whole(0), kProtocol},
        {"DATA after END_STREAM", whole(1) + wire::data(1, "x"), kClosed},
        {"HEADERS after END_STREAM", whole(1) + whole(1), kClosed},
        {"DATA after the client's reset", open(1) + wire::reset(1, 8) + wire::data(1, "x"),
         kClosed},
        {"CONTINUATION alone", wire::frame(wire::kContinuation, 4, 1, "x"), kProtocol},
        {"CONTINUATION after the block's end",
         open(1) + wire::frame(wire::kContinuation, 4, 1, "x"), kProtocol},
        {"a block that is interrupted", wire::frame(wire::kHeaders, 0, 1, "x") + priority(1, 0),
         kProtocol},
        {"PUSH_PROMISE", wire::frame(wire::kPushPromise, 4, 1, "12345"), kProtocol},
        {"SETTINGS on a stream", wire::frame(wire::kSettings, 0, 1, {}), kProtocol},
        {"PING on a stream", wire::frame(wire::kPing, 0, 1, "12345678"), kProtocol},
        {"a stream that depends on itself", priority(3, 3), kProtocol},
        {"padded HEADERS on itself",
         wire::frame(wire::kHeaders, wire::kPadded | wire::kHasPriority | 5, 1,
                     std::string(1, '\0') + wire::number(1) + "\x10"),
         kProtocol},
        {"HEADERS too small for their priority",
         wire::frame(wire::kHeaders, wire::kHasPriority | 5, 1, "1234"), kSize},
        {"a frame larger than 16384", open(1) + wire::data(1, std::string(16385, 'x')), kSize},
        {"PRIORITY of 4 bytes", wire::frame(wire::kPriority, 0, 1, "1234"), kSize},
        {"RST_STREAM of 5 bytes", open(1) + wire::frame(wire::kReset, 0, 1, "12345"), kSize},
        {"an acknowledgement with a payload", wire::frame(wire::kSettings, 1, 0, "123456"), kSize},
        {"SETTINGS of 5 bytes", wire::frame(wire::kSettings, 0, 0, "12345"), kSize},
        {"PING of 7 bytes", wire::frame(wire::kPing, 0, 0, "1234567"), kSize},
        {"GOAWAY of 7 bytes", wire::frame(wire::kGoaway, 0, 0, "1234567"), kSize},
    };
    for (const Case& one : cases) {
        check(one);
    }
}

TEST_CASE("the first frame must be SETTINGS") {
    CHECK(judge(whole(1), 1).code == kProtocol);
    CHECK(judge(wire::acknowledge(), 100).code == kProtocol);
}

TEST_CASE("floods end the connection with ENHANCE_YOUR_CALM") {
    const std::string empty = wire::data(1, "");
    const std::string piece = wire::frame(wire::kContinuation, 0, 1, std::string(16000, 'x'));
    const std::vector<Case> cases{
        {"PING", many(101, wire::frame(wire::kPing, 0, 0, "12345678")), kCalm, Attack::ping_flood},
        {"SETTINGS", many(50, wire::settings()), kCalm, Attack::settings_flood},
        {"PRIORITY", many(501, priority(3, 0)), kCalm, Attack::priority_flood},
        {"WINDOW_UPDATE", many(2001, wire::window(0, 1)), kCalm, Attack::window_update_flood},
        {"empty DATA", open(1) + many(101, empty), kCalm, Attack::empty_frame_flood},
        {"nothing but padding",
         open(1) + many(101, wire::frame(wire::kData, wire::kPadded, 1, std::string(1, '\0'))),
         kCalm, Attack::empty_frame_flood},
        {"a block without end", wire::frame(wire::kHeaders, 0, 1, {}) + many(5, piece), kCalm,
         Attack::continuation_flood},
        {"CONTINUATIONs without bytes",
         wire::frame(wire::kHeaders, 0, 1, {}) +
             many(20, wire::frame(wire::kContinuation, 0, 1, {})),
         kCalm, Attack::continuation_flood},
    };
    for (const Case& one : cases) {
        check(one);
    }
    std::string resets;
    for (std::uint32_t id = 1; id <= 401; id += 2) {
        resets += open(id) + wire::reset(id, 8);
    }
    check({"resets", resets, kCalm, Attack::rapid_reset});
}

TEST_CASE("what is too often at once is allowed over time") {
    FrameGuard guard({});
    const std::string ping = wire::frame(wire::kPing, 0, 0, "12345678");
    REQUIRE(!guard.feed(wire::settings() + many(100, ping), kStart).fault);
    // 20 a second from when the burst was used up.
    CHECK(guard.feed(ping, kStart).fault.kind == Attack::ping_flood);
    FrameGuard patient({});
    REQUIRE(!patient.feed(wire::settings() + many(100, ping), kStart).fault);
    REQUIRE(patient.feed({}, kStart).passed == 0);
    FrameGuard::Time now = kStart;
    Allowance pace(1, 20);
    CHECK(pace.spend(now));
    CHECK_FALSE(pace.spend(now));
    for (int i = 0; i < 100; ++i) {
        now += milliseconds(50);
        CHECK(pace.spend(now));
        CHECK_FALSE(pace.spend(now));
    }
    now += seconds(1000);
    CHECK(pace.spend(now));
    CHECK_FALSE(pace.spend(now));  // never more than the burst
}

TEST_CASE("DATA that we send earns two WINDOW_UPDATEs") {
    FrameGuard guard({});
    REQUIRE(!guard.feed(wire::settings() + many(2000, wire::window(0, 1)), kStart).fault);
    guard.note_data_sent();
    CHECK(!guard.feed(many(2, wire::window(0, 1)), kStart).fault);
    CHECK(guard.feed(wire::window(0, 1), kStart).fault.kind == Attack::window_update_flood);
}

TEST_CASE("a stream that we have reset may still be sent to, one that the client ended may not") {
    FrameGuard guard({});
    REQUIRE(!guard.feed(wire::settings() + open(1) + whole(3), kStart).fault);
    guard.note_reset(1);
    guard.note_reset(3);
    CHECK(!guard.feed(wire::data(1, "x") + wire::headers(1, {{"a", "b"}}, wire::kEndStream), kStart)
               .fault);
    CHECK(guard.feed(wire::data(3, "x"), kStart).fault.code == kClosed);
}

TEST_CASE("the stream of an Upgrade exists and is complete") {
    FrameGuard guard({});
    guard.begin_upgraded();
    REQUIRE(!guard.feed(wire::settings() + wire::window(1, 1), kStart).fault);
    CHECK(guard.feed(wire::data(1, "x"), kStart).fault.code == kClosed);
}

TEST_CASE("a client owes its SETTINGS, the rest of a block and of every frame but DATA") {
    FrameGuard guard({});
    const auto owed_after = [&](std::string_view bytes) {
        REQUIRE(!guard.feed(bytes, kStart).fault);
        return guard.is_owed();
    };
    CHECK(guard.is_owed());
    CHECK_FALSE(owed_after(wire::settings()));
    CHECK(owed_after(std::string_view("\0", 1)));
    CHECK_FALSE(owed_after(wire::frame(wire::kPing, 0, 0, "12345678").substr(1)));
    CHECK(owed_after(wire::frame(wire::kHeaders, 0, 1, "x")));
    CHECK_FALSE(owed_after(wire::frame(wire::kContinuation, wire::kEndHeaders, 1, {})));
    CHECK_FALSE(owed_after(wire::data(1, "0123456789").substr(0, 12)));
    CHECK(guard.frames() == 4);
}

}  // namespace
}  // namespace tollgate::server::h2::tests
