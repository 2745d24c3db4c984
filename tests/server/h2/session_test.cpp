#include "server/h2/session.hpp"

#include "tests/server/h2/frames.hpp"
#include "tests/server/h2/recorder.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::server::h2::tests {
namespace {

namespace wire = ::tollgate::server::tests::h2;
using metrics::Attack;
using wire::ParsedFrame;

constexpr Session::Time kNow{std::chrono::hours(1)};
constexpr std::string_view kHead = "200content-type: text/plain\r\nx-request-id: 1\r\n";
// RFC 9113 section 6.5.2
constexpr std::uint16_t kTableSize = 1;
constexpr std::uint16_t kMostStreams = 3;
constexpr std::uint16_t kInitialWindow = 4;

struct Fixture {
    explicit Fixture(const SessionLimits& limits = {}) : session(limits, events) {}

    std::vector<ParsedFrame> say(std::string_view bytes) {
        session.feed(bytes, kNow);
        return wire::parse(drain(session));
    }
    /// Preface and SETTINGS of both sides.
    std::vector<ParsedFrame> greet(std::string_view own = {}) {
        std::vector<ParsedFrame> first = say(std::string(wire::kPreface) + wire::settings(own));
        CHECK(say(wire::acknowledge()).empty());
        return first;
    }
    RecordedStream& stream(std::int32_t id) { return *events.streams.at(id); }
    std::vector<ParsedFrame> answer(std::int32_t id, std::string body) {
        stream(id).answer = std::move(body);
        stream(id).last = true;
        session.submit_head(id, kHead, true);
        return wire::parse(drain(session));
    }

