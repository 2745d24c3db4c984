#include "adapters/request.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace tollgate;
using adapters::Operation;
using adapters::Request;

namespace {

constexpr std::size_t kDepth = 64;

/// A body followed by the slack that peek() may read.
class Body {
public:
    explicit Body(std::string_view text) : bytes_(text), size_(text.size()) {
        bytes_.append(adapters::kBodySlack, '\0');
    }
    [[nodiscard]] std::string_view view() const {
        return std::string_view(bytes_).substr(0, size_);
    }

private:
    std::string bytes_;
    std::size_t size_;
};

struct Refusal {
    Operation operation;
    std::string_view body;
    std::string_view param;
    std::string_view says;
};

std::string nested(std::size_t depth) {
    return R"({"model":"m","messages":[{}],"x":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}";
}

}  // namespace

TEST_CASE("finds what matters in a request without copying it", "[request]") {
    const Body body(
        R"( {"model" : "gpt-4o", "messages":[{"role":"user","content":"hi"}],"x_unknown":{"a":[1]},
            "stream":true,"stream_options":{"include_usage":true},"max_tokens":10,"max_completion_tokens":20} )");
    const auto request = Request::peek(Operation::chat, body.view(), kDepth);
    REQUIRE(request);
    CHECK(request->operation == Operation::chat);
    CHECK(request->model == "gpt-4o");
    CHECK(request->model.data() >= body.view().data());
    CHECK(request->model.data() < body.view().data() + body.view().size());
    CHECK(request->stream);
    CHECK(request->include_usage);
    CHECK(request->max_output == 20);
    REQUIRE(request->members.size() == 7);
    const std::vector<std::pair<std::string_view, std::string_view>> expected = {
        {"model", R"("gpt-4o")"},
        {"messages", R"([{"role":"user","content":"hi"}])"},
        {"x_unknown", R"({"a":[1]})"},
        {"stream", "true"},
        {"stream_options", R"({"include_usage":true})"},
        {"max_tokens", "10"},
        {"max_completion_tokens", "20"},
    };
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const adapters::Member& member = request->members[i];
        CHECK(member.key == expected[i].first);
        CHECK(request->raw(member) == expected[i].second);
        CHECK(body.view().substr(member.key_range.begin, member.key_range.size()) ==
              "\"" + std::string(expected[i].first) + "\"");
        CHECK(request->find(member.key) == &member);
    }
    CHECK(request->find("nothing") == nullptr);
}

TEST_CASE("accepts every usual form of a request", "[request]") {
    struct Row {
        Operation operation;
        std::string_view body;
        bool stream;
        bool include_usage;
        std::optional<std::uint64_t> max_output;
    };
    const Row rows[] = {
        {Operation::chat, R"({"model":"m","messages":[{}]})", false, false, {}},
        {Operation::chat, R"({"model":"m","messages":[{}],"stream":false})", false, false, {}},
        {Operation::chat,
         R"({"model":"m","messages":[{}],"stream":null,"stream_options":null,"max_tokens":null})",
         false,
         false,
         {}},
        {Operation::chat,
         R"({"model":"m","messages":[{}],"stream":true,"stream_options":{}})",
         true,
         false,
         {}},
        {Operation::chat,
         R"({"model":"m","messages":[{}],"stream":true,"stream_options":{"include_usage":false}})",
         true,
         false,
         {}},
        {Operation::chat,
         R"({"model":"m","messages":[{}],"stream_options":{"x":1,"include_usage":null}})",
         false,
         false,
         {}},
        {Operation::chat,
         R"({"model":"m","messages":[{}],"stream":true,"stream_options":{"a":{"include_usage":false},"include_usage":true}})",
         true,
         true,
         {}},
        {Operation::chat,
         R"({"model":"m","messages":[{}],"other":{"include_usage":true}})",
         false,
         false,
         {}},
        {Operation::chat, R"({"model":"m","messages":[{},{},{}],"max_tokens":1})", false, false, 1},
        {Operation::chat, R"({"model":"m","messages":[{}],"max_tokens":4294967295})", false, false,
         4294967295U},
        {Operation::chat,
         R"({"model":"m","messages":[{"content":[[1],2,"x"]}],"max_completion_tokens":7})", false,
         false, 7},
        {Operation::completions, R"({"model":"m","prompt":""})", false, false, {}},
        {Operation::completions,
         R"({"model":"m","prompt":["a","b"],"stream":true})",
         true,
         false,
         {}},
        {Operation::completions, R"({"model":"m","prompt":[1,2]})", false, false, {}},
        {Operation::embeddings, R"({"model":"m","input":"x"})", false, false, {}},
        {Operation::embeddings, R"({"model":"m","input":[[1,2],[3]]})", false, false, {}},
    };
    for (const Row& row : rows) {
        INFO(row.body);
        const Body body(row.body);
        const auto request = Request::peek(row.operation, body.view(), kDepth);
        REQUIRE(request);
        CHECK(request->model == "m");
        CHECK(request->stream == row.stream);
        CHECK(request->include_usage == row.include_usage);
        CHECK(request->max_output == row.max_output);
    }
}

