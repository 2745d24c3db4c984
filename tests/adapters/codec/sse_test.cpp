#include "adapters/codec/sse.hpp"

#include "tests/support/catch.hpp"

#include <utility>
#include <vector>

namespace {

using tollgate::codec::SseEvent;
using tollgate::codec::SseParser;
using Events = std::vector<std::pair<std::string, std::string>>;

struct Outcome {
    Events events;
    std::string stray;
    bool operator==(const Outcome&) const = default;
};

// Each piece lives in memory of its own that dies before the next push, so that a kept view is an
// ASan report.
Outcome parse(const std::vector<std::string_view>& pieces) {
    SseParser parser;
    Outcome outcome;
    SseEvent event;
    for (const std::string_view piece : pieces) {
        const std::vector<char> bytes(piece.begin(), piece.end());
        parser.push({bytes.data(), bytes.size()});
        while (parser.next(event)) {
            outcome.events.emplace_back(event.name, event.data);
        }
    }
    if (parser.finish(event)) {
        outcome.events.emplace_back(event.name, event.data);
    }
    CHECK_FALSE(parser.finish(event));
    CHECK_FALSE(parser.overflowed());
    outcome.stray = parser.stray();
    return outcome;
}

struct Case {
    const char* name;
    std::string input;
    Events events;
    std::string stray = {};
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all{
        {"one event", "data: a\n\n", {{"", "a"}}},
        {"two events", "data: a\n\ndata: b\n\n", {{"", "a"}, {"", "b"}}},
        {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {{"", "a"}, {"", "b"}}},
        {"CR", "data: a\r\rdata: b\r\r", {{"", "a"}, {"", "b"}}},
        {"mixed line ends",
         "event: x\r\ndata: a\rdata: b\n\r\ndata: c\n\rdata: d\r\n\n",
         {{"x", "a\nb"}, {"", "c"}, {"", "d"}}},
        {"BOM at the start",
         "\xEF\xBB\xBF"
         "data: a\n\n",
         {{"", "a"}}},
        {"BOM later is no field",
         "data: a\n\n\xEF\xBB\xBF"
         "data: b\n\n",
         {{"", "a"}},
         "\xEF\xBB\xBF"
         "data: b"},
        {"comments", ": hello\n\n:\n\ndata: a\n: inside\n\n", {{"", "a"}}},
        {"multi-line data", "data: a\ndata:\ndata: c\n\n", {{"", "a\n\nc"}}},
        {"data that begins with an empty line", "data:\ndata: b\n\n", {{"", "\nb"}}},
        {"no space after the colon", "event:x\ndata:{\"a\":1}\n\n", {{"x", "{\"a\":1}"}}},
        {"only one space is removed", "data:  a \n\n", {{"", " a "}}},
        {"name alone", "event: ping\n\n", {{"ping", ""}}},
        {"names do not leak", "event: x\ndata: a\n\ndata: b\n\n", {{"x", "a"}, {"", "b"}}},
        {"the last name wins", "event: xxxx\nevent: y\ndata: a\n\n", {{"y", "a"}}},
        {"id and retry are ignored", "id: 1\nretry: 5\ndata: a\nid\n\n", {{"", "a"}}},
        {"empty events are skipped", "\n\n\r\ndata:\n\ndata\n\nevent:\n\ndata: a\n\n", {{"", "a"}}},
        {"missing blank line", "data: a\n\ndata: b\n", {{"", "a"}, {"", "b"}}},
        {"missing line end", "data: a\n\nevent: y\ndata: b", {{"", "a"}, {"y", "b"}}},
        {"stray text", "data: a\n\n{\n  \"error\": 1\n}\n\n", {{"", "a"}}, "{\n  \"error\": 1\n}"},
        {"stray text without line end", "{\"error\": 1}", {}, "{\"error\": 1}"},
        {"fields with longer names are stray",
         "database: x\ndata: a\n\n",
         {{"", "a"}},
         "database: x"},
        {"UTF-8",
         "data: \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80\n\n",
         {{"", "\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80"}}},
        {"NUL bytes", std::string("data: a\0b\n\n", 11), {{"", std::string("a\0b", 3)}}},
        {"nothing", "", {}},
    };
    return all;
}

}  // namespace

TEST_CASE("events are the same fed whole, byte by byte and split anywhere", "[sse]") {
    for (const Case& c : cases()) {
        INFO(c.name);
        const Outcome expected{c.events, c.stray};
        const std::string_view input = c.input;
        CHECK((parse({input}) == expected));
        std::vector<std::string_view> bytes;
        for (std::size_t i = 0; i < input.size(); ++i) {
            bytes.push_back(input.substr(i, 1));
        }
        CHECK((parse(bytes) == expected));
        for (std::size_t i = 0; i <= input.size(); ++i) {
            INFO("split at " << i);
            CHECK((parse({input.substr(0, i), input.substr(i)}) == expected));
        }
    }
}

TEST_CASE("a whole event is viewed in place", "[sse]") {
    const std::string bytes = "event: x\ndata: abc\n\n";
    SseParser parser;
    parser.push(bytes);
    SseEvent event;
    REQUIRE(parser.next(event));
    CHECK(event.data.data() == bytes.data() + bytes.find("abc"));
    CHECK(event.name.data() == bytes.data() + bytes.find('x'));
}

TEST_CASE("a CR ends the event before its LF has arrived", "[sse]") {
    SseParser parser;
    SseEvent event;
    parser.push("data: a\r\n\r");
    REQUIRE(parser.next(event));
    CHECK(event.data == "a");
    CHECK_FALSE(parser.next(event));
    parser.push("\ndata: b\n\n");
    REQUIRE(parser.next(event));
    CHECK(event.data == "b");
}

TEST_CASE("an unfinished event over the limit overflows, whatever it is made of", "[sse]") {
    const std::vector<std::string> endless{"data: 0123456789", "data: 0123456789\n", "no line end"};
    for (const std::string& piece : endless) {
        INFO(piece);
        SseParser parser(100);
        SseEvent event;
        for (int i = 0; i < 20; ++i) {
            parser.push(piece);
            CHECK_FALSE(parser.next(event));
        }
        CHECK(parser.overflowed());
        parser.push("\n\ndata: a\n\n");
        CHECK_FALSE(parser.next(event));
        CHECK_FALSE(parser.finish(event));
    }
}

TEST_CASE("many finished events never overflow", "[sse]") {
    SseParser parser(100);
    SseEvent event;
    unsigned seen = 0;
    for (int i = 0; i < 100; ++i) {
        parser.push("data: 0123456789\n");
        CHECK_FALSE(parser.next(event));
        parser.push("\n");
        seen += parser.next(event) ? 1U : 0U;
        CHECK_FALSE(parser.next(event));
    }
    CHECK(seen == 100);
    CHECK_FALSE(parser.overflowed());
}

TEST_CASE("stray text is bounded", "[sse]") {
    SseParser parser;
    SseEvent event;
    const std::string line = std::string(10'000, 'x') + "\n";
    for (int i = 0; i < 100; ++i) {
        parser.push(line);
        CHECK_FALSE(parser.next(event));
    }
    CHECK(parser.stray().size() >= 60'000);
    CHECK(parser.stray().size() <= 70'000);
    CHECK_FALSE(parser.overflowed());
}
