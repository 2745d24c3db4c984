#include "adapters/codec/sse_blocks.hpp"

#include "adapters/codec/sse.hpp"
#include "tests/support/catch.hpp"

#include <memory>
#include <string>
#include <vector>

namespace {

using tollgate::codec::simple_data;
using tollgate::codec::SseBlocks;
using tollgate::codec::SseEvent;
using tollgate::codec::SseParser;

struct Cut {
    std::vector<std::string> blocks;
    std::string tail;
    bool operator==(const Cut&) const = default;
};

// Each piece dies before the next push, so that a kept view is an ASan report.
Cut cut(std::string_view bytes, std::size_t first, std::size_t step) {
    SseBlocks blocks;
    Cut result;
    std::string_view block;
    for (std::size_t take = first; !bytes.empty(); take = step) {
        const auto piece = std::make_unique<std::string>(bytes.substr(0, take));
        bytes.remove_prefix(piece->size());
        blocks.push(*piece);
        while (blocks.next(block)) {
            REQUIRE_FALSE(block.empty());
            result.blocks.emplace_back(block);
        }
        CHECK_FALSE(blocks.next(block));
    }
    CHECK_FALSE(blocks.overflowed());
    result.tail = blocks.tail();
    return result;
}

std::string joined(const Cut& all) {
    std::string text;
    for (const std::string& block : all.blocks) {
        text += block;
    }
    return text + all.tail;
}

std::vector<std::string> events_of(std::string_view bytes) {
    std::vector<std::string> events;
    SseParser parser;
    SseEvent event;
    parser.push(bytes);
    while (parser.next(event)) {
        events.push_back(std::string(event.name) + "|" + std::string(event.data));
    }
    if (parser.finish(event)) {
        events.push_back(std::string(event.name) + "|" + std::string(event.data));
    }
    return events;
}

const std::vector<std::string>& streams() {
    static const std::vector<std::string> all{
        "",
        "data: a\n\n",
        "data: a\n\ndata: b\n\ndata: [DONE]\n\n",
        "data: a\r\n\r\ndata: b\r\n\r\n",
        "data: a\r\rdata: b\r\rx",
        "event: x\ndata: a\rdata: b\n\r\ndata: c\n\rdata: d\r\n\n",
        "data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\rdata: e\n\n",
        "event:\ndata: c\r\r: e\n\ndata: f\ndata: g\r\n\r\nx\n",
        ": ping\n\n: ping\r\n\r\ndata: a\n\n",
        "data: a\ndata: b\n\ndata: c",
        "data: a\n",
        "data: a\r",
        "data: a\r\r",
        "data: a\r\n\r",
        "\n\n\n\ndata: a\n\n\n\n\n",
        "\r\n\r\n\r\n\r\ndata: a\r\n\r\n\r\n",
        "\r\r\r\rdata: a\r\r\r",
        "\ndata: a\n\n",
        "\r\n",
        "\r",
        "no field at all",
        "event: a\nid: 1\nretry: 2\ndata: {\"a\":\"\\n\\n\"}\n\n",
        std::string("data: a\0b\n\ndata: c\n\n", 20),
        "data: " + std::string(300, 'x') + "\n\ndata: " + std::string(300, 'y') + "\r\n\r\n",
        "data: a\n\ndata: \xe4\xbd\xa0\n\n",
    };
    return all;
}

}  // namespace

TEST_CASE("SSE blocks laid end to end are the stream, however it is split") {
    for (const std::string& stream : streams()) {
        INFO(stream);
        const Cut whole = cut(stream, stream.size() + 1, 1);
        CHECK(joined(whole) == stream);
        CHECK(cut(stream, 1, 1) == whole);
        CHECK(cut(stream, 2, 3) == whole);
        for (std::size_t at = 1; at < stream.size(); ++at) {
            const Cut split = cut(stream, at, stream.size());
            if (split != whole) {
                FAIL("split at " << at << ": " << joined(split));
            }
        }
    }
}