TEST_CASE("unescapes the model name and keeps it when the request is copied or moved",
          "[request]") {
    const Body body(R"({"model":"a\/b\u00e9","messages":[{}]})");
    auto request = Request::peek(Operation::chat, body.view(), kDepth);
    REQUIRE(request);
    CHECK(request->model == "a/bé");
    Request moved = std::move(*request);
    const Request copy = moved;
    CHECK(moved.model == "a/bé");
    moved = Request{};
    CHECK(copy.model == "a/bé");
}

TEST_CASE("refuses a bad request and names the field and the way out", "[request]") {
    constexpr auto kChat = Operation::chat;
    const Refusal rows[] = {
        {kChat, "", "", "body is empty; send a JSON object"},
        {kChat, " \r\n", "", "body is empty"},
        {kChat, "[]", "", "not an object"},
        {kChat, "\"x\"", "", "not an object"},
        {kChat, "42", "", "not an object"},
        {kChat, "null", "", "not an object"},
        {kChat, "hello", "", "not valid JSON"},
        {kChat, "{", "", "not valid JSON: a member name in quotes should stand here at byte 1"},
        {kChat, R"({"model":"m","messages":[{}]} x)", "",
         "something follows the end of the value at byte 30"},
        {kChat, R"({"model":"m","messages":[{}]}{})", "", "something follows"},
        {kChat, R"({"model":"m","messages":[{}],})", "", "member name"},
        {kChat, "{\"model\":\"m\",\"messages\":[{\"content\":\"\xFF\"}]}", "",
         "invalid UTF-8 at byte 37"},
        {kChat, std::string_view("{\"model\":\"m\0\",\"messages\":[{}]}", 31), "",
         "a NUL byte inside a string"},
        {kChat, std::string_view("{\"model\":\"m\",\"messages\":[{}]}\0", 30), "",
         "something follows"},
        {kChat, R"({"model":"m","messages":[{"content":"a\qb"}]})", "",
         "an unknown escape inside a string at byte 38"},
        {kChat, R"({"model":"m","messages":[{"content":"\ud8"}]})", "", "an unknown escape"},
        {kChat, R"({"model":"m","model":"n","messages":[{}]})", "model",
         "given twice (second time at byte 13); send it once"},
        {kChat, R"({"model":"m","messages":[{}],"a":1,"b":2,"a":1})", "a", "given twice"},
        {kChat, R"({"model":"m","":1,"":2,"messages":[{}]})", "", "given twice"},
        {kChat, R"({"mod\u0065l":"m","messages":[{}]})", R"(mod\u0065l)", "backslash"},
        {kChat, R"({"messages":[{}]})", "model",
         "Missing required parameter: 'model'. Name the model"},
        {kChat, R"({"model":null,"messages":[{}]})", "model",
         "Missing required parameter: 'model'"},
        {kChat, R"({"model":"","messages":[{}]})", "model", "'model' is empty"},
        {kChat, R"({"model":5,"messages":[{}]})", "model", "must be a string, but is a number"},
        {kChat, R"({"model":["m"],"messages":[{}]})", "model", "must be a string, but is an array"},
        {kChat, R"({"model":"m"})", "messages", "Missing required parameter: 'messages'"},
        {kChat, R"({"model":"m","messages":null})", "messages",
         "must be an array of objects, but is null"},
        {kChat, R"({"model":"m","messages":"hi"})", "messages",
         "must be an array of objects, but is a string"},
        {kChat, R"({"model":"m","messages":{}})", "messages",
         "must be an array of objects, but is an object"},
        {kChat, R"({"model":"m","messages":[]})", "messages", "the array is empty"},
        {kChat, R"({"model":"m","messages":["hi"]})", "messages[0]",
         "must be an object with role and content, but is a string"},
        {kChat, R"({"model":"m","messages":[{},{"a":[1]},[],3]})", "messages[2]",
         "but is an array"},
        {kChat, R"({"model":"m","messages":[{}],"stream":"true"})", "stream",
         "must be true or false, but is a string"},
        {kChat, R"({"model":"m","messages":[{}],"stream":1})", "stream", "must be true or false"},
        {kChat, R"({"model":"m","messages":[{}],"stream_options":true})", "stream_options",
         "must be an object, but is a boolean"},
        {kChat, R"({"model":"m","messages":[{}],"stream_options":[]})", "stream_options",
         "must be an object"},
        {kChat, R"({"model":"m","messages":[{}],"stream_options":{"include_usage":"yes"}})",
         "stream_options.include_usage", "true or false"},
        {kChat, R"({"model":"m","messages":[{}],"stream_options":{"include_usage":{}}})",
         "stream_options.include_usage", "but is an object"},
        {kChat, R"({"model":"m","messages":[{}],"max_tokens":0})", "max_tokens",
         "must be an integer from 1 to 4294967295, but is 0"},
        {kChat, R"({"model":"m","messages":[{}],"max_tokens":-5})", "max_tokens", "but is -5"},
        {kChat, R"({"model":"m","messages":[{}],"max_tokens":1.5})", "max_tokens", "but is 1.5"},
        {kChat, R"({"model":"m","messages":[{}],"max_tokens":1e3})", "max_tokens", "but is 1e3"},
        {kChat, R"({"model":"m","messages":[{}],"max_tokens":"10"})", "max_tokens",
         "must be an integer, but is a string"},
        {kChat, R"({"model":"m","messages":[{}],"max_tokens":4294967296})", "max_tokens",
         "4294967296"},
        {kChat,
         R"({"model":"m","messages":[{}],"max_completion_tokens":99999999999999999999999999999999999999})",
         "max_completion_tokens", "but is 99999999999999999999999999999999."},
        {Operation::completions, R"({"model":"m"})", "prompt",
         "Missing required parameter: 'prompt'"},
        {Operation::completions, R"({"model":"m","prompt":null})", "prompt", "Missing"},
        {Operation::completions, R"({"model":"m","prompt":[]})", "prompt", "array is empty"},
        {Operation::completions, R"({"model":"m","prompt":{}})", "prompt", "a string or an array"},
        {Operation::embeddings, R"({"model":"m","messages":[{}]})", "input",
         "Missing required parameter: 'input'"},
        {Operation::embeddings, R"({"model":"m","input":[]})", "input", "array is empty"},
        {Operation::embeddings, R"({"model":"m","input":7})", "input",
         "a string or an array, but is a number"},
    };
    for (const Refusal& row : rows) {
        INFO(row.body);
        const Body body(row.body);
        const auto request = Request::peek(row.operation, body.view(), kDepth);
        REQUIRE_FALSE(request);
        INFO(request.error().detail);
        CHECK(request.error().kind == FailureKind::bad_request);
        CHECK(request.error().client_status() == 400);
        CHECK(request.error().param == row.param);
        CHECK(request.error().detail.find(row.says) != std::string::npos);
    }
}

