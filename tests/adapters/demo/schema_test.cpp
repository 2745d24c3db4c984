#include "adapters/demo/schema.hpp"

#include "tests/support/catch.hpp"

#include <cmath>
#include <vector>

using namespace tollgate;
using json::Value;

namespace {

/// An independent check of the words that satisfy() understands.  Gives the first complaint.
class Validator {
public:
    explicit Validator(Value root) : root_(root) {}

    std::string check(Value schema, Value value, int depth = 0) const {
        if (depth > 60) {
            return "too deep";
        }
        if (const Value ref = schema["$ref"]; ref.is_string()) {
            const std::string_view pointer = ref.string();
            if (pointer == "#") {
                return check(root_, value, depth + 1);
            }
            const std::string_view name = pointer.substr(pointer.rfind('/') + 1);
            const Value defs = root_["$defs"].exists() ? root_["$defs"] : root_["definitions"];
            return check(defs[name], value, depth + 1);
        }
        if (schema["const"].exists() && schema["const"].raw() != value.raw()) {
            return "const";
        }
        if (schema["enum"].exists() &&
            !any(schema["enum"], [&](Value v) { return v.raw() == value.raw(); })) {
            return "enum";
        }
        for (const std::string_view word : {"anyOf", "oneOf"}) {
            const Value branches = schema[word];
            if (branches.exists() &&
                !any(branches, [&](Value b) { return check(b, value, depth + 1).empty(); })) {
                return std::string(word);
            }
        }
        const Value type = schema["type"];
        if (type.is_string() && !is_type(type.string(), value)) {
            return "type " + std::string(type.string());
        }
        if (type.is_array() && !any(type, [&](Value t) { return is_type(t.string(), value); })) {
            return "types";
        }
        return parts(schema, value, depth);
    }

private:
    template <class Test>
    static bool any(Value list, Test test) {
        for (const Value one : list) {
            if (test(one)) {
                return true;
            }
        }
        return false;
    }
    static bool is_type(std::string_view type, Value value) {
        return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
               (type == "string" && value.is_string()) || (type == "boolean" && value.is_bool()) ||
               (type == "null" && value.is_null()) || (type == "number" && value.is_number()) ||
               (type == "integer" && value.integer().has_value());
    }
    std::string parts(Value schema, Value value, int depth) const {
        if (value.is_object()) {
            for (const Value name : schema["required"]) {
                if (!value[name.string()].exists()) {
                    return "required " + std::string(name.string());
                }
            }
            for (const Value member : value) {
                const Value property = schema["properties"][member.key()];
                if (property.exists()) {
                    if (auto bad = check(property, member, depth + 1); !bad.empty()) {
                        return std::string(member.key()) + ": " + bad;
                    }
                } else if (schema["additionalProperties"].is_bool() &&
                           !schema["additionalProperties"].boolean()) {
                    return "additional " + std::string(member.key());
                }
            }
        }
        if (value.is_array()) {
            if (value.size() < schema["minItems"].count()) {
                return "minItems";
            }
            if (const auto most = schema["maxItems"].integer();
                most && value.size() > static_cast<std::size_t>(*most)) {
                return "maxItems";
            }
            for (const Value item : value) {
                if (auto bad = check(schema["items"], item, depth + 1);
                    schema["items"].exists() && !bad.empty()) {
                    return "item: " + bad;
                }
            }
        }
        if (value.is_string()) {
            const std::size_t size = value.string().size();
            const auto most = schema["maxLength"].integer();
            if (size < schema["minLength"].count() ||
                (most && size > static_cast<std::size_t>(*most))) {
                return "length";
            }
        }
        if (const auto number = value.number()) {
            const auto step = schema["multipleOf"].number();
            if (*number < schema["minimum"].number().value_or(-1e300) ||
                *number > schema["maximum"].number().value_or(1e300) ||
                *number <= schema["exclusiveMinimum"].number().value_or(-1e300) ||
                *number >= schema["exclusiveMaximum"].number().value_or(1e300) ||
                (step && std::fmod(*number, *step) != 0)) {
                return "number out of bounds";
            }
        }
        return {};
    }
    Value root_;
};

std::string complaint(std::string_view schema_text) {
    const auto schema = json::Document::parse(schema_text);
    REQUIRE(schema.has_value());
    const std::string made = demo::satisfy(schema->root());
    const auto value = json::Document::parse(made, {.depth = 200});
    if (!value) {
        return "not JSON: " + made;
    }
    const std::string bad = Validator(schema->root()).check(schema->root(), value->root());
    return bad.empty() ? "" : bad + " in " + made;
}

}  // namespace

