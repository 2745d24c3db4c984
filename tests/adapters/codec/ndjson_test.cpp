#include "adapters/codec/ndjson.hpp"

#include "tests/support/catch.hpp"

#include <vector>

namespace {

using tollgate::codec::LineParser;
using Lines = std::vector<std::string>;

Lines parse(const std::vector<std::string_view>& pieces) {
    LineParser parser;
    Lines lines;
    std::string_view line;
    for (const std::string_view piece : pieces) {
        const std::vector<char> bytes(piece.begin(), piece.end());  // dies before the next push
        parser.push({bytes.data(), bytes.size()});
        while (parser.next(line)) {
            lines.emplace_back(line);
        }
    }
    if (parser.finish(line)) {
        lines.emplace_back(line);
    }
    CHECK_FALSE(parser.finish(line));
    return lines;
}

struct Case {
    std::string input;
    Lines lines;
};

}  // namespace

TEST_CASE("lines are the same fed whole, byte by byte and split anywhere", "[ndjson]") {
    const std::vector<Case> cases{
        {"{\"a\":1}\n{\"b\":2}\n", {"{\"a\":1}", "{\"b\":2}"}},
        {"{\"a\":1}\r\n{\"b\":2}\r\n", {"{\"a\":1}", "{\"b\":2}"}},
        {"\n\r\n\na\n\n\nb\r\n\r\n", {"a", "b"}},
        {"a\nb", {"a", "b"}},
        {"a\nb\r", {"a", "b"}},
        {"a\rb\n", {"a\rb"}},
        {"a\n\r", {"a"}},
        {"\xE4\xBD\xA0\n", {"\xE4\xBD\xA0"}},
        {"", {}},
    };
    for (const Case& c : cases) {
        INFO(c.input);
        const std::string_view input = c.input;
        CHECK(parse({input}) == c.lines);
        std::vector<std::string_view> bytes;
        for (std::size_t i = 0; i < input.size(); ++i) {
            bytes.push_back(input.substr(i, 1));
        }
        CHECK(parse(bytes) == c.lines);
        for (std::size_t i = 0; i <= input.size(); ++i) {
            INFO("split at " << i);
            CHECK(parse({input.substr(0, i), input.substr(i)}) == c.lines);
        }
    }
}

TEST_CASE("a whole line is viewed in place", "[ndjson]") {
    const std::string bytes = "abc\n";
    LineParser parser;
    parser.push(bytes);
    std::string_view line;
    REQUIRE(parser.next(line));
    CHECK(line.data() == bytes.data());
}

TEST_CASE("a line over the limit overflows and ends the parse", "[ndjson]") {
    LineParser parser(100);
    std::string_view line;
    for (int i = 0; i < 11; ++i) {
        CHECK_FALSE(parser.overflowed());
        parser.push("0123456789");
        CHECK_FALSE(parser.next(line));
    }
    CHECK(parser.overflowed());
    parser.push("\na\n");
    CHECK_FALSE(parser.next(line));
    CHECK_FALSE(parser.finish(line));
}
