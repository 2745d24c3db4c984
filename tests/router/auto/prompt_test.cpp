#include "router/auto/prompt.hpp"

#include "router/auto/classifier.hpp"
#include "router/auto/quality.hpp"
#include "tests/support/catch.hpp"

#include <string>

namespace tollgate::router::tests {
namespace {

PromptOutline outline_of(const std::string& json,
                         adapters::Operation operation = adapters::Operation::chat) {
    // Static: the outline's views point into the bytes.
    static std::string bytes;
    bytes = json + std::string(adapters::kBodySlack, ' ');
    const auto request =
        adapters::Request::peek(operation, std::string_view(bytes).substr(0, json.size()), 64);
    REQUIRE(request);
    return outline_prompt(*request);
}

std::string text_of(const RawText& text) {
    std::string out;
    for (std::size_t i = 0; i < text.count; ++i) {
        out += (i == 0 ? "" : "|") + std::string(text.pieces[i]);
    }
    return out;
}

Task task_in(const std::string& members) {
    const PromptOutline outline = outline_of(R"({"model":"auto",)" + members + "}");
    return classify(outline, estimate_tokens(outline), {.long_context = 1000}).task;
}

constexpr const char* kHello = R"("messages":[{"role":"user","content":"hi"}])";

}  // namespace

TEST_CASE("the last, the first and the system's words are found where they stand") {
    const PromptOutline outline = outline_of(R"({"model":"auto","messages":[
        {"role":"system","content":"Be \"kind\"."},
        {"content":"first \\","role":"user"},
        {"role":"assistant","content":null,"name":"x"},
        {"role":"developer","content":"later rules"},
        {"role":"user","content":"second"},
        {"role":"user","content":[{"type":"text","text":"third"},{"text":"fourth","type":"text"}]}
    ]})");
    CHECK(text_of(outline.system) == R"(Be \"kind\".)");
    CHECK(text_of(outline.opening) == R"(first \\)");
    CHECK(text_of(outline.user) == "third|fourth");
    CHECK(outline.user_turns == 3);
    CHECK(outline.text_bytes == 12 + 8 + 11 + 6 + 5 + 6);
    CHECK_FALSE(outline.has_image);
}

TEST_CASE("of many parts the first and the last are kept") {
    std::string parts;
    for (int i = 0; i < 20; ++i) {
        parts += (i == 0 ? "" : ",") + std::string(R"({"type":"text","text":"p)") +
                 std::to_string(i) + R"("})";
    }
    const PromptOutline outline =
        outline_of(R"({"model":"auto","messages":[{"role":"user","content":[)" + parts + "]}]}");
    CHECK(text_of(outline.user) == "p0|p1|p2|p3|p16|p17|p18|p19");
}

TEST_CASE("a completion's prompt is the user's text") {
    using adapters::Operation;
    CHECK(text_of(outline_of(R"({"model":"auto","prompt":"once"})", Operation::completions).user) ==
          "once");
    CHECK(text_of(
              outline_of(R"({"model":"auto","prompt":["a","b"]})", Operation::completions).user) ==
          "a|b");
}

TEST_CASE("the structure decides about images, tools and length, in this order") {
    const std::string image =
        R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}}]}])";
    const std::string tools = R"(,"tools":[{"type":"function","function":{"name":"f"}}])";
    CHECK(task_in(image + tools) == Task::vision);
    CHECK(task_in(kHello + tools) == Task::agentic);
    CHECK(task_in(kHello + tools + R"(,"tool_choice":"none")") == Task::chat);
    CHECK(task_in(kHello + std::string(R"(,"tools":[])")) == Task::chat);
    CHECK(task_in(R"("messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,
        "tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"1","content":"42"}])") == Task::agentic);
    CHECK(task_in(R"("messages":[{"role":"user","content":")" + std::string(4000, 'x') +
                  R"("}])") == Task::long_context);
    CHECK(task_in(kHello) == Task::chat);
}

TEST_CASE("an estimate counts two bytes of other scripts for a token") {
    const auto tokens = [](const std::string& text) {
        return estimate_tokens(outline_of(
            R"({"model":"auto","messages":[{"role":"user","content":")" + text + R"("}]})"));
    };
    CHECK(tokens(std::string(400, 'x')) == 100);
    std::string chinese;
    for (int i = 0; i < 100; ++i) {
        chinese += "\xE4\xB8\xAD";
    }
    CHECK(tokens(chinese) == 150);
}

TEST_CASE("a response format is told apart") {
    const std::string head = std::string(R"({"model":"auto",)") + kHello;
    const PromptOutline schema = outline_of(
        head +
        R"(,"response_format":{"json_schema":{"name":"a","schema":{}},"type":"json_schema"}})");
    CHECK(schema.wants_schema);
    CHECK(schema.wants_json);
    const PromptOutline object = outline_of(head + R"(,"response_format":{"type":"json_object"}})");
    CHECK_FALSE(object.wants_schema);
    CHECK(object.wants_json);
}

TEST_CASE("a model's quality comes from its family, else from the size in its name") {
    const auto quality = [](std::string_view model, Task task) {
        return int{quality_of(model)[static_cast<std::size_t>(task)]};
    };
    CHECK(quality("gpt-5-mini-2025", Task::chat) < quality("GPT-5", Task::chat));
    CHECK(quality("claude-sonnet-4-5", Task::code) > quality("claude-sonnet-4-5", Task::math));
    CHECK(quality("acme-8b-instruct", Task::chat) < quality("acme-70b", Task::chat));
    CHECK(quality("acme-1.5b", Task::chat) < quality("acme-8b", Task::chat));
    CHECK(quality("acme", Task::chat) == 55);
    CHECK(quality("acme-8x", Task::chat) == 55);
    CHECK(quality("b", Task::chat) == 55);
}

}  // namespace tollgate::router::tests
