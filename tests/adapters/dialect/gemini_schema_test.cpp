#include "adapters/dialect/gemini.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace tollgate;

namespace {
std::string cleaned(std::string_view schema) {
    const auto document = json::Document::parse(schema);
    REQUIRE(document);
    return adapters::gemini::clean_schema(document->root());
}
}  // namespace

TEST_CASE("reduces JSON Schema to what older Gemini models take", "[gemini]") {
    struct Row {
        const char* why;
        const char* schema;
        const char* result;
    };
    const Row rows[] = {
        {"unknown keywords go, known ones stay",
         R"({"$schema":"s","type":"object","title":"T","additionalProperties":false,"properties":{"a":{"type":"string","minLength":1,"format":"email","examples":["x"]},"n":{"type":"number","format":"double","exclusiveMinimum":1,"minimum":0.50}},"required":["a","gone"]})",
         R"({"type":"OBJECT","title":"T","properties":{"a":{"type":"STRING","minLength":1},"n":{"type":"NUMBER","minimum":0.50,"format":"double"}},"required":["a"]})"},
        {"null in a list of types", R"({"type":["null","integer"]})",
         R"({"type":"INTEGER","nullable":true})"},
        {"several types", R"({"type":["string","number"]})",
         R"({"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]})"},
        {"an optional field as pydantic writes it",
         R"({"anyOf":[{"type":"string"},{"type":"null"}],"title":"N"})",
         R"({"type":"STRING","nullable":true,"title":"N"})"},
        {"oneOf is anyOf", R"({"oneOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]})",
         R"({"nullable":true,"anyOf":[{"type":"STRING"},{"type":"INTEGER"}]})"},
        {"const", R"({"const":"x"})", R"({"type":"STRING","enum":["x"]})"},
        {"enum of strings only", R"({"enum":["a",1,null]})",
         R"({"type":"STRING","enum":["a","1"]})"},
        {"enum of numbers is dropped", R"({"type":"integer","enum":[1,2]})",
         R"({"type":"INTEGER"})"},
        {"an array without items", R"({"type":"array"})",
         R"({"type":"ARRAY","items":{"type":"STRING"}})"},
        {"items", R"({"type":"array","items":{"type":"boolean"},"minItems":1})",
         R"({"type":"ARRAY","minItems":1,"items":{"type":"BOOLEAN"}})"},
        {"no properties", R"({"type":"object","properties":{}})", R"({"type":"OBJECT"})"},
        {"references",
         R"({"properties":{"a":{"$ref":"#/$defs/A~1B"}},"$defs":{"A/B":{"type":"string","description":"d"}}})",
         R"({"type":"OBJECT","properties":{"a":{"type":"STRING","description":"d"}}})"},
        {"a reference to nothing",
         R"({"properties":{"a":{"$ref":"#/$defs/A"},"b":{"$ref":"http://x"}}})",
         R"({"type":"OBJECT","properties":{"a":{"type":"OBJECT"},"b":{"type":"OBJECT"}}})"},
        {"a type that contains itself",
         R"({"$ref":"#/$defs/N","$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N"},"v":{"type":"string"}}}}})",
         R"({"type":"OBJECT","properties":{"next":{"type":"OBJECT"},"v":{"type":"STRING"}}})"},
        {"allOf is laid together",
         R"({"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"string"}},"required":["b"]}],"description":"d"})",
         R"({"type":"OBJECT","description":"d","properties":{"a":{"type":"STRING"},"b":{"type":"STRING"}},"required":["a","b"]})"},
    };
    for (const Row& row : rows) {
        INFO(row.why);
        CHECK(cleaned(row.schema) == row.result);
    }
}

TEST_CASE("a schema that multiplies through references stays bounded", "[gemini]") {
    std::string schema = R"({"$ref":"#/$defs/d0","$defs":{)";
    constexpr int kLevels = 30;
    for (int level = 0; level < kLevels; ++level) {
        const std::string next = R"({"$ref":"#/$defs/d)" + std::to_string(level + 1) + "\"}";
        schema += "\"d" + std::to_string(level) + R"(":{"anyOf":[)" + next + "," + next + "," +
                  next + "]},";
    }
    schema += "\"d" + std::to_string(kLevels) + R"(":{"type":"string"}}})";
    CHECK(cleaned(schema).size() < 8 * 1024 * 1024);
}
