#include "server/h1/chunked.hpp"

#include "tests/support/catch.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tollgate::server::h1::tests {
namespace {

enum class End { open, finished, failed };

struct Outcome {
    End end = End::open;
    std::string body;
    std::size_t consumed = 0;
    bool operator==(const Outcome&) const = default;
};

// Feeds pieces of the given sizes (the last one repeats), each from memory of its own.
Outcome decode(std::string_view bytes, std::size_t first, std::size_t step) {
    ChunkedDecoder decoder;
    Outcome outcome;
    for (std::size_t take = first; outcome.consumed < bytes.size(); take = step) {
        const auto piece = std::make_unique<std::string>(bytes.substr(outcome.consumed, take));
        std::size_t used = 0;
        while (used < piece->size() && !decoder.finished() && !decoder.failed()) {
            const ChunkedDecoder::Step done = decoder.feed(std::string_view(*piece).substr(used));
            REQUIRE(done.consumed > 0);
            REQUIRE(done.body.size() <= done.consumed);
            used += done.consumed;
            outcome.body.append(done.body);
        }
        outcome.consumed += used;
        if (decoder.finished() || decoder.failed()) {
            break;
        }
    }
    CHECK_FALSE((decoder.finished() && decoder.failed()));
    outcome.end = decoder.finished() ? End::finished : decoder.failed() ? End::failed : End::open;
    return outcome;
}

// Whole, byte by byte and split at each offset: always the same.
Outcome decode_every_way(std::string_view bytes) {
    const Outcome whole = decode(bytes, bytes.size() + 1, bytes.size() + 1);
    CHECK(decode(bytes, 1, 1) == whole);
    for (std::size_t at = 1; at < bytes.size(); ++at) {
        CHECK(decode(bytes, at, bytes.size()) == whole);
    }
    return whole;
}

TEST_CASE("chunks are laid end to end") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"0\r\n\r\n", ""},
        {"5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n", "abc"},
        {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"0a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"000000a\r\n0123456789\r\n000\r\n\r\n", "0123456789"},
        {"1F\r\n" + std::string(31, 'x') + "\r\n0\r\n\r\n", std::string(31, 'x')},
        {"1f\r\n" + std::string(31, 'x') + "\r\n0\r\n\r\n", std::string(31, 'x')},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
        {"5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"},
        {std::string("3\r\n\0\xff\n\r\n0\r\n\r\n", 13), std::string("\0\xff\n", 3)},
        {"5;a\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5;a=b;c=\"d;e\"\r\nhello\r\n0;last\r\n\r\n", "hello"},
        {"5; a = b\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5;\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5;\t\xc3\xa9\r\nhello\r\n0\r\n\r\n", "hello"},
        {"0\r\nX: y\r\n\r\n", ""},
        {"0\r\nX: y\r\nZ:\r\n\r\n", ""},
        {"0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
    };
    for (const auto& [bytes, body] : cases) {
        INFO(bytes);
        CHECK(decode_every_way(bytes) == Outcome{End::finished, body, bytes.size()});
        // What follows belongs to the next message.
        CHECK(decode(bytes + "GET /", 1000, 1000) == Outcome{End::finished, body, bytes.size()});
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            CHECK(decode(std::string_view(bytes).substr(0, size), 1000, 1000).end == End::open);
        }
    }
}

