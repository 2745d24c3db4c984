#include "adapters/codec/content_coding.hpp"

#include "tests/adapters/codec/brotli_fixtures.hpp"
#include "tests/support/catch.hpp"

#include <zlib.h>
#include <zstd.h>

#include <vector>

using tollgate::FailureKind;
using tollgate::Result;
using tollgate::codec::ContentDecoder;
using namespace tollgate::codec::fixtures;

namespace {

constexpr std::size_t kAmple = 1 << 20;

std::string zlib_encode(std::string_view text, int window_bits, int flush = Z_FINISH) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(text.size() + 1024, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, flush);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}
std::string gzip(std::string_view text) {
    return zlib_encode(text, MAX_WBITS + 16);
}

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 5));
    return out;
}

struct Sample {
    std::string coding;
    std::string bytes;
};

std::vector<Sample> samples() {
    const std::string text = sample_text();
    return {
        {"gzip", gzip(text)},
        {"X-GZip", gzip(text)},
        {"deflate", zlib_encode(text, MAX_WBITS)},
        {"deflate", zlib_encode(text, -MAX_WBITS)},
        {"br", from_hex(kBrotliText)},
        {"zstd", zstd(text)},
        {"gzip, br", from_hex(kGzipThenBrotliText)},
        {"identity, gzip , zstd", zstd(gzip(text))},
    };
}

/// Feeds the pieces and ends; the decoded text, or the first failure.
Result<std::string> decode(std::string_view coding, const std::vector<std::string_view>& pieces,
                           std::size_t limit = kAmple) {
    const auto decoder = ContentDecoder::make(coding);
    REQUIRE(decoder != nullptr);
    std::string out;
    for (const std::string_view piece : pieces) {
        if (auto fed = decoder->feed(piece, out, limit); !fed) {
            return std::unexpected(fed.error());
        }
    }
    if (auto ended = decoder->end(); !ended) {
        return std::unexpected(ended.error());
    }
    return out;
}

bool is_text(const Result<std::string>& got) {
    return got.has_value() && *got == sample_text();
}

}  // namespace

TEST_CASE("content codings decode whole bodies") {
    for (const Sample& sample : samples()) {
        INFO(sample.coding);
        CHECK(is_text(decode(sample.coding, {sample.bytes})));
    }
}

TEST_CASE("content codings decode byte by byte") {
    for (const Sample& sample : samples()) {
        INFO(sample.coding);
        std::vector<std::string_view> pieces;
        for (std::size_t i = 0; i < sample.bytes.size(); ++i) {
            pieces.push_back(std::string_view(sample.bytes).substr(i, 1));
        }
        CHECK(is_text(decode(sample.coding, pieces)));
    }
}

TEST_CASE("content codings decode when split at any offset") {
    for (const Sample& sample : samples()) {
        for (std::size_t i = 0; i <= sample.bytes.size(); ++i) {
            const std::string_view all = sample.bytes;
            const auto got = decode(sample.coding, {all.substr(0, i), {}, all.substr(i)});
            if (!is_text(got)) {
                FAIL(sample.coding << " split at " << i);
            }
        }
    }
}

TEST_CASE("content codings notice truncation at any offset") {
    for (const Sample& sample : samples()) {
        for (std::size_t i = 0; i < sample.bytes.size(); ++i) {
            const auto got = decode(sample.coding, {std::string_view(sample.bytes).substr(0, i)});
            if (got.has_value() || got.error().kind != FailureKind::protocol_error) {
                FAIL(sample.coding << " cut at " << i);
            }
        }
    }
}

TEST_CASE("content codings refuse bytes after the end, in the same or a later piece") {
    for (const Sample& sample : samples()) {
        INFO(sample.coding);
        const std::string more = sample.bytes + "garbage";
        for (const auto& got :
             {decode(sample.coding, {more}), decode(sample.coding, {sample.bytes, "x"})}) {
            REQUIRE_FALSE(got.has_value());
            CHECK(got.error().kind == FailureKind::protocol_error);
        }
    }
}

TEST_CASE("content codings refuse garbage and stay failed") {
    for (const std::string coding : {"gzip", "deflate", "br", "zstd"}) {
        INFO(coding);
        const auto decoder = ContentDecoder::make(coding);
        std::string out;
        const auto fed = decoder->feed("\xff\xfe this was never compressed", out, kAmple);
        REQUIRE_FALSE(fed.has_value());
        CHECK(fed.error().kind == FailureKind::protocol_error);
        CHECK(fed.error().detail.find(coding) != std::string::npos);
        CHECK_FALSE(decoder->feed(gzip("good"), out, kAmple).has_value());
        CHECK_FALSE(decoder->end().has_value());
    }
}