TEST_CASE("names the nesting limit that a request exceeds", "[request]") {
    const Body fits(nested(63));
    CHECK(Request::peek(Operation::chat, fits.view(), 64));
    const Body deep(nested(64));
    const auto request = Request::peek(Operation::chat, deep.view(), 64);
    REQUIRE_FALSE(request);
    CHECK(request.error().detail.find("limit of 64 levels") != std::string::npos);
    const Body bottomless(std::string(1'000'000, '['));
    CHECK_FALSE(Request::peek(Operation::chat, bottomless.view(), 64));
    const Body objects("{\"a\":" + nested(500'000) + "}");
    CHECK_FALSE(Request::peek(Operation::chat, objects.view(), 10'000'000));
}

TEST_CASE("bounds the number of top-level parameters", "[request]") {
    const auto with = [](std::size_t extra) {
        std::string text = R"({"model":"m","messages":[{}])";
        for (std::size_t i = 0; i < extra; ++i) {
            text += ",\"k" + std::to_string(i) + "\":0";
        }
        return text + "}";
    };
    const Body fits(with(510));
    CHECK(Request::peek(Operation::chat, fits.view(), kDepth));
    const Body over(with(511));
    const auto request = Request::peek(Operation::chat, over.view(), kDepth);
    REQUIRE_FALSE(request);
    CHECK(request.error().detail.find("more than 512 top-level parameters") != std::string::npos);
}

TEST_CASE("finds a duplicate among many similar names", "[request]") {
    std::string text = R"({"model":"m","messages":[{}])";
    for (int i = 100; i < 300; ++i) {
        text += ",\"k" + std::to_string(i) + "\":0";
    }
    const Body fine(text + "}");
    CHECK(Request::peek(Operation::chat, fine.view(), kDepth));
    const Body twice(text + ",\"k123\":0}");
    const auto request = Request::peek(Operation::chat, twice.view(), kDepth);
    REQUIRE_FALSE(request);
    CHECK(request.error().param == "k123");
}

TEST_CASE("refuses a request cut at any offset and checks escapes at any offset", "[request]") {
    const std::string text =
        R"({"model":"m","messages":[{"role":"user","content":"a\n\"b\"\\ é 日本 \ud83d\ude00"}],"stream":true})";
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        const Body body(text.substr(0, cut));
        CHECK_FALSE(Request::peek(Operation::chat, body.view(), kDepth));
    }
    for (std::size_t shift = 0; shift < 70; ++shift) {
        const auto shifted = [shift](std::string_view escape) {
            return R"({"model":"m","messages":[{"c":")" + std::string(shift, '.') +
                   std::string(escape) + "\"}]}";
        };
        for (const std::string_view good :
             {R"(\\)", R"(\\\\\\)", R"(\")", R"(\u12aF)", R"(\\\n\/\b)"}) {
            const Body body(shifted(good));
            CHECK(Request::peek(Operation::chat, body.view(), kDepth));
        }
        for (const std::string_view bad :
             {R"(\\\x)", R"(\u12a)", R"(\ux)", R"(\\\\\')", "\\\x80", "\\ "}) {
            const Body body(shifted(bad));
            CHECK_FALSE(Request::peek(Operation::chat, body.view(), kDepth));
        }
    }
}

TEST_CASE("has a name for every operation", "[request]") {
    CHECK(to_string(Operation::chat) == "chat");
    CHECK(to_string(Operation::completions) == "completions");
    CHECK(to_string(Operation::embeddings) == "embeddings");
}