    Recorder events;
    Session session;
};

const ParsedFrame* find(const std::vector<ParsedFrame>& frames, wire::Type type,
                        std::uint32_t stream) {
    const auto found = std::find_if(frames.begin(), frames.end(), [&](const ParsedFrame& one) {
        return one.type == type && one.stream == stream;
    });
    return found == frames.end() ? nullptr : &*found;
}

std::uint32_t code_of(ErrorCode code) {
    return static_cast<std::uint32_t>(code);
}

TEST_CASE("a session opens with SETTINGS that tell its limits") {
    Fixture f({.max_streams = 7, .header_table = 1024, .stream_window = 100'000});
    const std::vector<ParsedFrame> first = f.greet();
    REQUIRE(!first.empty());
    CHECK(first[0].type == wire::kSettings);
    for (const std::string& one :
         {wire::setting(kMostStreams, 7), wire::setting(kTableSize, 1024),
          wire::setting(kInitialWindow, 100'000), wire::setting(6, 64 * 1024)}) {
        CHECK(first[0].payload.find(one) != std::string::npos);
    }
    CHECK(find(first, wire::kWindow, 0) != nullptr);
}

TEST_CASE("a request and its answer pass, however the client's bytes are cut") {
    const std::string bytes = std::string(wire::kPreface) + wire::settings() +
                              wire::headers(1, wire::post()) + wire::data(1, "0123456789") +
                              wire::data(1, "end", wire::kEndStream);
    for (std::size_t step = 1; step <= bytes.size(); step = step * 3 + 1) {
        Fixture f;
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            f.session.feed(std::string_view(bytes).substr(at, step), kNow);
        }
        REQUIRE(f.events.arrived == std::vector<std::int32_t>{1});
        CHECK(f.stream(1).verdict.state == HeadVerdict::State::accepted);
        CHECK(f.stream(1).head.head.path == "/v1/chat");
        CHECK(f.stream(1).body == "0123456789end");
        CHECK(f.stream(1).ended);
        const std::vector<ParsedFrame> sent = f.answer(1, "hello");
        REQUIRE(find(sent, wire::kHeaders, 1) != nullptr);
        REQUIRE(find(sent, wire::kData, 1) != nullptr);
        CHECK(find(sent, wire::kData, 1)->payload == "hello");
        CHECK(find(sent, wire::kData, 1)->flags == wire::kEndStream);
        CHECK(f.stream(1).answer_sent);
        CHECK(f.stream(1).closed);
        CHECK(f.stream(1).close_code == ErrorCode::no_error);
        CHECK(f.events.attacks.empty());
    }
}

TEST_CASE("streams beyond the limit are refused, before and after the client knows it") {
    for (const bool acknowledged : {false, true}) {
        Fixture f({.max_streams = 2});
        f.say(std::string(wire::kPreface) + wire::settings() +
              (acknowledged ? wire::acknowledge() : std::string()));
        std::string requests;
        for (std::uint32_t id = 1; id <= 7; id += 2) {
            requests += wire::headers(id, wire::get(), wire::kEndStream);
        }
        const std::vector<ParsedFrame> sent = f.say(requests);
        for (const std::uint32_t id : {5U, 7U}) {
            const ParsedFrame* const reset = find(sent, wire::kReset, id);
            REQUIRE(reset != nullptr);
            CHECK(reset->code() == code_of(ErrorCode::refused_stream));
        }
        CHECK(f.events.arrived == std::vector<std::int32_t>{1, 3});
        CHECK(find(sent, wire::kGoaway, 0) == nullptr);
        f.answer(1, "done");
        CHECK(find(f.say(wire::headers(9, wire::get())), wire::kReset, 9) == nullptr);
        CHECK(f.events.arrived.back() == 9);
    }
}

TEST_CASE("a client that goes on although it is refused is a flood") {
    Fixture f({.max_streams = 1});
    f.greet();
    for (std::uint32_t id = 1; id < 2 * 1010 && !f.session.fault(); id += 2) {
        f.say(wire::headers(id, wire::get()));
    }
    CHECK(f.session.fault().code == ErrorCode::enhance_your_calm);
    CHECK(f.events.attacks == std::vector<Attack>{Attack::reset_flood});
}

TEST_CASE("malformed requests are reset, refused ones are reported") {
    Fixture f;
    f.greet();
    const ParsedFrame* reset = nullptr;
    std::vector<ParsedFrame> sent = f.say(wire::headers(1, {{":method", "GET"}}, wire::kEndStream));
    reset = find(sent, wire::kReset, 1);
    REQUIRE(reset != nullptr);
    CHECK(reset->code() == code_of(ErrorCode::protocol_error));
    CHECK(f.events.arrived.empty());
    wire::Fields foreign = wire::get();
    foreign[1].second = "ftp";
    sent = f.say(wire::headers(3, foreign, wire::kEndStream));
    CHECK(find(sent, wire::kReset, 3) == nullptr);
    CHECK(f.stream(3).verdict.state == HeadVerdict::State::refused);
}

TEST_CASE("the client's window bounds what is sent, also when it becomes negative") {
    Fixture f;
    f.greet(wire::setting(kInitialWindow, 3));
    f.say(wire::headers(1, wire::get(), wire::kEndStream));
    std::vector<ParsedFrame> sent = f.answer(1, "0123456789");
    CHECK(find(sent, wire::kData, 1)->payload == "012");
    CHECK(find(f.say(wire::settings(wire::setting(kInitialWindow, 2))), wire::kData, 1) == nullptr);
    CHECK(find(f.say(wire::window(1, 2)), wire::kData, 1)->payload == "3");
    CHECK(find(f.say(wire::window(1, 100)), wire::kData, 1)->payload == "456789");
    CHECK(f.stream(1).answer_sent);
}

TEST_CASE("without credit a client may send one window, and a byte more ends the connection") {
    Fixture f({.stream_window = 70'000});
    f.greet();
    f.say(wire::headers(1, wire::post()));
    for (int i = 0; i < 7; ++i) {
        CHECK(f.say(wire::data(1, std::string(10'000, 'x'))).empty());
    }
    CHECK(f.stream(1).body.size() == 70'000);
    f.session.credit(1, 70'000);
    CHECK(find(wire::parse(drain(f.session)), wire::kWindow, 1) != nullptr);
    for (int i = 0; i < 7; ++i) {
        f.say(wire::data(1, std::string(10'000, 'x')));
    }
    CHECK(!f.session.fault());
    f.say(wire::data(1, "x"));
    CHECK(f.session.fault().code == ErrorCode::flow_control_error);
}

TEST_CASE("an answer that breaks ends in a reset behind what was there") {
    Fixture f;
    f.greet();
    f.say(wire::headers(1, wire::get(), wire::kEndStream));
    f.stream(1).answer = "half";
    f.session.submit_head(1, kHead, true);
    CHECK(find(wire::parse(drain(f.session)), wire::kData, 1)->payload == "half");
    f.stream(1).broken = true;
    f.session.resume(1);
    const std::vector<ParsedFrame> sent = wire::parse(drain(f.session));
    REQUIRE(find(sent, wire::kReset, 1) != nullptr);
    CHECK(find(sent, wire::kReset, 1)->code() == code_of(ErrorCode::internal_error));
    CHECK(f.stream(1).closed);
    CHECK_FALSE(f.stream(1).answer_sent);
}

TEST_CASE("a large answer goes out in frames of 16 KiB, as much as there is room for at a time") {
    Fixture f;
    f.greet(wire::setting(kInitialWindow, 1'000'000));
    f.say(wire::window(0, 1'000'000) + wire::headers(1, wire::get(), wire::kEndStream));
    std::string body(300'000, 'x');
    for (std::size_t i = 0; i < body.size(); ++i) {
        body[i] = static_cast<char>('a' + i % 23);
    }
    f.stream(1).answer = body;
    f.stream(1).last = true;
    f.session.submit_head(1, kHead, true);
    std::string buffer(40 * 1024, '\0');
    std::string bytes;
    while (const std::size_t size = f.session.fill(buffer)) {
        bytes.append(buffer, 0, size);
    }
    std::string got;
    for (const ParsedFrame& frame : wire::parse(bytes)) {
        got += frame.type == wire::kData ? frame.payload : std::string();
        CHECK(frame.payload.size() <= 16384);
    }
    CHECK(got == body);
}

TEST_CASE("our HPACK table is no larger than its setting, whatever the client allows") {
    Fixture f({.header_table = 1024});
    f.greet(wire::setting(kTableSize, 1 << 20));
    f.say(wire::frame(wire::kHeaders, wire::kEndHeaders | wire::kEndStream, 1,
                      "\x3f\xe1\x07" + wire::block(wire::get())));
    const std::vector<ParsedFrame> sent = f.answer(1, "x");
    // RFC 7541 section 6.3: the size is told at the begin of the next block.
    CHECK(find(sent, wire::kHeaders, 1)->payload.starts_with("\x3f\xe1\x07"));
}

TEST_CASE("the client's HPACK table is no larger than our setting") {
    const std::string to_1024("\x3f\xe1\x07");
    const std::string to_1025("\x3f\xe2\x07");
    const auto send = [](Fixture& f, std::uint32_t id, const std::string& block) {
        return f.say(wire::frame(wire::kHeaders, wire::kEndHeaders | wire::kEndStream, id, block));
    };
    Fixture f({.header_table = 1024});
    f.greet();
    const std::string entry =
        '\x40' + wire::literal("x-large") + wire::literal(std::string(600, 'x'));
    send(f, 1, to_1024 + wire::block(wire::get()) + entry + '\xbe');
    REQUIRE(f.stream(1).head.head.fields.size() == 2);  // the literal, and by its index
    CHECK(!f.session.fault());
    send(f, 3, wire::block(wire::get()) + entry + '\xbf');  // the first has no room any more
    CHECK(f.session.fault().code == ErrorCode::compression_error);
    Fixture larger({.header_table = 1024});
    larger.greet();
    send(larger, 1, to_1025 + wire::block(wire::get()));
    CHECK(larger.session.fault().code == ErrorCode::compression_error);
}

TEST_CASE("a block that unpacks to many times the limit ends the connection") {
    SessionLimits limits;
    limits.head.list_bytes = 16 * 1024;
    Fixture f(limits);
    f.greet();
    const std::string entry =
        '\x40' + wire::literal("x-bomb") + wire::literal(std::string(3900, 'x'));
    f.say(wire::frame(wire::kHeaders, wire::kEndHeaders | wire::kEndStream, 1,
                      wire::block(wire::get()) + entry + std::string(10'000, '\xbe')));
    CHECK(f.session.fault().kind == Attack::header_bomb);
    CHECK(f.events.arrived.empty());
}

TEST_CASE("a fault ends in one GOAWAY, and nothing is taken any more") {
    Fixture f;
    f.greet();
    const std::vector<ParsedFrame> sent =
        f.say(wire::headers(1, wire::get()) + wire::data(3, "x") + wire::headers(5, wire::get()));
    REQUIRE(find(sent, wire::kGoaway, 0) != nullptr);
    CHECK(find(sent, wire::kGoaway, 0)->code() == code_of(ErrorCode::protocol_error));
    CHECK(f.events.arrived == std::vector<std::int32_t>{1});
    CHECK(f.say(wire::headers(7, wire::get())).empty());
    CHECK(f.session.is_finished());
    CHECK(f.events.attacks == std::vector<Attack>{Attack::protocol_error});
}

TEST_CASE("something else than the preface is told so") {
    Fixture f;
    const std::vector<ParsedFrame> sent = f.say("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    REQUIRE(find(sent, wire::kGoaway, 0) != nullptr);
    CHECK(find(sent, wire::kGoaway, 0)->code() == code_of(ErrorCode::protocol_error));
}

TEST_CASE("the end is announced, and then final") {
    Fixture f;
    f.greet();
    f.say(wire::headers(1, wire::get(), wire::kEndStream));
    f.session.announce_end();
    const std::vector<ParsedFrame> notice = wire::parse(drain(f.session));
    REQUIRE(find(notice, wire::kGoaway, 0) != nullptr);
    CHECK(wire::number_at(find(notice, wire::kGoaway, 0)->payload, 0) == 0x7fffffffU);
    f.say(wire::headers(3, wire::get(), wire::kEndStream));
    f.session.end();
    const std::vector<ParsedFrame> last = wire::parse(drain(f.session));
    CHECK(wire::number_at(find(last, wire::kGoaway, 0)->payload, 0) == 3U);
    f.say(wire::headers(5, wire::get(), wire::kEndStream));
    CHECK(f.events.arrived == std::vector<std::int32_t>{1, 3});
    CHECK_FALSE(f.session.is_finished());
    f.answer(1, "x");
    f.answer(3, "x");
    CHECK(f.session.is_finished());
}

TEST_CASE("an Upgrade's request is stream 1, with the settings that came along") {
    Recorder events;
    Session session({.max_streams = 1}, events);
    RecordedStream stream;
    REQUIRE(session.upgrade(wire::setting(kInitialWindow, 4), false, stream));
    session.feed(std::string(wire::kPreface) + wire::settings(wire::setting(kInitialWindow, 4)),
                 kNow);
    stream.answer = "0123456789";
    stream.last = true;
    session.submit_head(1, kHead, true);
    const std::vector<ParsedFrame> sent = wire::parse(drain(session));
    CHECK(sent.at(0).type == wire::kSettings);
    CHECK(find(sent, wire::kData, 1)->payload == "0123");
    session.feed(wire::headers(3, wire::get(), wire::kEndStream), kNow);
    CHECK(find(wire::parse(drain(session)), wire::kReset, 3) != nullptr);  // it counts
    session.feed(wire::window(1, 100), kNow);
    drain(session);
    CHECK(stream.closed);
    session.feed(wire::headers(5, wire::get(), wire::kEndStream), kNow);
    CHECK(events.arrived == std::vector<std::int32_t>{5});
    Session other({}, events);
    CHECK_FALSE(other.upgrade("12345", false, stream));
}

TEST_CASE("PING is answered, and answers are noted") {
    Fixture f;
    f.greet();
    const std::vector<ParsedFrame> sent = f.say(wire::frame(wire::kPing, 0, 0, "tollgate"));
    REQUIRE(find(sent, wire::kPing, 0) != nullptr);
    CHECK(find(sent, wire::kPing, 0)->payload == "tollgate");
    f.session.ping();
    const std::vector<ParsedFrame> asked = wire::parse(drain(f.session));
    f.say(wire::frame(wire::kPing, wire::kAck, 0, find(asked, wire::kPing, 0)->payload));
    CHECK(f.events.pings == 1);
}

}  // namespace
}  // namespace tollgate::server::h2::tests
