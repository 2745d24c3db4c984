// A conversation that moves from vendor to vendor: what one put into its answers must not make the
// next one refuse it.
#include "adapters/catalog.hpp"
#include "adapters/codec/json.hpp"
#include "adapters/dialect/call_id.hpp"
#include "tests/adapters/golden.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace tollgate;
using namespace tollgate::adapters;

namespace {

const std::string kSignature(600, 'A');
const std::string kGeminiId = join_signature("call_gemini", kSignature);

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
        text.replace(at, from.size(), to);
        at += to.size();
    }
    return text;
}

/// Answers of Claude, of Gemini with a call, and of a model that shows its reasoning.
std::string moved_conversation() {
    return replaced(
        R"({"model":"m","max_tokens":100,"messages":[{"role":"user","content":"thinking \"reasoning\" aloud"},)"
        R"({"role":"assistant","content":"one","reasoning_content":"hm","thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"c2ln"}]},)"
        R"({"role":"user","content":"two"},)"
        R"({"role":"assistant","content":null,"extra_content":{"google":{"thought_signature":"x"}},"tool_calls":[{"id":"ID","type":"function","extra_content":{"google":{}},"function":{"name":"f","arguments":"{\"thinking\":1}"}}]},)"
        R"({"role":"tool","tool_call_id":"ID","content":"three"},)"
        R"({"role":"assistant","content":"four","reasoning":"hm","reasoning_details":[{"type":"reasoning.encrypted","data":"zz"}]},)"
        R"({"role":"user","content":"five"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]})",
        "ID", kGeminiId);
}

std::string sent_to(std::string_view vendor_name, std::string_view body) {
    const Vendor* const vendor = find_vendor(vendor_name);
    REQUIRE(vendor != nullptr);
    Endpoint endpoint;
    endpoint.vendor = vendor;
    endpoint.provider = vendor->name;
    endpoint.base_url = vendor->base_url.empty() ? "https://host.example" : vendor->base_url;
    endpoint.api_version = vendor->api_version;
    endpoint.location = "us-east-1";
    endpoint.project = "p";
    return golden::encode(dialect(vendor->dialect), body, {.endpoint = &endpoint, .model = "m"});
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("no vendor but Google is sent Gemini's signatures in the ids of calls") {
    const std::string moved = moved_conversation();
    for (const Vendor* const vendor : vendors()) {
        INFO(vendor->name);
        const bool keeps = vendor->dialect == DialectName::gemini ||
                           vendor->dialect == DialectName::vertex ||
                           vendor->request.longest_call_id == 0;
        const bool translates = !dialect(vendor->dialect).relays();
        if (keeps && !translates) {
            continue;  // a server of one's own: whatever it is, it gets what was said
        }
        const std::string sent = sent_to(vendor->name, moved);
        CHECK_FALSE(has(sent, kSignatureMark));
    }
}

TEST_CASE("Gemini gets its signature back") {
    const std::string sent = sent_to("gemini", moved_conversation());
    CHECK(has(sent, "\"thoughtSignature\":\"" + kSignature));
}

TEST_CASE("vendors that refuse what others put into their answers are not sent it") {
    const std::string moved = moved_conversation();
    int checked = 0;
    for (const Vendor* const vendor : vendors()) {
        if (vendor->request.foreign.empty()) {
            continue;
        }
        ++checked;
        INFO(vendor->name);
        const std::string sent = sent_to(vendor->name, moved);
        const std::string bytes = sent.substr(sent.find('{'));
        const Result<json::Document> body = json::Document::parse(bytes);
        INFO(sent);
        REQUIRE(body);
        const json::Value messages = (*body)["messages"];
        REQUIRE(messages.size() == 7);
        for (const json::Value message : messages) {
            for (const std::string_view name : vendor->request.foreign) {
                CHECK_FALSE(message[name].exists());
                CHECK_FALSE(message["tool_calls"][0][name].exists());
            }
        }
        CHECK(messages[0]["content"].string() == "thinking \"reasoning\" aloud");
        CHECK(messages[1]["content"].string() == "one");
        CHECK(messages[3]["tool_calls"][0]["id"].string() == "call_gemini");
        CHECK(messages[3]["tool_calls"][0]["function"]["arguments"].string() == "{\"thinking\":1}");
        CHECK(messages[4]["tool_call_id"].string() == "call_gemini");
    }
    CHECK(checked >= 3);
}

TEST_CASE("ids that are too long without a signature become a digest, for call and result alike") {
    const std::string sent =
        sent_to("openai", replaced(moved_conversation(), kGeminiId, std::string(60, 'x')));
    const std::size_t call = sent.find("\"id\":\"call_");
    REQUIRE(call != std::string::npos);
    const std::string id = sent.substr(call + 6, 37);
    CHECK(has(sent, "\"tool_call_id\":\"" + id + "\""));
    CHECK_FALSE(has(sent, std::string(60, 'x')));
}

TEST_CASE("thinking among the parts of an answer is left out, and never leaves a hole") {
    const auto sent = [](std::string_view parts) {
        return sent_to(
            "openai",
            R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":)" +
                std::string(parts) + R"(},{"role":"user","content":"b"}]})");
    };
    CHECK(has(sent(R"([{"type":"thinking","thinking":"hm"},{"type":"text","text":"x"}])"),
              R"("content":[{"type":"text","text":"x"}])"));
    CHECK(has(sent(R"([{"type":"redacted_thinking","data":"hm"}])"), R"("content":"")"));
}

TEST_CASE("a conversation of the vendor's own passes untouched") {
    const std::string messages =
        R"([{"role":"user","content":"the \"thinking_blocks\" of an \"assistant\""}, {"role": "assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"x"}])";
    CHECK(has(sent_to("openai", R"({"model":"m","messages":)" + messages + "}"), messages));
    CHECK(has(sent_to("deepseek", moved_conversation()), R"("reasoning_content":"hm")"));
}

TEST_CASE("another vendor's thinking parameter is not sent where it is refused") {
    const std::string asked =
        R"({"model":"m","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"a"}]})";
    for (const std::string_view vendor : {"openai", "azure_openai", "groq"}) {
        CHECK_FALSE(has(sent_to(vendor, asked), "budget_tokens"));
    }
    CHECK(has(sent_to("anthropic", asked), "budget_tokens"));
}
