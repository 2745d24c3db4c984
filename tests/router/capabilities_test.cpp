#include "router/capabilities.hpp"

#include "adapters/catalog.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <string_view>

using namespace tollgate;
using adapters::Operation;
using adapters::Request;
using catalog::Can;
using catalog::Model;

namespace {

class Ask {
public:
    explicit Ask(std::string_view rest, Operation operation = Operation::chat)
        : body_(R"({"model":"m",)" + std::string(rest) + "}"), size_(body_.size()) {
        body_.append(adapters::kBodySlack, '\0');
        Result<Request> peeked =
            Request::peek(operation, std::string_view(body_).substr(0, size_), 64);
        REQUIRE(peeked);
        request_ = *peeked;
    }
    [[nodiscard]] std::string of(const Model& model, std::string_view vendor = "openai") const {
        const auto wrong = router::unfit(request_, &model, *adapters::find_vendor(vendor));
        return wrong ? wrong->reason : "";
    }
    [[nodiscard]] const Request& request() const { return request_; }

private:
    std::string body_;
    std::size_t size_;
    Request request_;
};

Model lacking(Can can) {
    Model model;
    model.id = "m";
    model.cannot.add(can);
    return model;
}

const std::string kText = R"("messages":[{"role":"user","content":"hi"}])";
const std::string kImage =
    R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])";

}  // namespace

TEST_CASE("what the catalog says a model lacks is refused, and named") {
    CHECK(Ask(kImage).of(lacking(Can::vision)) == "takes no images");
    CHECK(Ask(kText + R"(,"tools":[{"type":"function"}])").of(lacking(Can::tools)) ==
          "takes no tools");
    CHECK(Ask(kText + R"(,"response_format":{"type":"json_schema","json_schema":{}})")
              .of(lacking(Can::structured_output)) == "takes no json_schema");
    CHECK(Ask(R"("messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}])")
              .of(lacking(Can::audio_input)) == "takes no audio");
}

TEST_CASE("what is not asked for is not missed") {
    for (const Can can : {Can::vision, Can::tools, Can::structured_output, Can::audio_input}) {
        CHECK(Ask(kText).of(lacking(can)).empty());
    }
    CHECK(Ask(kText + R"(,"tools":[])").of(lacking(Can::tools)).empty());
    CHECK(Ask(kText + R"(,"tools":null)").of(lacking(Can::tools)).empty());
    CHECK(Ask(kText + R"(,"response_format":{"type":"json_object"})")
              .of(lacking(Can::structured_output))
              .empty());
    // Talking about images is not sending one.
    CHECK(Ask(R"("messages":[{"role":"user","content":"say \"image_url\""}])")
              .of(lacking(Can::vision))
              .empty());
    CHECK(Ask(kText + R"(,"tools":[{"image_url":1}])").of(lacking(Can::vision)).empty());
}

TEST_CASE("what is not known is allowed") {
    CHECK(Ask(kImage).of(Model()).empty());
    CHECK_FALSE(router::unfit(Ask(kImage).request(), nullptr, *adapters::find_vendor("openai")));
}

TEST_CASE("a dialect that makes up for json_schema is not refused it") {
    CHECK(Ask(kText + R"(,"response_format":{"type":"json_schema","json_schema":{}})")
              .of(lacking(Can::structured_output), "anthropic")
              .empty());
}

TEST_CASE("a prompt and answer that cannot fit into the window are refused") {
    Model small;
    small.id = "m";
    small.context = 1000;
    CHECK(Ask(kText).of(small).empty());
    CHECK(Ask(kText + R"(,"max_tokens":2000)").of(small).starts_with("takes 1000 tokens"));
    std::string text;
    for (int i = 0; i < 4000; ++i) {
        text += "word ";
    }
    const Ask lengthy(R"("messages":[{"role":"user","content":")" + text + R"("}])");
    CHECK(lengthy.of(small).starts_with("takes 1000 tokens"));
    small.context = 8000;
    CHECK(lengthy.of(small).empty());
}
