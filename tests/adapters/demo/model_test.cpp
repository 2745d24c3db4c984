#include "adapters/demo/model.hpp"

#include "adapters/codec/base64.hpp"
#include "adapters/codec/json.hpp"
#include "adapters/demo/text.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <cstring>

using namespace tollgate;
using adapters::Operation;
using adapters::Request;
using demo::ModelAnswer;
using demo::ModelContext;
using json::Document;
using json::Value;

namespace {

ModelAnswer ask(std::string body, Operation operation = Operation::chat,
                ModelContext context = {}) {
    const std::size_t size = body.size();
    body.append(adapters::kBodySlack, '\0');
    const auto request = Request::peek(operation, std::string_view(body).substr(0, size), 64);
    REQUIRE(request.has_value());
    context.created = 1700000000;
    return demo::answer(*request, context);
}

/// A chat request with members beside model and messages, e.g. R"("n":2,)".
std::string chat(std::string_view text, std::string_view members = {}) {
    std::string body =
        "{" + std::string(members) + R"("model":"demo-1","messages":[{"role":"user","content":)";
    json::append_string(body, text);
    return body + "}]}";
}

struct Parsed {
    explicit Parsed(std::string text) : bytes(std::move(text)), document(*Document::parse(bytes)) {}
    std::string bytes;
    Document document;
    Value operator[](std::string_view key) const { return document[key]; }
    Value choice(std::size_t index = 0) const { return document["choices"][index]; }
    Value message() const { return choice()["message"]; }
};

/// What a stream adds up to.
struct Collected {
    std::string content;
    std::string reasoning;
    std::vector<std::string> names;
    std::vector<std::string> arguments;
    std::string finish;
    std::uint64_t completion_tokens = 0;
    std::size_t frames = 0;
};

Collected collect(const ModelAnswer& answer, std::uint64_t wanted_choice = 0) {
    Collected all;
    REQUIRE_FALSE(answer.events.empty());
    CHECK(answer.events.back() == "data: [DONE]\n\n");
    for (std::size_t i = 0; i + 1 < answer.events.size(); ++i) {
        const std::string& event = answer.events[i];
        REQUIRE(event.starts_with("data: {"));
        REQUIRE(event.ends_with("}\n\n"));
        const Parsed chunk(event.substr(6, event.size() - 8));
        ++all.frames;
        all.completion_tokens += chunk["usage"]["completion_tokens"].count();
        if (chunk.choice()["index"].count() != wanted_choice) {
            continue;
        }
        const Value delta = chunk.choice()["delta"];
        all.content += delta["content"].string(chunk.choice()["text"].string());
        all.reasoning += delta["reasoning_content"].string();
        all.finish += chunk.choice()["finish_reason"].string();
        for (const Value call : delta["tool_calls"]) {
            if (call["id"].exists()) {
                all.names.emplace_back(call["function"]["name"].string());
                all.arguments.emplace_back();
            }
            all.arguments.at(call["index"].count()) += call["function"]["arguments"].string();
        }
    }
    return all;
}

constexpr std::string_view kTools =
    R"("tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}},{"type":"function","function":{"name":"get_time"}}],)";

}  // namespace

TEST_CASE("the demo model repeats what it was told, the same way each time") {
    const ModelAnswer first = ask(chat("Grüße, \"世界\" 👋\n"));
    CHECK(first.status == 200);
    CHECK(first.events.empty());
    CHECK(first.body == ask(chat("Grüße, \"世界\" 👋\n")).body);
    const Parsed body(first.body);
    CHECK(body["object"].string() == "chat.completion");
    CHECK(body["created"].integer() == 1700000000);
    CHECK(body["model"].string() == "demo-1");
    CHECK(body["id"].string().starts_with("chatcmpl-demo-"));
    CHECK(body.message()["content"].string() == "You said: \"Grüße, \"世界\" 👋\n\".");
    CHECK(body.message()["role"].string() == "assistant");
    CHECK(body.choice()["finish_reason"].string() == "stop");
    const Value usage = body["usage"];
    CHECK(usage["prompt_tokens"].count() > 4);
    CHECK(usage["completion_tokens"].count() ==
          demo::pieces(body.message()["content"].string()).size());
    CHECK(usage["total_tokens"].count() ==
          usage["prompt_tokens"].count() + usage["completion_tokens"].count());
}

