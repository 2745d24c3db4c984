// JSON Schema reduced to the subset of OpenAPI 3.0 that Gemini's `parameters` and `responseSchema`
// take. https://ai.google.dev/api/caching#Schema.  Newer models take JSON Schema itself and never
// come here.
#include "adapters/dialect/gemini.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace tollgate::adapters::gemini {
namespace {

using json::Value;

// Copied as they are.  Everything not named in this file is left out: Google answers 400 to unknown
// keywords.
constexpr std::array<std::string_view, 14> kPlain{
    "title",         "description",      "minItems",  "maxItems", "minProperties",
    "maxProperties", "minLength",        "maxLength", "pattern",  "minimum",
    "maximum",       "propertyOrdering", "default",   "example"};
constexpr std::array<std::string_view, 6> kFormats{"enum",  "date-time", "int32",
                                                   "int64", "float",     "double"};
// A schema deeper than this comes from a reference cycle that grows, or from an attack; it becomes
// a plain object.
constexpr std::size_t kDepthLimit = 32;
// Inlining references can multiply a schema without bound; past this many bytes the rest becomes
// plain objects.
constexpr std::size_t kSizeLimit = 1024 * 1024;
constexpr std::size_t kNodeBytes = 32;  // about what one schema costs besides its copied values

std::string upper(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
    return out;
}

bool says_null(Value schema) noexcept {
    return schema["type"].string() == "null";
}

/// A schema after references are followed and allOf is laid over it: several objects read as one,
/// the first that has a keyword wins; `properties` and `required` are united.
using Layers = std::vector<Value>;

Value find(const Layers& layers, std::string_view key) noexcept {
    for (const Value layer : layers) {
        if (const Value value = layer[key]; value.exists()) {
            return value;
        }
    }
    return {};
}

class Cleaner {
public:
    explicit Cleaner(Value root) : root_(root) {}

    void write(std::string& out, Value schema) {
        written_ += kNodeBytes;
        if (path_.size() >= kDepthLimit || written_ > kSizeLimit) {
            out += R"({"type":"OBJECT"})";
            return;
        }
        Layers layers;
        const std::size_t before = path_.size();
        if (gather(schema, layers)) {
            write_object(out, layers);
        } else {
            out += R"({"type":"OBJECT"})";  // a type that contains itself cannot be written out
        }
        path_.resize(before);
    }

private:
    /// False on a reference cycle.  Followed schemas stay on path_ until write() is done with them.
    bool gather(Value schema, Layers& layers) {
        if (std::ranges::find(path_, schema.raw().data(), [](Value v) { return v.raw().data(); }) !=
                path_.end() ||
            path_.size() > 2 * kDepthLimit) {
            return false;
        }
        path_.push_back(schema);
        layers.push_back(schema);
        if (const std::string_view reference = schema["$ref"].string(); !reference.empty()) {
            const Value target = resolve(reference);
            if (target.is_object() && !gather(target, layers)) {
                return false;
            }
        }
        for (const Value part : schema["allOf"]) {
            if (part.is_object() && !gather(part, layers)) {
                return false;
            }
        }
        const Value lone = lone_choice(choice_of(schema));
        return !lone.exists() || gather(lone, layers);
    }

    static Value choice_of(Value schema) noexcept {
        const Value any = schema["anyOf"];
        return any.is_array() ? any : schema["oneOf"];
    }

    /// The only alternative besides null, as optional fields are commonly written; missing when
    /// there are more.
    static Value lone_choice(Value choice) noexcept {
        Value lone;
        for (const Value one : choice) {
            if (!one.is_object() || says_null(one)) {
                continue;
            }
            if (lone.exists()) {
                return {};
            }
            lone = one;
        }
        return lone;
    }

    /// "#/$defs/Name" and longer JSON pointers into the same document; "~1" and "~0" are undone.
    Value resolve(std::string_view reference) const {
        if (reference == "#") {
            return root_;
        }
        if (!reference.starts_with("#/")) {
            return {};
        }
        reference.remove_prefix(2);
        Value at = root_;
        while (at.exists()) {
            const std::size_t slash = reference.find('/');
            at = at[unescape(reference.substr(0, slash))];
            if (slash == std::string_view::npos) {
                return at;
            }
            reference.remove_prefix(slash + 1);
        }
        return {};
    }

    static std::string unescape(std::string_view token) {
        std::string out;
        for (std::size_t i = 0; i < token.size(); ++i) {
            if (token[i] == '~' && i + 1 < token.size()) {
                ++i;
                out += token[i] == '1' ? '/' : '~';
            } else {
                out += token[i];
            }
        }
        return out;
    }

    void write_object(std::string& out, const Layers& layers) {
        json::Writer writer(out);
        writer.begin_object();
        const std::string type = write_type(writer, layers);
        for (const std::string_view key : kPlain) {
            if (const Value value = find(layers, key); value.exists() && !value.is_null()) {
                writer.member_raw(key, value.raw());
                written_ += value.raw().size();
            }
        }
        const std::string_view format = find(layers, "format").string();
        if (std::ranges::find(kFormats, format) != kFormats.end()) {
            writer.member("format", format);
        }
        write_enum(writer, layers, type);
        write_items(writer, out, layers, type);
        write_properties(writer, out, layers);
        writer.end_object();
    }

