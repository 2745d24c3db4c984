#include "adapters/codec/aws_eventstream.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

using tollgate::codec::append_aws_frame;
using tollgate::codec::aws_event;
using tollgate::codec::aws_exception;
using tollgate::codec::AwsEventStreamParser;
using tollgate::codec::AwsFrame;
using tollgate::codec::AwsHeader;
using tollgate::codec::AwsHeaderType;

std::string unhex(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    }
    return bytes;
}

std::string describe(const AwsFrame& frame) {
    std::string text;
    for (const std::string_view part :
         {frame.message_type, frame.event_type, frame.exception_type, frame.content_type,
          frame.error_code, frame.error_message, frame.payload}) {
        text.append(part).push_back('|');
    }
    return text;
}

void drain(AwsEventStreamParser& parser, std::string_view bytes, std::vector<std::string>& frames) {
    // A copy that dies at once: a parser that kept a view would be caught by the address sanitizer.
    const std::string copy(bytes);
    parser.push(copy);
    AwsFrame frame;
    while (parser.next(frame)) {
        frames.push_back(describe(frame));
    }
}

std::vector<std::string> parse(const std::vector<std::string_view>& pushes) {
    AwsEventStreamParser parser;
    std::vector<std::string> frames;
    for (const std::string_view bytes : pushes) {
        drain(parser, bytes, frames);
    }
    if (!parser.failure().empty()) {
        frames.push_back("failure: " + std::string(parser.failure()));
    }
    if (parser.pending()) {
        frames.push_back("pending");
    }
    return frames;
}

constexpr std::string_view kDelta =
    "0000009f00000057c37babff0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a63"
    "6f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070005"
    "6576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a224869"
    "227d2c2270223a2261626364227df2ace5ff";
constexpr std::string_view kThrottled =
    "0000009c000000614b6144b60f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074"
    "696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74"
    "797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e792072657175657374732c2073"
    "6c6f7720646f776e2e227d18a37ca2";
constexpr std::string_view kChunk =
    "000000840000004bc04a51230b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d7479706507"
    "00106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b226279746573"
    "223a2265794a306558426c496a6f6963476c755a794a39222c2270223a226162227db16396a5";
constexpr std::string_view kPayloadPart =
    "0000009900000059ab8373580b3a6576656e742d7479706507000b5061796c6f6164506172740d3a636f6e74656e74"
    "2d747970650700186170706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d7479706507"
    "00056576656e74646174613a207b2263686f69636573223a5b7b2264656c7461223a7b22636f6e74656e74223a2248"
    "69227d7d5d7d0a0ac8427a8c";

struct Vector {
    std::string hex;
    std::string expected;
};

std::vector<Vector> known_answers() {
    return {
        {"000000100000000005c248eb7d98c8ff", "|||||||"},
        {"0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936", "||||||{'foo':'bar'}|"},
        {"0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
         "7b27666f6f273a27626172277d8d9c08b1",
         "||||||{'foo':'bar'}|"},
        {std::string(kDelta),
         R"(event|contentBlockDelta||application/json|||{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abcd"}|)"},
        {std::string(kThrottled),
         R"(exception||throttlingException|application/json|||{"message":"Too many requests, slow down."}|)"},
        {std::string(kChunk),
         R"(event|chunk||application/json|||{"bytes":"eyJ0eXBlIjoicGluZyJ9","p":"ab"}|)"},
        {std::string(kPayloadPart),
         "event|PayloadPart||application/octet-stream|||data: "
         "{\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n|"},
    };
}

TEST_CASE("reads the known frames") {
    for (const Vector& vector : known_answers()) {
        CAPTURE(vector.hex);
        const std::string bytes = unhex(vector.hex);
        CHECK(parse({bytes}) == std::vector<std::string>{vector.expected});
    }
}

TEST_CASE("writes the known frames byte for byte") {
    CHECK(aws_event("contentBlockDelta",
                    R"({"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abcd"})") ==
          unhex(kDelta));
    CHECK(aws_exception("throttlingException", R"({"message":"Too many requests, slow down."})") ==
          unhex(kThrottled));
    std::string empty;
    append_aws_frame(empty, {}, "");
    CHECK(empty == unhex("000000100000000005c248eb7d98c8ff"));
}

TEST_CASE("frames come out the same however the bytes are split") {
    std::string stream;
    std::vector<std::string> expected;
    for (const Vector& vector : known_answers()) {
        stream += unhex(vector.hex);
        expected.push_back(vector.expected);
    }
    SECTION("whole") {
        CHECK(parse({stream}) == expected);
    }
    SECTION("byte by byte") {
        std::vector<std::string_view> pushes;
        for (std::size_t i = 0; i < stream.size(); ++i) {
            pushes.push_back(std::string_view(stream).substr(i, 1));
        }
        CHECK(parse(pushes) == expected);
    }
    SECTION("split at each offset") {
        for (std::size_t at = 0; at <= stream.size(); ++at) {
            CAPTURE(at);
            const std::string_view all = stream;
            CHECK(parse({all.substr(0, at), all.substr(at)}) == expected);
        }
    }
}