TEST_CASE("a stream carries the same answer in pieces, with usage only when asked") {
    const std::string text = "Grüße, 世界世界世界世界世界世界世界 and some more words";
    const Parsed whole(ask(chat(text)).body);
    const auto streamed = collect(ask(chat(text, R"("stream":true,)")));
    CHECK(streamed.content == whole.message()["content"].string());
    CHECK(streamed.finish == "stop");
    CHECK(streamed.frames > 8);
    CHECK(streamed.completion_tokens == 0);
    const auto counted =
        collect(ask(chat(text, R"("stream":true,"stream_options":{"include_usage":true},)")));
    CHECK(counted.completion_tokens == whole["usage"]["completion_tokens"].count());
    CHECK(counted.frames == streamed.frames + 1);
}

TEST_CASE("pieces join to the text, never split a character and stay short") {
    for (const std::string_view text :
         {"", " ", "a b  c\n\nd", "世界世界世界世界世界世界世界", "👋👋👋👋👋👋", "one two "}) {
        std::string joined;
        for (const std::string_view piece : demo::pieces(text)) {
            CHECK(piece.size() <= 17);
            CHECK_FALSE(piece.empty());
            CHECK((static_cast<unsigned char>(piece[0]) & 0xC0U) != 0x80U);
            joined += piece;
        }
        CHECK(joined == text);
    }
}

TEST_CASE("the demo model's tool rule") {
    struct Row {
        std::string_view text;
        std::string_view members;
        std::vector<std::string> names;
    };
    const std::vector<Row> rows = {
        {"hello", "", {}},
        {"please call something", "", {"get_weather"}},
        {"call both of them", "", {"get_weather", "get_time"}},
        {"use get_time", "", {"get_time"}},
        {"get_time and get_weather", "", {"get_weather", "get_time"}},
        {"get_time and get_weather", R"("parallel_tool_calls":false,)", {"get_weather"}},
        {"hello", R"("tool_choice":"required",)", {"get_weather"}},
        {"call it", R"("tool_choice":"none",)", {}},
        {"hello",
         R"("tool_choice":{"type":"function","function":{"name":"get_time"}},)",
         {"get_time"}},
    };
    for (const Row& row : rows) {
        INFO(row.text << " " << row.members);
        const std::string members = std::string(kTools) + std::string(row.members);
        const Parsed whole(ask(chat(row.text, members)).body);
        std::vector<std::string> names;
        for (const Value call : whole.message()["tool_calls"]) {
            names.emplace_back(call["function"]["name"].string());
            CHECK(call["id"].string().starts_with("call_demo_"));
            CHECK(Document::parse(call["function"]["arguments"].string()).has_value());
        }
        CHECK(names == row.names);
        CHECK(whole.choice()["finish_reason"].string() == (names.empty() ? "stop" : "tool_calls"));
        CHECK(whole.message()["content"].is_null() == !names.empty());
        const auto streamed = collect(ask(chat(row.text, members + R"("stream":true,)")));
        CHECK(streamed.names == names);
        CHECK(streamed.finish == whole.choice()["finish_reason"].string());
        for (std::size_t i = 0; i < names.size(); ++i) {
            CHECK(streamed.arguments[i] ==
                  whole.message()["tool_calls"][i]["function"]["arguments"].string());
        }
    }
}

TEST_CASE("tool arguments satisfy the tool's schema") {
    const Parsed whole(ask(chat("call it", kTools)).body);
    const Parsed arguments(std::string(
        whole.message()["tool_calls"][std::size_t{0}]["function"]["arguments"].string()));
    CHECK(arguments["city"].string() == "demo city");
}

TEST_CASE("after tool results the demo model quotes them instead of calling again") {
    const std::string body =
        "{" + std::string(kTools) +
        R"("tool_choice":"required","model":"demo-1","messages":[{"role":"user","content":"call both"},
        {"role":"assistant","content":null,"tool_calls":[]},
        {"role":"tool","tool_call_id":"a","content":"12 °C"},{"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"noon"}]}]})";
    const Parsed whole(ask(body).body);
    CHECK(whole.message()["content"].string() == "The tools answered: \"12 °C\" and \"noon\".");
    CHECK_FALSE(whole.message()["tool_calls"].exists());
}

TEST_CASE("structured output is JSON that satisfies the schema") {
    const Parsed object(ask(chat("hi", R"("response_format":{"type":"json_object"},)")).body);
    const Parsed content(std::string(object.message()["content"].string()));
    CHECK(content["answer"].string() == "You said: \"hi\".");
    const auto shaped = collect(ask(chat(
        "hi",
        R"("stream":true,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}}},)")));
    CHECK(shaped.content == R"({"ok":true})");
}

TEST_CASE("the demo model says what images it was given") {
    const std::string body =
        R"({"model":"demo-1","messages":[{"role":"user","content":[{"type":"text","text":"look"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAECAw=="}},
        {"type":"image_url","image_url":{"url":"https://example.com/a.jpg"}}]}]})";
    const Parsed whole(ask(body).body);
    CHECK(whole.message()["content"].string() ==
          "You said: \"look\". I see 2 images: image/png of 4 bytes and one at "
          "https://example.com/a.jpg.");
}