TEST_CASE("each SSE block holds exactly what a parser finds in the stream") {
    for (const std::string& stream : streams()) {
        INFO(stream);
        const Cut whole = cut(stream, stream.size() + 1, 1);
        std::vector<std::string> events;
        for (const std::string& block : whole.blocks) {
            const std::vector<std::string> some = events_of(block);
            CHECK(some.size() <= 1);
            events.insert(events.end(), some.begin(), some.end());
        }
        const std::vector<std::string> last = events_of(whole.tail);
        events.insert(events.end(), last.begin(), last.end());
        CHECK(events == events_of(stream));
    }
}

TEST_CASE("SSE blocks end with their blank line") {
    const Cut all = cut("data: a\n\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\rdata: e", 1000, 1);
    CHECK(all.blocks == std::vector<std::string>{"data: a\n\n", "\ndata: b\r\n\r\n", "data: c\r\r",
                                                 "data: d\n\r"});
    CHECK(all.tail == "data: e");
}

TEST_CASE("a CR at the end of what has come waits for its LF") {
    SseBlocks blocks;
    std::string_view block;
    blocks.push("data: a\r\n\r");
    CHECK_FALSE(blocks.next(block));
    CHECK(blocks.tail() == "data: a\r\n\r");
    blocks.push("\ndata: b\n\n");
    REQUIRE(blocks.next(block));
    CHECK(block == "data: a\r\n\r\n");
    REQUIRE(blocks.next(block));
    CHECK(block == "data: b\n\n");
    CHECK_FALSE(blocks.next(block));
    CHECK(blocks.tail().empty());
}

TEST_CASE("an SSE event over many pushes is put together once") {
    const std::string event = "data: " + std::string(100'000, 'x') + "\n\n";
    for (const std::size_t step :
         {std::size_t{1000}, std::size_t{4096}, std::size_t{4097}, std::size_t{65536}}) {
        const Cut all = cut(event + event, step, step);
        CHECK(all.blocks == std::vector<std::string>{event, event});
        CHECK(all.tail.empty());
    }
}

TEST_CASE("an unfinished SSE event may not grow beyond the limit") {
    SseBlocks blocks(100);
    std::string_view block;
    const auto push = [&](std::string_view bytes) {
        blocks.push(bytes);
        while (blocks.next(block)) {}
        return blocks.overflowed();
    };
    CHECK_FALSE(push("data: " + std::string(90, 'x') + "\n\n"));
    CHECK_FALSE(push(std::string(100, 'x')));
    CHECK(push("x"));
    CHECK(push("\n\n"));  // stays so

    SseBlocks at_once(100);
    const std::string bytes(101, 'x');
    at_once.push(bytes);
    CHECK_FALSE(at_once.next(block));
    CHECK(at_once.overflowed());
}

TEST_CASE("an empty push changes nothing") {
    SseBlocks blocks;
    std::string_view block;
    blocks.push("");
    CHECK_FALSE(blocks.next(block));
    blocks.push("data: a");
    CHECK_FALSE(blocks.next(block));
    blocks.push("");
    CHECK_FALSE(blocks.next(block));
    CHECK(blocks.tail() == "data: a");
}

TEST_CASE("the payload of a plain SSE block is found without a parser") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"data: a\n\n", "a"},
        {"data:a\n\n", "a"},
        {"data: a\r\n\r\n", "a"},
        {"data: a\r\r", "a"},
        {"data: a", "a"},
        {"data:  a \n\n", " a "},
        {"data: {\"a\":\"\\n\"}\n\n", "{\"a\":\"\\n\"}"},
        {"data: [DONE]\n\n", "[DONE]"},
        {"data: a\n\n\n", "a"},
        // Left to a parser:
        {"", ""},
        {"data\n\n", ""},
        {"data:", ""},
        {"data:\n\n", ""},
        {"data: \n\n", ""},
        {": ping\n\n", ""},
        {"event: x\ndata: a\n\n", ""},
        {"data: a\nevent: x\n\n", ""},
        {"data: a\ndata: b\n\n", ""},
        {"data: a\rdata: b\n\n", ""},
        {"\ndata: a\n\n", ""},
        {" data: a\n\n", ""},
        {"database: a\n\n", ""},
        {"Data: a\n\n", ""},
    };
    for (const auto& [block, data] : cases) {
        INFO(block);
        CHECK(simple_data(block) == data);
        if (!data.empty() && block.ends_with('\n')) {
            CHECK(events_of(block) == std::vector<std::string>{"|" + data});
        }
    }
}