TEST_CASE("a flipped bit anywhere is detected") {
    for (const std::string_view hex : {kDelta, kThrottled, kChunk}) {
        const std::string good = unhex(hex);
        for (std::size_t at = 0; at < good.size(); ++at) {
            for (unsigned bit = 0; bit < 8; ++bit) {
                CAPTURE(at, bit);
                std::string bad = good;
                bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
                const auto frames = parse({bad});
                REQUIRE(frames.size() == 1);
                REQUIRE(frames[0].starts_with("failure: the checksum of a frame"));
            }
        }
    }
}

TEST_CASE("nothing is read after a broken frame") {
    std::string bytes = unhex(kDelta);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    AwsEventStreamParser parser;
    std::vector<std::string> frames;
    drain(parser, bytes, frames);
    drain(parser, unhex(kDelta), frames);
    CHECK(frames.empty());
    CHECK(parser.failure() == "the checksum of a frame does not fit");
}

TEST_CASE("a cut stream is pending at every offset but the frame's ends") {
    const std::string bytes = unhex(kDelta);
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        CAPTURE(length);
        AwsEventStreamParser parser;
        std::vector<std::string> frames;
        drain(parser, std::string_view(bytes).substr(0, length), frames);
        CHECK(parser.pending() == (length != 0 && length != bytes.size()));
        CHECK(parser.failure().empty());
    }
}

std::string refusal_of(std::string_view bytes, std::size_t limit) {
    AwsEventStreamParser parser(limit);
    std::vector<std::string> frames;
    drain(parser, bytes, frames);
    CHECK(frames.empty());
    return std::string(parser.failure());
}

TEST_CASE("absurd lengths are refused by the prelude alone") {
    // Preludes with right checksums: total below the minimum, headers beyond the total, total of 4
    // GiB.
    CHECK(refusal_of(unhex("0000000f00000000e77248b8"), 1 << 20) ==
          "a frame's lengths contradict each other");
    CHECK(refusal_of(unhex("000000100000000172c5787d"), 1 << 20) ==
          "a frame's lengths contradict each other");
    std::string big;
    append_aws_frame(big, {}, std::string(2000, 'x'));
    CHECK(refusal_of(std::string_view(big).substr(0, 12), 1999) ==
          "a frame is larger than the limit");
    CHECK(refusal_of(std::string_view(big).substr(0, 12), 2016).empty());
}

TEST_CASE("header blocks beyond the protocol's limit are refused") {
    const std::string value(60'000, 'v');
    const std::vector<AwsHeader> three(3, AwsHeader{.name = "n", .value = value});
    std::string frame;
    append_aws_frame(frame, three, "");
    CHECK(refusal_of(frame, 1 << 20) == "a frame is larger than the limit");
}

TEST_CASE("headers of every type are skipped by their length") {
    const std::vector<AwsHeader> headers{
        {.name = "yes", .value = "", .type = AwsHeaderType::true_},
        {.name = "no", .value = "", .type = AwsHeaderType::false_},
        {.name = "i8", .value = "1", .type = AwsHeaderType::int8},
        {.name = "i16", .value = "12", .type = AwsHeaderType::int16},
        {.name = "i32", .value = "1234", .type = AwsHeaderType::int32},
        {.name = "i64", .value = "12345678", .type = AwsHeaderType::int64},
        {.name = ":event-type", .value = "not text", .type = AwsHeaderType::bytes},
        {.name = "when", .value = "12345678", .type = AwsHeaderType::timestamp},
        {.name = "id", .value = "0123456789abcdef", .type = AwsHeaderType::uuid},
        {.name = "x-unknown", .value = "whatever"},
        {.name = ":event-type", .value = "messageStop"},
    };
    std::string frame;
    append_aws_frame(frame, headers, "{}");
    CHECK(parse({frame}) == std::vector<std::string>{"|messageStop|||||{}|"});
}

TEST_CASE("a header type from the future hides what follows it, not the payload") {
    const std::vector<AwsHeader> headers{
        {.name = ":event-type", .value = "metadata"},
        {.name = "new", .value = "??", .type = static_cast<AwsHeaderType>(10)},
        {.name = ":content-type", .value = "application/json"},
    };
    std::string frame;
    append_aws_frame(frame, headers, "{}");
    CHECK(parse({frame}) == std::vector<std::string>{"|metadata|||||{}|"});
}

TEST_CASE("headers that run over their block break the stream") {
    // An int64 header with two bytes of value: the checksum is right, the layout is not.
    const std::vector<AwsHeader> headers{
        {.name = "n", .value = "12", .type = AwsHeaderType::int64}};
    std::string frame;
    append_aws_frame(frame, headers, "{}");
    CHECK(parse({frame}) ==
          std::vector<std::string>{"failure: a frame's headers run over their end"});
}

}  // namespace