TEST_CASE("limits: max_tokens cuts with length, stop sequences with stop, n multiplies") {
    const Parsed cut(ask(chat("one two three four", R"("max_completion_tokens":3,)")).body);
    CHECK(cut.message()["content"].string() == "You said: \"one");
    CHECK(cut.choice()["finish_reason"].string() == "length");
    CHECK(cut["usage"]["completion_tokens"].count() == 3);
    const Parsed stopped(ask(chat("one two three", R"("stop":["three","two"],)")).body);
    CHECK(stopped.message()["content"].string() == "You said: \"one ");
    CHECK(stopped.choice()["finish_reason"].string() == "stop");
    const Parsed many(ask(chat("hi", R"("n":3,)")).body);
    CHECK(many["choices"].size() == 3);
    CHECK(many.choice(2)["index"].count() == 2);
    CHECK(many.choice(2)["message"]["content"].string() == "You said: \"hi\". (choice 3)");
    CHECK(collect(ask(chat("hi", R"("n":3,"stream":true,)")), 2).content ==
          "You said: \"hi\". (choice 3)");
}

TEST_CASE("reasoning is told apart from the answer and counted") {
    const Parsed none(ask(chat("hi", R"("reasoning_effort":"none",)")).body);
    CHECK_FALSE(none.message()["reasoning_content"].exists());
    const Parsed low(ask(chat("hi", R"("reasoning_effort":"low",)")).body);
    const Parsed high(ask(chat("hi", R"("reasoning_effort":"high",)")).body);
    const auto tokens = [](const Parsed& body) {
        return body["usage"]["completion_tokens_details"]["reasoning_tokens"].count();
    };
    CHECK(tokens(none) == 0);
    CHECK(tokens(low) == demo::pieces(low.message()["reasoning_content"].string()).size());
    CHECK(tokens(high) > tokens(low));
    CHECK(high["usage"]["completion_tokens"].count() > tokens(high));
    ModelContext reasoner;
    reasoner.model = "demo-reasoner";
    const auto streamed =
        collect(ask(chat("hi", R"("stream":true,"max_tokens":2,)"), Operation::chat, reasoner));
    CHECK(streamed.reasoning == "The demo");
    CHECK(streamed.content.empty());
    CHECK(streamed.finish == "length");
}

TEST_CASE("chunks sets the number of content pieces exactly") {
    for (const std::size_t count :
         {std::size_t{1}, std::size_t{2}, std::size_t{50}, std::size_t{1000}}) {
        ModelContext context;
        context.chunks = count;
        const auto answer = ask(chat("hello there", R"("stream":true,)"), Operation::chat, context);
        CHECK(answer.events.size() == count + 3);  // role, finish, [DONE]
    }
}