TEST_CASE("a flipped byte in a gzip body is noticed by its checksum") {
    std::string bytes = gzip(sample_text());
    bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 0x20);
    CHECK_FALSE(decode("gzip", {bytes}).has_value());
}

TEST_CASE("gzip members and zstd frames may follow each other") {
    const auto members = decode("gzip", {gzip("one ") + gzip("") + gzip("two")});
    REQUIRE(members.has_value());
    CHECK(*members == "one two");
    const std::string joined = gzip("one ") + gzip("two");
    for (std::size_t i = 0; i <= joined.size(); ++i) {
        const std::string_view all = joined;
        const auto got = decode("gzip", {all.substr(0, i), all.substr(i)});
        if (!got.has_value() || *got != "one two") {
            FAIL("split at " << i);
        }
    }
    const auto frames = decode("zstd", {zstd("one ") + zstd("two")});
    REQUIRE(frames.has_value());
    CHECK(*frames == "one two");
}

TEST_CASE("an output of exactly the limit passes, one more byte does not") {
    const std::string text = sample_text();
    for (const Sample& sample : samples()) {
        if (sample.coding.find(',') != std::string::npos) {
            continue;  // what passes between stages is bounded too
        }
        INFO(sample.coding);
        CHECK(is_text(decode(sample.coding, {sample.bytes}, text.size())));
        const auto got = decode(sample.coding, {sample.bytes}, text.size() - 1);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().kind == FailureKind::too_large);
        CHECK(got.error().detail.find(std::to_string(text.size() - 1)) != std::string::npos);
    }
}

TEST_CASE("bombs of a gibibyte stop at the limit") {
    const std::string zeros(1 << 20, '\0');
    const std::string flushed = zlib_encode(zeros, MAX_WBITS + 16, Z_FULL_FLUSH);
    const std::string header = flushed.substr(0, 10);
    std::string gzip_bomb = header;
    std::string zstd_bomb;
    const std::string frame = zstd(zeros);
    for (int i = 0; i < 1024; ++i) {
        gzip_bomb += flushed.substr(10);
        zstd_bomb += frame;
    }
    const std::vector<Sample> bombs = {{"gzip", gzip_bomb},
                                       {"zstd", zstd_bomb},
                                       {"br", from_hex(kBrotliBomb)},
                                       {"gzip, gzip", gzip(gzip_bomb)},
                                       {"gzip, br, zstd", zstd(from_hex(kBrotliBomb))}};
    for (const Sample& bomb : bombs) {
        INFO(bomb.coding);
        const auto decoder = ContentDecoder::make(bomb.coding);
        std::string out;
        const auto fed = decoder->feed(bomb.bytes, out, 100'000);
        REQUIRE_FALSE(fed.has_value());
        CHECK((fed.error().kind == FailureKind::too_large || bomb.coding == "gzip, br, zstd"));
        CHECK(out.size() <= 100'000);
        CHECK(out.capacity() <= 300'000);
    }
}

TEST_CASE("a body that decodes to nothing for ever is stopped between the codings") {
    std::string members;
    const std::string empty_member = gzip("");
    for (int i = 0; i < 100'000; ++i) {
        members += empty_member;
    }
    const auto got = decode("gzip, zstd", {zstd(members)}, 100'000);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().kind == FailureKind::too_large);
}

TEST_CASE("identity passes bytes through within the limit") {
    for (const std::string_view coding : {"", "identity", "Identity, identity", " , "}) {
        const auto got = decode(coding, {"ab", "cd"});
        REQUIRE(got.has_value());
        CHECK(*got == "abcd");
        CHECK_FALSE(decode(coding, {"ab", "cd"}, 3).has_value());
    }
}

TEST_CASE("unknown codings and absurd lists have no decoder") {
    for (const std::string_view coding : {"compress", "gzip, sdch", "gzip;q=1", "gzip br",
                                          "aes128gcm", "gzip,gzip,gzip,gzip,gzip"}) {
        CHECK(ContentDecoder::make(coding) == nullptr);
    }
}