TEST_CASE("framing that peers could read differently is refused") {
    for (const std::string_view bytes : {
             "\r\n",
             "\n",
             " 5\r\nhello\r\n0\r\n\r\n",
             "5 \r\nhello\r\n0\r\n\r\n",
             "5\t\r\nhello\r\n0\r\n\r\n",
             "5 ;a\r\nhello\r\n0\r\n\r\n",
             "+5\r\nhello\r\n0\r\n\r\n",
             "-5\r\nhello\r\n0\r\n\r\n",
             "-0\r\n\r\n",
             "0x5\r\nhello\r\n0\r\n\r\n",
             "5h\r\nhello\r\n0\r\n\r\n",
             "g\r\nhello\r\n0\r\n\r\n",
             "5,5\r\nhello\r\n0\r\n\r\n",
             "5.\r\nhello\r\n0\r\n\r\n",
             ";a\r\n\r\n",
             "5\nhello\r\n0\r\n\r\n",
             "5\rhello\r\n0\r\n\r\n",
             "5\r\rhello",
             "5\r\nhello\n0\r\n\r\n",
             "5\r\nhello\r0\r\n\r\n",
             "5\r\nhello0\r\n\r\n",
             "5\r\nhello!\r\n0\r\n\r\n",
             "5\r\nhell\r\n0\r\n\r\n",
             "4\r\nhello\r\n0\r\n\r\n",
             "5;a\nhello\r\n0\r\n\r\n",
             "5;a\rb\r\nhello\r\n0\r\n\r\n",
             "5;a\x01\r\nhello\r\n0\r\n\r\n",
             "5;a\x7f\r\nhello\r\n0\r\n\r\n",
             "0\n\r\n",
             "0\n\n",
             "0\r\n\n",
             "0\r\n\rX",
             "0\r\nX: y\n\r\n",
             "0\r\nX: y\rZ: a\r\n\r\n",
             "0\r\n X: y\r\n\r\n",
             "0\r\n\tX: y\r\n\r\n",
             "0\r\nX: y\r\n z\r\n\r\n",
             "0\r\nX: \x1b\r\n\r\n",
             "0\r\n\x02\r\n\r\n",
             "\x80\r\n",
             "\xef\xbc\x95\r\nhello\r\n0\r\n\r\n",
             "10000000001\r\n",
             "ffffffffffffffff\r\n",
             "10000000000000000\r\n",
             "10000000000000005\r\nhello\r\n0\r\n\r\n",
             "fffffffffffffffffffffffffffffffffffffff5\r\nhello",
         }) {
        INFO(bytes);
        CHECK(decode_every_way(bytes).end == End::failed);
    }
    CHECK(decode_every_way(std::string_view("5\0\r\nhello\r\n", 11)).end == End::failed);
    CHECK(decode_every_way(std::string_view("0\r\nX\0: y\r\n\r\n", 13)).end == End::failed);
}

TEST_CASE("a decoder that failed or finished takes no more") {
    for (const std::string_view bytes : {"x", "0\r\n\r\n"}) {
        ChunkedDecoder decoder;
        static_cast<void>(decoder.feed(bytes));
        CHECK((decoder.finished() || decoder.failed()));
        const ChunkedDecoder::Step step = decoder.feed("5\r\nhello\r\n");
        CHECK(step.consumed == 0);
        CHECK(step.body.empty());
    }
}

TEST_CASE("a large chunk arrives in the pieces in which it is fed") {
    ChunkedDecoder decoder;
    CHECK(decoder.feed("10000000000\r\n").consumed == 13);  // 1 TiB, the largest size that is read
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 50; ++i) {
        const ChunkedDecoder::Step step = decoder.feed(piece);
        CHECK(step.consumed == piece.size());
        CHECK(step.body.data() == piece.data());  // not copied
        CHECK(step.body.size() == piece.size());
    }
    CHECK_FALSE(decoder.failed());
}

TEST_CASE("what is not body is bounded over the whole message") {
    constexpr std::size_t kEnough = 20'000;
    const std::string blank(kEnough, 'x');
    CHECK(decode("5;" + blank + "\r\nhello\r\n0\r\n\r\n", 999'999, 1).end == End::failed);
    CHECK(decode("0\r\nX: " + blank + "\r\n\r\n", 999'999, 1).end == End::failed);
    CHECK(decode(std::string(kEnough, '0') + "\r\n\r\n", 999'999, 1).end == End::failed);
    std::string many;
    for (std::size_t i = 0; i < kEnough / 10; ++i) {
        many += "1;0123456789\r\nx\r\n";
    }
    CHECK(decode(many, 999'999, 1).end == End::failed);
    std::string trailers = "0\r\n";
    for (std::size_t i = 0; i < kEnough / 4; ++i) {
        trailers += "X: y\r\n";
    }
    CHECK(decode(trailers, 999'999, 1).end == End::failed);
    std::string plain;  // small chunks by themselves are fine: a stream of tokens is nothing else
    for (std::size_t i = 0; i < kEnough; ++i) {
        plain += "10\r\n0123456789abcdef\r\n";
    }
    const Outcome outcome = decode(plain + "0\r\n\r\n", 999'999, 999'999);
    CHECK(outcome.end == End::finished);
    CHECK(outcome.body.size() == kEnough * 16);
}

}  // namespace
}  // namespace tollgate::server::h1::tests
