#include "adapters/codec/json.hpp"

#include "tests/support/catch.hpp"

#include <cstring>
#include <limits>
#include <memory>
#include <vector>

using namespace tollgate;
using json::Document;
using json::Kind;
using json::Writer;

namespace {

/// Bytes in an allocation of exactly their size, so that AddressSanitizer sees a read beyond them.
class Exact {
public:
    explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
        std::memcpy(bytes_.get(), text.data(), size_);
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

bool parses(std::string_view text, const json::Limits& limits = {}) {
    const Exact exact(text);
    return Document::parse(exact.view(), limits).has_value();
}

std::string problem(std::string_view text, const json::Limits& limits = {}) {
    const Exact exact(text);
    const auto document = Document::parse(exact.view(), limits);
    if (document) {
        return "none";
    }
    CHECK(document.error().kind == FailureKind::protocol_error);
    return document.error().detail;
}

/// Writes a value again through the Writer, unescaping and escaping every string on the way.
void rewrite(Writer& writer, json::Value value) {
    switch (value.kind()) {
        case Kind::object:
            writer.begin_object();
            for (const json::Value member : value) {
                writer.key(member.key());
                rewrite(writer, member);
            }
            writer.end_object();
            break;
        case Kind::array:
            writer.begin_array();
            for (const json::Value element : value) {
                rewrite(writer, element);
            }
            writer.end_array();
            break;
        case Kind::string:
            writer.string(value.string());
            break;
        default:
            writer.raw(value.raw());
    }
}

std::string rewritten(std::string_view text) {
    const auto document = Document::parse(text);
    REQUIRE(document);
    std::string out;
    Writer writer(out);
    rewrite(writer, document->root());
    return out;
}

}  // namespace

TEST_CASE("reads every kind of value", "[json]") {
    const std::string text =
        R"( {"s":"hé\n","i":-42,"d":2.5,"t":true,"f":false,"n":null,"a":[1,[2],{"x":3}],"o":{"k":"v"},"e":[],"z":{}} )";
    const auto document = Document::parse(text);
    REQUIRE(document);
    const json::Value root = document->root();
    CHECK(root.is_object());
    CHECK(root.size() == 10);
    CHECK(root["s"].is_string());
    CHECK(root["s"].string() == "hé\n");
    CHECK(root["s"].raw() == R"("hé\n")");
    CHECK(root["s"].key() == "s");
    CHECK(root["i"].integer() == -42);
    CHECK(root["i"].count() == 0);
    CHECK(root["d"].number() == 2.5);
    CHECK_FALSE(root["d"].integer());
    CHECK(root["t"].boolean());
    CHECK_FALSE(root["f"].boolean(true));
    CHECK(root["n"].is_null());
    CHECK(root["n"].exists());
    CHECK(root["a"].size() == 3);
    CHECK(root["a"][0].integer() == 1);
    CHECK(root["a"][1][0].integer() == 2);
    CHECK(root["a"][2]["x"].integer() == 3);
    CHECK(root["a"].raw() == R"([1,[2],{"x":3}])");
    CHECK(root["o"]["k"].string() == "v");
    CHECK(root["e"].is_array());
    CHECK(root["e"].size() == 0);
    CHECK(root["e"].begin() == root["e"].end());
    CHECK(root["z"].is_object());
    CHECK((*document)["o"].raw() == R"({"k":"v"})");
}

TEST_CASE("gives defaults for what is missing or of another kind", "[json]") {
    const auto document = Document::parse(R"({"a":[1],"s":"x","n":null})");
    REQUIRE(document);
    const json::Value root = document->root();
    CHECK(root["nope"].kind() == Kind::missing);
    CHECK_FALSE(root["nope"].exists());
    CHECK(root["nope"]["deeper"][3]["still"].string("default") == "default");
    CHECK(root["a"]["key"].kind() == Kind::missing);
    CHECK(root["a"][1].kind() == Kind::missing);
    CHECK(root["s"][0].kind() == Kind::missing);
    CHECK(root["s"].size() == 0);
    CHECK(root["s"].begin() == root["s"].end());
    CHECK_FALSE(root["s"].integer());
    CHECK_FALSE(root["s"].number());
    CHECK(root["n"].string("d") == "d");
    CHECK(root["a"].boolean(true));
    CHECK(json::Value().raw().empty());
    CHECK(json::Value().key().empty());
    CHECK(json::Value().begin() == json::Value().end());
    CHECK(Document().root().kind() == Kind::missing);
}

TEST_CASE("iterates children in source order and finds the last of equal names", "[json]") {
    const auto document = Document::parse(R"({"b":1,"a":[[],{},"x"],"b":2})");
    REQUIRE(document);
    std::string keys;
    for (const json::Value member : document->root()) {
        keys += member.key();
    }
    CHECK(keys == "bab");
    CHECK((*document)["b"].integer() == 2);
    std::vector<Kind> kinds;
    for (const json::Value element : (*document)["a"]) {
        kinds.push_back(element.kind());
    }
    CHECK(kinds == std::vector{Kind::array, Kind::object, Kind::string});
}

TEST_CASE("keeps the digits of numbers and converts only what fits", "[json]") {
    struct Row {
        std::string_view text;
        std::optional<std::int64_t> integer;
        std::optional<double> number;
        std::uint64_t count;
    };
    const Row rows[] = {
        {"0", 0, 0.0, 0},
        {"-0", 0, -0.0, 0},
        {"3.0", 3, 3.0, 3},
        {"3e0", 3, 3.0, 3},
        {"30E-1", 3, 3.0, 3},
        {"3.5", std::nullopt, 3.5, 0},
        {"-7", -7, -7.0, 0},
        {"9223372036854775807", std::numeric_limits<std::int64_t>::max(), 9223372036854775807.0,
         9223372036854775807U},
        {"-9223372036854775808", std::numeric_limits<std::int64_t>::min(), -9223372036854775808.0,
         0},
        {"9223372036854775808", std::nullopt, 9223372036854775808.0, 0},
        {"1e18", 1000000000000000000, 1e18, 1000000000000000000U},
        {"1e300", std::nullopt, 1e300, 0},
        {"1e999", std::nullopt, std::nullopt, 0},
        {"123456789012345678901234567890", std::nullopt, 123456789012345678901234567890.0, 0},
        {"0.1000000000000000055511151231257827", std::nullopt, 0.1, 0},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const auto document = Document::parse(row.text);
        REQUIRE(document);
        CHECK(document->root().is_number());
        CHECK(document->root().raw() == row.text);
        CHECK(document->root().integer() == row.integer);
        CHECK(document->root().number() == row.number);
        CHECK(document->root().count() == row.count);
    }
}

TEST_CASE("unescapes strings and member names", "[json]") {
    struct Row {
        std::string_view text;
        std::string_view expected;
    };
    const Row rows[] = {
        {R"("")", ""},
        {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
        {R"("\u0041\u00e9\u20AC")", "Aé€"},
        {R"("\ud83d\ude00!")", "😀!"},
        {R"("\uD83D")", "\uFFFD"},
        {R"("\uD83Dx")", "\uFFFDx"},
        {R"("\uDE00\uD83D")", "\uFFFD\uFFFD"},
        {R"("\uD83D\uD83D\uDE00")", "\uFFFD😀"},
        {R"("\uD83D\n")", "\uFFFD\n"},
        {R"("\uffff")", "\uFFFF"},
        {R"("tail\\")", "tail\\"},
        {R"("日本語")", "日本語"},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const auto document = Document::parse(row.text);
        REQUIRE(document);
        CHECK(document->root().string() == row.expected);
        const std::string object = "{" + std::string(row.text) + ":1}";
        const auto named = Document::parse(object);
        REQUIRE(named);
        CHECK((*named)[row.expected].integer() == 1);
    }
    const auto nul = Document::parse(R"("a\u0000b")");
    REQUIRE(nul);
    CHECK(nul->root().string() == std::string_view("a\0b", 3));
}

TEST_CASE("refuses what is not JSON, whole", "[json]") {
    const std::string_view bad[] = {
        "",
        " ",
        "\n\t ",
        "{",
        "}",
        "[",
        "]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\"::1}",
        "{1:2}",
        "{\"a\":1]",
        "[1}",
        "1 2",
        "{} {}",
        "[] x",
        "true false",
        "tru",
        "truee",
        "nul",
        "nulll",
        "falsy",
        "TRUE",
        "None",
        "NaN",
        "Infinity",
        "-Infinity",
        "undefined",
        "01",
        "-",
        "-01",
        "+1",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "--1",
        "1-",
        "1.2.3",
        "\"",
        "\"abc",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\uD83\"",
        "\"\\",
        "\"a\"b",
        "123\"abc\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\x01\"",
        "/* c */ 1",
        "// c\n1",
        "[1]]",
        "{}}",
        "\"a\"\"b\"",
        "[\"a\"\"b\"]",
        "[true\"a\"]",
        "\f1",
        "1\f",
        "\x1a",
        "[1\x1a 2]",
        "\xEF\xBB\xBF{}",
        "\xC2\xA0{}",
        ":",
        ",",
        "{\"a\":1:2}",
        "[1:2]",
        "\\",
        "[\\n]",
        "{\"a\\q\":1}",
    };
    for (const std::string_view text : bad) {
        INFO("text: " << text);
        CHECK_FALSE(parses(text));
    }
    CHECK_FALSE(parses(std::string_view("\0", 1)));
    CHECK_FALSE(parses(std::string_view("\"a\0b\"", 5)));
    CHECK_FALSE(parses(std::string_view("[1\0]", 4)));
    CHECK_FALSE(parses(std::string_view("1\0", 2)));
}

TEST_CASE("refuses invalid UTF-8 anywhere and accepts every valid form", "[json]") {
    const std::string_view bad[] = {"\x80",
                                    "\xBF",
                                    "\xC0\xAF",
                                    "\xC1\xBF",
                                    "\xC3",
                                    "\xE0\x80\x80",
                                    "\xE2\x82",
                                    "\xED\xA0\x80",
                                    "\xF0\x80\x80\x80",
                                    "\xF0\x9F\x98",
                                    "\xF4\x90\x80\x80",
                                    "\xF5\x80\x80\x80",
                                    "\xFF",
                                    "\xFE",
                                    "\xE2\x28\xA1"};
    for (const std::string_view sequence : bad) {
        for (const std::size_t filler : {0U, 1U, 30U, 61U, 62U, 63U, 64U, 200U}) {
            const std::string padding(filler, 'x');
            CHECK_FALSE(parses("\"" + padding + std::string(sequence) + "\""));
            CHECK_FALSE(parses("{\"" + padding + std::string(sequence) + "\":1}"));
            CHECK_FALSE(parses("[" + std::string(filler, ' ') + std::string(sequence) + "]"));
        }
    }
    CHECK(
        parses("\"\xC2\x80 \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xF0\x90\x80\x80 "
               "\xF4\x8F\xBF\xBF \x7F\""));
}

TEST_CASE("names the place and the cause of a problem", "[json]") {
    CHECK(problem("[1,") == "JSON: the text ends where a value should stand at byte 3");
    CHECK(problem(R"({"a":1 "b":2})") == "JSON: a comma or } should stand here at byte 7");
    CHECK(problem("{} x") == "JSON: something follows the end of the value at byte 3");
    CHECK(problem("[01]") == "JSON: malformed number at byte 1");
    CHECK(problem("\"abc") == "JSON: a string is not closed that begins at byte 0");
    CHECK(problem("[\"a\nb\"]") ==
          "JSON: a control character inside a string must be escaped at byte 3");
    CHECK(problem(std::string_view("[\"a\0b\"]", 7)) ==
          "JSON: a NUL byte inside a string at byte 3");
    CHECK(problem("[\"abc\xFF\"]") == "JSON: invalid UTF-8 at byte 5");
    CHECK(problem(R"(["ab\q"])") == "JSON: an unknown escape inside a string at byte 4");
    CHECK(problem("[nul]") ==
          "JSON: unknown word; only true, false and null may stand without quotes at byte 1");
    CHECK(problem("  ") == "JSON: the text is empty at byte 0");
}

TEST_CASE("enforces the nesting and node limits exactly", "[json]") {
    const auto nested = [](std::size_t depth, bool objects) {
        std::string text;
        for (std::size_t i = 0; i < depth; ++i) {
            text += objects ? "{\"a\":" : "[";
        }
        text += "1";
        for (std::size_t i = 0; i < depth; ++i) {
            text += objects ? "}" : "]";
        }
        return text;
    };
    for (const bool objects : {false, true}) {
        CHECK(parses(nested(64, objects)));
        CHECK_FALSE(parses(nested(65, objects)));
        CHECK(parses(nested(3, objects), {.depth = 3}));
        CHECK_FALSE(parses(nested(4, objects), {.depth = 3}));
        CHECK_FALSE(parses(nested(100'000, objects), {.depth = 1'000'000}));
    }
    CHECK(parses("[[[]]]", {.depth = 3}));
    CHECK_FALSE(parses("[[[]]]", {.depth = 2}));
    CHECK_FALSE(parses(std::string(200'000, '[')));
    CHECK(problem("[[[[1]]]]", {.depth = 3}) ==
          "JSON: arrays and objects are nested deeper than the limit at byte 3 (limit 3)");
    CHECK(parses("[1,2,3]", {.nodes = 4}));
    CHECK_FALSE(parses("[1,2,3,4]", {.nodes = 4}));
    CHECK(problem("[1,[2],3]", {.nodes = 3}) ==
          "JSON: more values than the limit allows, counted at byte 4 (limit 3)");
    CHECK(parses("1", {.depth = 0}));
    CHECK_FALSE(parses("[]", {.depth = 0}));
}

TEST_CASE("refuses a document cut at any offset, and reads nothing behind it", "[json]") {
    const std::string text =
        R"({"id":"c-1","choices":[{"index":0,"delta":{"content":"h\u00e9\ud83d\ude00\n 日本"},"x":null}],"n":-1.5e+3,"ok":[true,false,{}]})";
    REQUIRE(parses(text));
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        INFO("cut at " << cut);
        CHECK_FALSE(parses(std::string_view(text).substr(0, cut)));
    }
    for (std::size_t start = 1; start < text.size(); ++start) {
        (void)parses(std::string_view(text).substr(start));
    }
}

TEST_CASE("survives any single changed byte", "[json]") {
    const std::string text = R"([{"a":"b\n","c":[1.5e3,true,null]},"日\u00e9"])";
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string changed = text;
            changed[at] = static_cast<char>(byte);
            const Exact exact(changed);
            const auto document = Document::parse(exact.view());
            if (document) {
                std::string again;
                Writer writer(again);
                rewrite(writer, document->root());
                CHECK(parses(again));
            }
        }
    }
}

TEST_CASE("a moved document keeps its values", "[json]") {
    const std::string text = R"({"a":"x\ny"})";
    auto first = Document::parse(text);
    REQUIRE(first);
    const Document second = std::move(*first);
    CHECK(second["a"].string() == "x\ny");
}

TEST_CASE("two documents alive at once do not disturb each other", "[json]") {
    const auto one = Document::parse(R"({"a":["x\t1",1]})");
    const auto two = Document::parse(R"({"a":["y\t2",2]})");
    REQUIRE(one);
    REQUIRE(two);
    CHECK((*one)["a"][0].string() == "x\t1");
    CHECK((*two)["a"][0].string() == "y\t2");
}

TEST_CASE("a huge document is read and the next small one too", "[json]") {
    std::string text = "[";
    for (int i = 0; i < 300'000; ++i) {
        text += "{\"k\":\"v\"},";
    }
    text += std::string(6 * 1024 * 1024, ' ') + "1]";
    const auto document = Document::parse(text);
    REQUIRE(document);
    CHECK(document->root().size() == 300'001);
    CHECK(parses("{}"));
}

TEST_CASE("writes commas, colons and every kind of value", "[json]") {
    std::string out;
    Writer writer(out);
    writer.begin_object()
        .member("a", "x\"y")
        .key("b")
        .begin_array()
        .integer(-1)
        .count(18446744073709551615U)
        .boolean(true)
        .null()
        .string("s")
        .begin_object()
        .end_object()
        .begin_array()
        .end_array()
        .raw("1.50")
        .end_array()
        .member_raw("c", "{\"d\":1}")
        .member_count("e", 7)
        .key("f")
        .boolean(false)
        .end_object();
    CHECK(
        out ==
        R"({"a":"x\"y","b":[-1,18446744073709551615,true,null,"s",{},[],1.50],"c":{"d":1},"e":7,"f":false})");
    CHECK(parses(out));
}

TEST_CASE("escapes what must be escaped and nothing else", "[json]") {
    std::string all;
    for (int byte = 0; byte < 128; ++byte) {
        all.push_back(static_cast<char>(byte));
    }
    all += "é€😀";
    for (std::size_t shift = 0; shift < 9; ++shift) {
        const std::string text = std::string(shift, 'a') + all;
        std::string out;
        json::append_string(out, text);
        const auto document = Document::parse(out);
        REQUIRE(document);
        CHECK(document->root().string() == text);
    }
    std::string out;
    json::append_escaped(out, "a/b\x7F<é>\x1F\n");
    CHECK(out == "a/b\x7F<é>\\u001f\\n");
}

TEST_CASE("replaces invalid UTF-8 when writing", "[json]") {
    struct Row {
        std::string_view text;
        std::string_view expected;
    };
    const Row rows[] = {
        {"\xFF", "\uFFFD"},
        {"a\x80z", "a\uFFFDz"},
        {"abcdefgh\xC3", "abcdefgh\uFFFD"},
        {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
        {"é\xE2\x82", "é\uFFFD\uFFFD"},
        {"\xF0\x9F\x98\x80\xFE!", "😀\uFFFD!"},
    };
    for (const Row& row : rows) {
        std::string out;
        json::append_escaped(out, row.text);
        CHECK(out == row.expected);
    }
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
            std::string out;
            json::append_string(out, {bytes, 2});
            CHECK(parses(out));
        }
    }
}

TEST_CASE("a round trip through reader and writer changes nothing that matters", "[json]") {
    const std::string_view texts[] = {
        R"({"a":[1,2.50,-3e-7,{"b":"c\\d\"e"}],"":"","é":"日本\n","t":[true,false,null,[],{}]})",
        R"([[[[[]]]]])",
        R"("x")",
        "12345678901234567890.123",
    };
    for (const std::string_view text : texts) {
        CHECK(rewritten(text) == text);
        const std::string once = rewritten(text);
        CHECK(rewritten(once) == once);
    }
    CHECK(rewritten(" { \"a\" :\r\n[ 1 ,\t2 ] } ") == R"({"a":[1,2]})");
}