TEST_CASE("generated values satisfy their schemas") {
    for (
        const std::string_view schema : {
            R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"],"additionalProperties":false})",
            R"({"type":"object","properties":{"unit":{"enum":["celsius","fahrenheit"]},"v":{"const":3}},"required":["unit","v"]})",
            R"({"type":"array","items":{"type":"integer","minimum":100},"minItems":3,"maxItems":5})",
            R"({"type":"array","items":{"type":"string"},"maxItems":0})",
            R"({"type":["null","string"],"minLength":30,"maxLength":32})",
            R"({"type":"string","maxLength":3})",
            R"({"type":"integer","minimum":7,"maximum":7})",
            R"({"type":"integer","exclusiveMinimum":5,"exclusiveMaximum":7})",
            R"({"type":"integer","multipleOf":5,"minimum":43})",
            R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.001})",
            R"({"type":"number","maximum":-3})",
            R"({"anyOf":[{"type":"string"},{"type":"null"}]})",
            R"({"type":"object","properties":{"a":{"$ref":"#/$defs/inner"}},"required":["a"],"$defs":{"inner":{"type":"object","properties":{"b":{"type":"boolean"}},"required":["b"]}}})",
            R"({"type":"object","required":["loose"]})",
            R"({"type":"null"})",
            R"({"properties":{"x":{"items":{"type":"number"}}},"required":["x"]})",
            R"({"type":"object","properties":{"steps":{"type":"array","items":{"type":"object","properties":{"explanation":{"type":"string"},"output":{"type":"string"}},"required":["explanation","output"],"additionalProperties":false}},"final_answer":{"type":"string"}},"required":["steps","final_answer"],"additionalProperties":false})",
            R"({"type":"object","properties":{"ü\"x":{"type":"string"}},"required":["ü\"x"]})",
        }) {
        INFO(schema);
        CHECK(complaint(schema) == "");
    }
}

TEST_CASE("schemas that recurse through a nullable reference or an array come to a valid end") {
    CHECK(
        complaint(
            R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["value","next"]}}})") ==
        "");
    CHECK(
        complaint(
            R"({"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#"}}},"required":["name","children"]})") ==
        "");
}

TEST_CASE("impossible and hostile schemas give bounded JSON") {
    std::string wide = R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{)";
    std::string required;
    for (int i = 0; i < 200; ++i) {
        const std::string name = "\"p" + std::to_string(i) + "\"";
        wide += (i > 0 ? "," : "") + name + R"(:{"$ref":"#/$defs/a"})";
        required += (i > 0 ? "," : "") + name;
    }
    wide += R"(},"required":[)" + required + "]}}}";
    for (
        const std::string& schema : std::vector<std::string>{
            wide, R"({"$ref":"#"})", R"({"$ref":"#/nowhere"})", R"({"$ref":"https://example.com"})",
            R"({"allOf":[{"$ref":"#"}]})",
            R"({"type":"array","minItems":1000000000,"items":{"type":"string","minLength":1000000000}})",
            R"({"type":"integer","minimum":1e300})", R"({"type":"integer","multipleOf":0})",
            R"({"type":"number","minimum":5,"maximum":1})", R"({"type":7})", R"({"enum":[]})", "[]",
            "true"}) {
        INFO(schema.substr(0, 80));
        const auto parsed = json::Document::parse(schema);
        REQUIRE(parsed.has_value());
        const std::string made = demo::satisfy(parsed->root());
        CHECK(made.size() < 1'000'000);
        CHECK(json::Document::parse(made, {.depth = 200}).has_value());
    }
}
