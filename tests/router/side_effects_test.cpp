#include "router/side_effects.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <string_view>

using namespace tollgate;

namespace {

bool effects(std::string_view more, adapters::Operation operation = adapters::Operation::chat) {
    const std::string body = R"({"model":"m","messages":[{"role":"user","content":"hi"}])" +
                             std::string(more) + "}" + std::string(adapters::kBodySlack, ' ');
    const Result<adapters::Request> request = adapters::Request::peek(
        operation, std::string_view(body).substr(0, body.size() - adapters::kBodySlack), 64);
    REQUIRE(request);
    return router::has_side_effects(*request);
}

}  // namespace

TEST_CASE("an ordinary request may be sent twice") {
    CHECK_FALSE(effects(""));
    CHECK_FALSE(effects(R"(,"store":false,"tools":[],"conversation":null,"temperature":1)"));
    CHECK_FALSE(effects(R"(,"tools":[{"type":"function","function":{"name":"f"}}])"));
    CHECK_FALSE(effects(R"(,"tools":[{"type":"custom","custom":{"name":"f"}}])"));
}

TEST_CASE("what is stored or runs on at the vendor is sent once") {
    for (const std::string_view member :
         {R"("store":true)", R"("background":true)", R"("previous_response_id":"r")",
          R"("conversation":"c")", R"("mcp_servers":[{"url":"u"}])"}) {
        INFO(member);
        CHECK(effects("," + std::string(member)));
    }
}

TEST_CASE("a tool that the vendor runs makes the request one that is sent once") {
    CHECK(effects(R"(,"tools":[{"type":"function"},{"type":"web_search"}])"));
    CHECK(effects(R"(,"tools":[{"type":"code_execution_20250825","name":"x"}])"));
    CHECK(effects(R"(,"tools":[{"google_search":{}}])"));
    CHECK(effects(R"(,"tools":"odd")"));
    CHECK(effects(R"(,"web_search_options":{})"));
    CHECK(effects(R"(,"search_parameters":{"mode":"on"})"));
}

TEST_CASE("prompt is a stored one only where messages are the text") {
    CHECK(effects(R"(,"prompt":{"id":"p"})"));
    CHECK_FALSE(effects(R"(,"prompt":"once upon a time")", adapters::Operation::completions));
}
