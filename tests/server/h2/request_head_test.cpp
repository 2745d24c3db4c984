#include "server/h2/request_head.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::server::h2::tests {
namespace {

using State = HeadVerdict::State;
using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kGood{{":method", "POST"},
                   {":scheme", "https"},
                   {":path", "/v1/x?a=b&c"},
                   {":authority", "here:443"}};

Fields with(Fields fields, const Fields& more) {
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
}
Fields changed(std::string_view name, std::string_view value) {
    Fields fields = kGood;
    for (auto& field : fields) {
        if (field.first == name) {
            field.second = value;
        }
    }
    return fields;
}
Fields without(std::string_view name) {
    Fields fields = kGood;
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    return fields;
}

struct Judged {
    HeadVerdict verdict;
    IncomingHead head;
    bool bearable = true;
};

Judged judge(const Fields& fields, const HeadLimits& limits = {}) {
    Judged judged;
    HeadBuilder builder(limits);
    builder.begin();
    for (const auto& [name, value] : fields) {
        judged.bearable = judged.bearable && builder.add(name, value);
    }
    judged.verdict = builder.finish(judged.head);
    return judged;
}

TEST_CASE("a good head has its parts, whose bytes are its own") {
    Judged judged;
    {
        const Fields fields = with(kGood, {{"content-type", "application/json"},
                                           {"content-length", "12"},
                                           {"x-empty", ""},
                                           {"te", "trailers"},
                                           {"expect", "100-Continue"}});
        judged = judge(fields);
    }
    REQUIRE(judged.verdict.state == State::accepted);
    const RequestHead& head = judged.head.head;
    CHECK(head.method == "POST");
    CHECK(head.target == "/v1/x?a=b&c");
    CHECK(head.path == "/v1/x");
    CHECK(head.query == "a=b&c");
    CHECK(head.host == "here:443");
    CHECK(head.fields.size() == 5);
    CHECK(head.find("Content-Type") == "application/json");
    CHECK(judged.head.content_length == 12U);
    CHECK(judged.head.expect_continue);
    CHECK_FALSE(judged.head.head_only);
}

TEST_CASE("heads that are accepted") {
    for (const Fields& fields :
         {kGood, with(without(":authority"), {{"host", "here"}}),
          with(kGood, {{"host", "HERE:443"}}), changed(":scheme", "HTTP"), changed(":path", "/"),
          changed(":method", "PURGE"), with(kGood, {{"cookie", "a=b"}, {"cookie", "c=d"}})}) {
        CHECK(judge(fields).verdict.state == State::accepted);
    }
    const Judged asterisk =
        judge({{":method", "OPTIONS"}, {":scheme", "http"}, {":path", "*"}, {":authority", "a"}});
    CHECK(asterisk.verdict.state == State::accepted);
    CHECK(judge(changed(":method", "HEAD")).head.head_only);
}

TEST_CASE("heads that are malformed") {
    const std::string nul("a\0b", 3);
    for (const Fields& fields : {
             without(":method"),
             without(":scheme"),
             without(":path"),
             changed(":method", ""),
             changed(":method", "G T"),
             changed(":path", ""),
             changed(":path", "v1"),
             changed(":path", "*"),
             changed(":path", "/a\r\nx: y"),
             changed(":path", nul),
             changed(":scheme", ""),
             changed(":authority", ""),
             changed(":authority", "u@a"),
             changed(":authority", "a b"),
             with(kGood, {{":method", "GET"}}),
             with(kGood, {{":path", "/"}}),
             with(kGood, {{":status", "200"}}),
             with(kGood, {{":x", "1"}}),
             with(kGood, {{"a", "b"}, {":protocol", "x"}}),
             with({{"a", "b"}}, kGood),
             with(kGood, {{"", "1"}}),
             with(kGood, {{"A", "1"}}),
             with(kGood, {{"a b", "1"}}),
             with(kGood, {{"a:b", "1"}}),
             with(kGood, {{"a", "1\r"}}),
             with(kGood, {{"a", "1\n2"}}),
             with(kGood, {{"a", nul}}),
             with(kGood, {{"a", " 1"}}),
             with(kGood, {{"a", "1\t"}}),
             with(kGood, {{"connection", "close"}}),
             with(kGood, {{"keep-alive", "1"}}),
             with(kGood, {{"proxy-connection", "x"}}),
             with(kGood, {{"transfer-encoding", "chunked"}}),
             with(kGood, {{"upgrade", "h2c"}}),
             with(kGood, {{"te", "gzip"}}),
             with(kGood, {{"host", "there"}}),
             with(kGood, {{"host", "here:443"}, {"host", "here:443"}}),
             with(kGood, {{"content-length", "1"}, {"content-length", "1"}}),
             with(kGood, {{"content-length", "-1"}}),
             with(kGood, {{"content-length", "1, 1"}}),
             with(kGood, {{"content-length", "99999999999999999999"}}),
             Fields{{":method", "CONNECT"}, {":scheme", "http"}, {":authority", "a:1"}},
         }) {
        const Judged judged = judge(fields);
        CHECK(judged.verdict.state == State::malformed);
        CHECK(judged.verdict.reason.ends_with('.'));
    }
}

TEST_CASE("heads that are understood and refused, each with its status") {
    const std::vector<std::pair<Fields, int>> cases{
        {{{":method", "CONNECT"}, {":authority", "a:1"}}, 400},
        {changed(":scheme", "ftp"), 400},
        {changed(":path", "/a|b"), 400},
        {without(":authority"), 400},
        {with(kGood, {{"expect", "magic"}}), 417},
        {with(kGood, {{"large", std::string(70'000, 'x')}}), 431},
        {with(kGood, Fields(129, {"a", "b"})), 431},
    };
    for (const auto& [fields, status] : cases) {
        const Judged judged = judge(fields);
        CHECK(judged.verdict.state == State::refused);
        CHECK(judged.verdict.status == status);
        CHECK(judged.bearable);
    }
}

TEST_CASE("malformed outweighs refused, and the size of what is missing counts") {
    CHECK(judge(with(changed(":scheme", "ftp"), {{"A", "1"}})).verdict.state == State::malformed);
    // Each field counts 32 bytes beyond its characters.
    HeadLimits limits;
    limits.list_bytes = 4 * 32 + 7 + 4 + 7 + 5 + 5 + 11 + 10 + 8;
    CHECK(judge(kGood, limits).verdict.state == State::accepted);
    --limits.list_bytes;
    CHECK(judge(kGood, limits).verdict.status == 431);
}

TEST_CASE("a head of many times the limit is not to be borne") {
    HeadLimits limits;
    limits.list_bytes = 1000;
    Fields fields = kGood;
    fields.insert(fields.end(), 200, {"a", "b"});
    CHECK_FALSE(judge(fields, limits).bearable);
}

TEST_CASE("trailers have fields and no pseudo-headers") {
    HeadBuilder builder({});
    builder.begin();
    CHECK(builder.add("x-trailer", "1"));
    CHECK(builder.finish_trailers().state == State::accepted);
    builder.begin();
    CHECK(builder.add(":path", "/"));
    CHECK(builder.finish_trailers().state == State::malformed);
    builder.begin();
    builder.reject();
    CHECK(builder.finish_trailers().state == State::malformed);
}

TEST_CASE("a builder forgets the block before") {
    HeadBuilder builder({});
    for (int i = 0; i < 3; ++i) {
        builder.begin();
        for (const auto& [name, value] :
             with(kGood, {{"large", std::string(i == 0 ? 70'000 : 3, 'x')}})) {
            CHECK(builder.add(name, value));
        }
        IncomingHead head;
        CHECK((builder.finish(head).state == State::accepted) == (i > 0));
        CHECK(head.head.fields.size() == (i > 0 ? 1 : 0));
    }
}

}  // namespace
}  // namespace tollgate::server::h2::tests