TEST_CASE("long prompts do not make long answers") {
    const Parsed whole(ask(chat(std::string(1'000'000, 'x'))).body);
    CHECK(whole.message()["content"].string().size() < 5000);
    CHECK(whole["usage"]["prompt_tokens"].count() >= 250'000);
}

TEST_CASE("completions: prompts of every kind, echo and streams") {
    const auto complete = [](std::string_view prompt, std::string_view members = {}) {
        return ask(R"({"model":"demo-mini",)" + std::string(members) + R"("prompt":)" +
                       std::string(prompt) + "}",
                   Operation::completions);
    };
    const Parsed one(complete("\"Once\"").body);
    CHECK(one["object"].string() == "text_completion");
    CHECK(one["model"].string() == "demo-mini");
    CHECK(one.choice()["text"].string() == " And so continues \"Once\".");
    const Parsed echo(complete("\"Once\"", R"("echo":true,)").body);
    CHECK(echo.choice()["text"].string() == "Once And so continues \"Once\".");
    CHECK(Parsed(complete(R"(["a","b"])", R"("n":2,)").body)["choices"].size() == 4);
    CHECK(Parsed(complete("[1,2,3]").body).choice()["text"].string().find("3 tokens") !=
          std::string::npos);
    CHECK(Parsed(complete("[[1],[2]]").body)["choices"].size() == 2);
    CHECK(collect(complete("\"Once\"", R"("stream":true,)")).content ==
          " And so continues \"Once\".");
}

TEST_CASE("embeddings are deterministic unit vectors, alike for texts that share words") {
    const auto embed = [](std::string_view members) {
        return Parsed(
            ask(R"({"model":"demo-embed",)" + std::string(members) + "}", Operation::embeddings)
                .body);
    };
    const auto vector = [](Value value) {
        std::vector<double> numbers;
        for (const Value one : value["embedding"]) {
            numbers.push_back(one.number().value_or(0));
        }
        return numbers;
    };
    const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
        double sum = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            sum += a[i] * b[i];
        }
        return sum;
    };
    const Parsed body = embed(R"("input":["the cat sat here","the cat sat there","quantum flux"])");
    REQUIRE(body["data"].size() == 3);
    const auto a = vector(body["data"][0]);
    const auto b = vector(body["data"][1]);
    const auto c = vector(body["data"][2]);
    CHECK(a.size() == 256);
    CHECK(std::abs(dot(a, a) - 1) < 1e-5);
    CHECK(dot(a, b) > 0.5);
    CHECK(std::abs(dot(a, c)) < 0.5);
    CHECK(body["data"][2]["index"].count() == 2);
    CHECK(body["usage"]["prompt_tokens"].count() == 4 + 5 + 3);
    CHECK(vector(embed(R"("input":"the cat sat here")")["data"][0]) == a);
    CHECK(vector(embed(R"("dimensions":8,"input":[1,2,3])")["data"][0]).size() == 8);
    CHECK(embed(R"("input":[[1],[2,3]])")["data"].size() == 2);

    const Parsed packed = embed(R"("encoding_format":"base64","input":"the cat sat here")");
    const auto bytes = codec::base64_decode(packed["data"][0]["embedding"].string());
    REQUIRE(bytes.has_value());
    REQUIRE(bytes->size() == a.size() * 4);
    for (std::size_t i = 0; i < a.size(); ++i) {
        float number = 0;
        std::memcpy(&number, bytes->data() + i * 4, 4);
        CHECK(number == static_cast<float>(a[i]));
    }
}

TEST_CASE("requests that the demo model cannot serve get an OpenAI error naming the field") {
    struct Row {
        Operation operation;
        std::string body;
        unsigned status;
        std::string_view param;
    };
    const std::string messages = R"("messages":[{"role":"user","content":"hi"}]})";
    const std::vector<Row> rows = {
        {Operation::chat, R"({"model":"gpt-9",)" + messages, 404, "model"},
        {Operation::chat, R"({"model":"demo-embed",)" + messages, 400, "model"},
        {Operation::embeddings, R"({"model":"demo-1","input":"x"})", 400, "model"},
        {Operation::embeddings, R"({"model":"demo-embed","input":"x","dimensions":0})", 400,
         "dimensions"},
        {Operation::embeddings, R"({"model":"demo-embed","input":"x","encoding_format":"int8"})",
         400, "encoding_format"},
        {Operation::embeddings, R"({"model":"demo-embed","input":["x",""]})", 400, "input[1]"},
        {Operation::chat, R"({"model":"demo-1","n":9,)" + messages, 400, "n"},
        {Operation::chat,
         R"({"model":"demo-1","response_format":{"type":"json_schema"},)" + messages, 400,
         "response_format.json_schema.schema"},
        {Operation::chat, R"({"model":"demo-1","tools":[{"type":"function"}],)" + messages, 400,
         "tools[0].function.name"},
        {Operation::chat,
         R"({"model":"demo-1","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}},)" +
             messages,
         400, "tool_choice"},
        {Operation::chat,
         R"({"model":"demo-1","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,###"}}]}]})",
         400, "messages[0].content[0]"},
        {Operation::chat,
         R"({"model":"demo-1","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://x"}}]}]})",
         400, "messages[0].content[0]"},
    };
    for (const Row& row : rows) {
        INFO(row.body);
        const ModelAnswer answer = ask(row.body, row.operation);
        CHECK(answer.status == row.status);
        CHECK(answer.events.empty());
        const Parsed body(answer.body);
        CHECK(body["error"]["param"].string() == row.param);
        CHECK(body["error"]["type"].string() == "invalid_request_error");
        CHECK_FALSE(body["error"]["message"].string().empty());
    }
}

TEST_CASE("the demo vendor lists its models") {
    const Parsed list(demo::models_list(5));
    CHECK(list["data"].size() == 4);
    CHECK(list["data"][0]["id"].string() == demo::kDefaultModel);
}