    /// Writes type, nullable and anyOf; gives the type in capitals, empty when a choice replaces
    /// it.
    std::string write_type(json::Writer& writer, const Layers& layers) {
        bool nullable = find(layers, "nullable").boolean();
        std::vector<std::string> types;
        if (const Value type = find(layers, "type"); type.is_array()) {
            for (const Value one : type) {
                if (one.string() == "null") {
                    nullable = true;
                } else {
                    types.push_back(upper(one.string()));
                }
            }
        } else if (type.is_string()) {
            types.push_back(upper(type.string()));
        }
        std::vector<std::string> choices = clean_choices(layers, nullable);
        if (choices.empty() &&
            types.size() > 1) {  // ["string", "number"]: Google has one type per schema
            for (const std::string& one : types) {
                choices.push_back("{\"type\":\"" + one + "\"}");
            }
            types.clear();
        }
        std::string type = types.empty() ? implied_type(layers, choices.empty()) : types.front();
        if (!type.empty()) {
            writer.member("type", type);
        }
        if (nullable) {
            writer.key("nullable").boolean(true);
        }
        if (!choices.empty()) {
            writer.key("anyOf").begin_array();
            for (const std::string& one : choices) {
                writer.raw(one);
            }
            writer.end_array();
        }
        return type;
    }

    std::vector<std::string> clean_choices(const Layers& layers, bool& nullable) {
        std::vector<std::string> choices;
        for (const Value layer : layers) {
            const Value choice = choice_of(layer);
            const bool is_lone = lone_choice(choice).exists();  // already one of the layers
            for (const Value one : choice) {
                if (says_null(one)) {
                    nullable = true;
                } else if (one.is_object() && !is_lone) {
                    write(choices.emplace_back(), one);
                }
            }
        }
        return choices;
    }

    static std::string implied_type(const Layers& layers, bool needed) {
        if (find(layers, "properties").is_object()) {
            return "OBJECT";
        }
        if (find(layers, "items").is_object()) {
            return "ARRAY";
        }
        if (find(layers, "enum").is_array() || find(layers, "const").exists()) {
            return "STRING";
        }
        return needed ? "OBJECT" : "";
    }

    /// Google's enum holds strings only, on strings only.
    static void write_enum(json::Writer& writer, const Layers& layers, std::string_view type) {
        const Value fixed = find(layers, "const");
        const Value list = find(layers, "enum");
        if (type != "STRING" || (!fixed.exists() && !list.is_array())) {
            return;
        }
        writer.key("enum").begin_array();
        const auto write_one = [&writer](Value value) {
            if (value.is_string()) {
                writer.string(value.string());
            } else if (!value.is_null()) {
                writer.string(value.raw());
            }
        };
        if (fixed.exists()) {
            write_one(fixed);
        } else {
            for (const Value value : list) {
                write_one(value);
            }
        }
        writer.end_array();
    }

    void write_items(json::Writer& writer, std::string& out, const Layers& layers,
                     std::string_view type) {
        const Value items = find(layers, "items");
        if (items.is_object()) {
            writer.key("items");
            write(out, items);
            writer_wrote(writer);
        } else if (type == "ARRAY") {  // refused without items
            writer.key("items").raw(R"({"type":"STRING"})");
        }
    }

    void write_properties(json::Writer& writer, std::string& out, const Layers& layers) {
        std::vector<std::string_view> names;
        for (const Value layer : layers) {
            for (const Value property : layer["properties"]) {
                if (std::ranges::find(names, property.key()) != names.end()) {
                    continue;
                }
                if (names.empty()) {  // an empty `properties` is refused
                    writer.key("properties").begin_object();
                }
                names.push_back(property.key());
                writer.key(property.key());
                write(out, property);
                writer_wrote(writer);
            }
        }
        if (names.empty()) {
            return;
        }
        writer.end_object();
        std::vector<std::string_view> required;
        for (const Value layer : layers) {
            for (const Value name : layer["required"]) {
                if (std::ranges::find(names, name.string()) != names.end() &&
                    std::ranges::find(required, name.string()) == required.end()) {
                    required.push_back(name.string());
                }
            }
        }
        if (required.empty()) {
            return;
        }
        writer.key("required").begin_array();
        for (const std::string_view name : required) {
            writer.string(name);
        }
        writer.end_array();
    }

    /// The nested value went straight to the buffer; an empty raw() tells the writer that one
    /// stands there.
    static void writer_wrote(json::Writer& writer) { writer.raw({}); }

    Value root_;
    std::vector<Value> path_;  // schemas being written, outermost first
    std::size_t written_ = 0;  // bytes, roughly
};

}  // namespace

std::string clean_schema(Value schema) {
    std::string out;
    Cleaner(schema).write(out, schema);
    return out;
}

}  // namespace tollgate::adapters::gemini
