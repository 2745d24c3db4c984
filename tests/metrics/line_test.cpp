#include "metrics/line.hpp"

#include "tests/metrics/flat_json.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <limits>
#include <memory>
#include <string>

using namespace tollgate::metrics;
using test::FlatJson;

namespace {

/// A line with one field in a buffer of exactly this size.
std::string line_of(std::string_view value, LogFormat format, std::size_t limit = kMaxValueBytes,
                    std::size_t room = kMaxLineBytes) {
    std::string memory(room, '\xAA');
    LineWriter line(memory, format);
    line.text("f", value, limit);
    memory.resize(line.finish());
    REQUIRE(memory.ends_with('\n'));
    memory.pop_back();
    return memory;
}

std::string json_value(std::string_view value) {
    const std::string line = line_of(value, LogFormat::json);
    INFO(line);
    const auto object = FlatJson::parse(line);
    REQUIRE(object);
    return object->at("f");
}

}  // namespace

TEST_CASE("values come back from JSON as they went in") {
    for (const std::string_view text : {"", "plain", "quote \" slash \\ / end", "line\nfeed\r\ttab",
                                        "\x1b[31mred\x1b[0m", "ü€😀", "\x7f", "a=b c",
                                        "\xc2\x9b"
                                        "31m",
                                        "\xe2\x80\xae"
                                        "abc",
                                        "\xe2\x80\xa8next"}) {
        CHECK(json_value(text) == text);
    }
    CHECK(json_value(std::string_view("a\0b", 3)) == std::string_view("a\0b", 3));
}

TEST_CASE("nothing that a terminal acts on stands in a line") {
    for (const LogFormat format : {LogFormat::json, LogFormat::text}) {
        for (unsigned c = 0; c < 256; ++c) {
            const std::string text{'a', static_cast<char>(c), 'b'};
            const std::string line = line_of(text, format);
            CHECK(is_utf8(line));
            for (const char out : line) {
                CHECK((static_cast<unsigned char>(out) >= 0x20 && out != 0x7F));
            }
        }
        CHECK(line_of("\xc2\x9b", format).find('\x9b') == std::string::npos);
        CHECK(line_of("\xe2\x80\xae", format).find("\\u202e") != std::string::npos);
        CHECK(line_of("\xe2\x80\xa9", format).find("\\u2029") != std::string::npos);
        CHECK(line_of("\xef\xbb\xbf", format).find("\\ufeff") != std::string::npos);
    }
}

TEST_CASE("every byte is judged alike at every place of a value") {
    for (std::size_t place = 0; place < 20; ++place) {
        for (unsigned c = 0; c < 256; ++c) {
            std::string text(20, 'a');
            text[place] = static_cast<char>(c);
            const std::string line = line_of(text, LogFormat::json);
            const auto byte = static_cast<unsigned char>(c);
            const bool as_is = byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
            CHECK((line == "{\"f\":\"" + text + "\"}") == as_is);
            CHECK(FlatJson::parse(line));
        }
    }
}

TEST_CASE("bytes that are not UTF-8 are replaced one by one") {
    const std::string bad = "\xEF\xBF\xBD";
    CHECK(json_value("a\xFF"
                     "b") == "a" + bad + "b");
    CHECK(json_value("\xC0\xAF") == bad + bad);                      // overlong
    CHECK(json_value("\xED\xA0\x80") == bad + bad + bad);            // surrogate
    CHECK(json_value("\xF4\x90\x80\x80") == bad + bad + bad + bad);  // above U+10FFFF
    CHECK(json_value("\xE2\x82") == bad + bad);                      // cut off
    CHECK(json_value("\xE2\x82"
                     "x") == bad + bad + "x");
    CHECK(json_value("\x80") == bad);
}

TEST_CASE("text values are quoted only where needed, and cannot forge a field") {
    CHECK(line_of("plain-1.2:/x", LogFormat::text) == "f=plain-1.2:/x");
    CHECK(line_of("", LogFormat::text) == "f=\"\"");
    CHECK(line_of("a b", LogFormat::text) == "f=\"a b\"");
    CHECK(line_of("x level=error", LogFormat::text) == "f=\"x level=error\"");
    CHECK(line_of("x\" y=\"z", LogFormat::text) == "f=\"x\\\" y=\\\"z\"");
    CHECK(line_of("x\nts=1", LogFormat::text) == "f=\"x\\nts=1\"");
}

TEST_CASE("long values are cut between characters") {
    CHECK(line_of("abcdef", LogFormat::json, 6) == R"({"f":"abcdef"})");
    CHECK(line_of("abcdefg", LogFormat::json, 6) == R"({"f":"abcdef..."})");
    CHECK(line_of("abcdefg", LogFormat::text, 6) == "f=abcdef...");
    const std::string text = "ab😀cd€";
    for (std::size_t limit = 0; limit <= text.size(); ++limit) {
        const std::string line = line_of(text, LogFormat::json, limit);
        INFO(line);
        REQUIRE(FlatJson::parse(line));
        CHECK(line.find("\xEF\xBF\xBD") == std::string::npos);
    }
}

TEST_CASE("numbers are written exactly") {
    std::array<char, 1024> memory;
    LineWriter line(memory, LogFormat::json);
    line.number("max", std::numeric_limits<std::uint64_t>::max());
    line.number("min", std::numeric_limits<std::int64_t>::min());
    line.number("half", 0.5);
    line.number("nan", std::numeric_limits<double>::quiet_NaN());
    line.thousandths("us", 1234567);
    line.thousandths("small", 7);
    line.thousandths("zero", 0);
    line.boolean("yes", true);
    const std::size_t length = line.finish();
    CHECK(std::string(memory.data(), length) ==
          "{\"max\":18446744073709551615,\"min\":-9223372036854775808,\"half\":0.5,\"nan\":null,"
          "\"us\":1234.567,\"small\":0.007,\"zero\":0.000,\"yes\":true}\n");
}

TEST_CASE("a line that runs out of room at any byte stays whole and says so") {
    for (const LogFormat format : {LogFormat::json, LogFormat::text}) {
        bool was_cut = false;
        bool was_whole = false;
        for (std::size_t room = 64; room < 220; ++room) {
            const auto memory = std::make_unique<char[]>(room);  // an overrun is an ASan error
            LineWriter line({memory.get(), room}, format);
            line.text("first", "1234567890");
            line.number("n", std::uint64_t{12345678901234});
            line.text("second", "\x01\x02\x03\xFF\"\\");
            line.thousandths("t", 123456);
            line.boolean("b", false);
            line.text("third", "abc def");
            const std::string text(memory.get(), line.finish());
            INFO(room << ": " << text);
            REQUIRE(text.ends_with('\n'));
            const bool cut = text.find("truncated") != std::string::npos;
            was_cut = was_cut || cut;
            was_whole = was_whole || !cut;
            CHECK(cut == (text.find("third") == std::string::npos));
            if (format == LogFormat::json) {
                CHECK(FlatJson::parse(text.substr(0, text.size() - 1)));
            }
        }
        CHECK(was_cut);
        CHECK(was_whole);
    }
}

TEST_CASE("a first field that does not fit leaves a valid line") {
    CHECK(line_of(std::string(100, 'x'), LogFormat::json, 200, 64) == R"({"truncated":true})");
    CHECK(line_of(std::string(100, 'x'), LogFormat::text, 200, 64) == "truncated=true");
}
