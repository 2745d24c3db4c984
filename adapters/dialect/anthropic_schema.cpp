// JSON Schema as structured output takes it.
// Facts:
// https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations
#include "adapters/dialect/anthropic.hpp"

#include <algorithm>
#include <array>

namespace tollgate::adapters::anthropic {
namespace {

template <std::size_t N>
using Names = std::array<std::string_view, N>;

constexpr Names<10> kUnsupported{
    "minimum",   "maximum",   "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "maxItems",         "uniqueItems",      "minProperties"};
constexpr Names<4> kSchemaMaps{"properties", "$defs", "definitions", "patternProperties"};
constexpr Names<3> kSchemaLists{"anyOf", "allOf", "oneOf"};
constexpr Names<10> kFormats{"date-time", "time", "date", "duration", "email",
                             "hostname",  "uri",  "ipv4", "ipv6",     "uuid"};

template <std::size_t N>
bool among(const Names<N>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

bool is_supported(json::Value member) {
    const std::string_view key = member.key();
    if (key == "minItems") {
        return member.integer().value_or(2) <= 1;
    }
    if (key == "format") {
        return among(kFormats, member.string());
    }
    return !among(kUnsupported, key) && key != "maxProperties";
}

bool describes_object(json::Value schema) {
    const json::Value type = schema["type"];
    bool is_object = type.string() == "object" || schema["properties"].is_object();
    for (const json::Value one : type) {
        is_object |= one.string() == "object";
    }
    return is_object;
}

void write_member(json::Writer& writer, json::Value member) {
    const std::string_view key = member.key();
    writer.key(key == "oneOf" ? "anyOf"
                              : key);  // oneOf is not known; it promises more than is checked
    if (among(kSchemaMaps, key) && member.is_object()) {
        writer.begin_object();
        for (const json::Value schema : member) {
            writer.key(schema.key());
            write_output_schema(writer, schema);
        }
        writer.end_object();
    } else if (among(kSchemaLists, key) && member.is_array()) {
        writer.begin_array();
        for (const json::Value schema : member) {
            write_output_schema(writer, schema);
        }
        writer.end_array();
    } else if (key == "items" || key == "not") {
        write_output_schema(writer, member);
    } else {
        writer.raw(member.raw());
    }
}

}  // namespace

void write_output_schema(json::Writer& writer, json::Value schema) {
    if (!schema.is_object()) {
        writer.raw(schema.raw());
        return;
    }
    std::string notes;
    writer.begin_object();
    for (const json::Value member : schema) {
        if (!is_supported(member)) {
            notes += notes.empty() ? "" : ", ";
            notes += member.key();
            notes += ": ";
            notes += member.raw();
        } else if (member.key() != "description" && member.key() != "additionalProperties") {
            write_member(writer, member);
        }
    }
    std::string description(schema["description"].string());
    if (!notes.empty()) {
        description += description.empty() ? "(" : " (";
        description += notes;
        description += ')';
    }
    if (!description.empty()) {
        writer.member("description", description);
    }
    if (describes_object(schema)) {
        writer.key("additionalProperties").boolean(false);
    }
    writer.end_object();
}

}  // namespace tollgate::adapters::anthropic
