#include "adapters/demo/schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

namespace tollgate::demo {
namespace {

using json::Kind;
using json::Value;

constexpr std::size_t kOutputLimit = 64 * 1024;
constexpr int kOptionalDepth = 6;  // optional members are left out below this
constexpr int kDepthLimit = 24;    // required recursion ends in null here
constexpr std::size_t kMostItems = 64;
constexpr std::size_t kLongestString = 4096;

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kFormats{{
    {"date-time", "2025-01-15T09:30:00Z"},
    {"date", "2025-01-15"},
    {"time", "09:30:00Z"},
    {"duration", "PT1H"},
    {"email", "demo@example.com"},
    {"uri", "https://example.com/demo"},
    {"uuid", "00000000-0000-4000-8000-000000000000"},
    {"ipv4", "192.0.2.1"},
}};

class Generator {
public:
    explicit Generator(Value root) : root_(root), writer_(out_) {}

    std::string run() {
        value(root_, "value", 0, 0);
        return std::move(out_);
    }

private:
    // `ordinal` tells array elements apart, for uniqueItems.
    void value(Value schema, std::string_view name, std::size_t ordinal, int depth) {
        schema = follow(schema);
        if (depth >= kDepthLimit || out_.size() > kOutputLimit || !schema.is_object()) {
            writer_.null();
            return;
        }
        if (const Value fixed = schema["const"]; fixed.exists()) {
            writer_.raw(fixed.raw());
            return;
        }
        if (const Value choices = schema["enum"]; choices.size() > 0) {
            writer_.raw(choices[ordinal % choices.size()].raw());
            return;
        }
        if (const Value branch = branch_of(schema, depth); branch.exists()) {
            value(branch, name, ordinal, depth + 1);
            return;
        }
        by_type(schema, name, ordinal, depth);
    }

    void by_type(Value schema, std::string_view name, std::size_t ordinal, int depth) {
        const std::string_view type = type_of(schema);
        if (type == "object") {
            object(schema, depth);
        } else if (type == "array") {
            array(schema, name, depth);
        } else if (type == "integer") {
            writer_.integer(integer(schema, ordinal));
        } else if (type == "number") {
            number(schema, ordinal);
        } else if (type == "boolean") {
            writer_.boolean(true);
        } else if (type == "null") {
            writer_.null();
        } else {
            string(schema, name, ordinal);
        }
    }

    // A $ref chain within the document: "#", "#/$defs/x", any JSON pointer.  Bounded, because
    // chains may be cycles.
    [[nodiscard]] Value follow(Value schema) const {
        for (int hops = 0; hops < 16; ++hops) {
            const Value ref = schema["$ref"];
            if (!ref.is_string()) {
                return schema;
            }
            schema = resolve(ref.string());
        }
        return {};
    }

    [[nodiscard]] Value resolve(std::string_view pointer) const {
        if (!pointer.starts_with('#')) {
            return {};
        }
        pointer.remove_prefix(1);
        Value at = root_;
        while (pointer.starts_with('/')) {
            pointer.remove_prefix(1);
            const std::size_t slash = std::min(pointer.find('/'), pointer.size());
            const std::string token = unescape_token(pointer.substr(0, slash));
            pointer.remove_prefix(slash);
            std::size_t index = 0;
            const auto [end, error] =
                std::from_chars(token.data(), token.data() + token.size(), index);
            at = at.is_array() && error == std::errc{} ? at[index] : at[token];
        }
        return at;
    }

    static std::string unescape_token(std::string_view token) {  // RFC 6901 §4
        std::string text;
        for (std::size_t i = 0; i < token.size(); ++i) {
            if (token[i] == '~' && i + 1 < token.size()) {
                text.push_back(token[++i] == '1' ? '/' : '~');
            } else {
                text.push_back(token[i]);
            }
        }
        return text;
    }

    // The first branch; deep down one that is null or no reference, so that recursive schemas come
    // to an end.
    [[nodiscard]] Value branch_of(Value schema, int depth) const {
        if (schema["properties"].exists() || schema["items"].exists()) {
            return {};
        }
        for (const std::string_view word : {"anyOf", "oneOf", "allOf"}) {
            const Value branches = schema[word];
            if (branches.size() == 0) {
                continue;
            }
            if (depth >= kOptionalDepth && word != "allOf") {
                for (const Value branch : branches) {
                    if (type_of(follow(branch)) == "null") {
                        return branch;
                    }
                }
                for (const Value branch : branches) {
                    if (!branch["$ref"].exists()) {
                        return branch;
                    }
                }
            }
            return branches[0];
        }
        return {};
    }

    static std::string_view type_of(Value schema) {
        const Value type = schema["type"];
        if (type.is_string()) {
            return type.string();
        }
        for (const Value one : type) {
            if (one.string() != "null") {
                return one.string();
            }
        }
        if (type.size() > 0) {
            return "null";
        }
        if (schema["properties"].exists()) {
            return "object";
        }
        if (schema["items"].exists() || schema["prefixItems"].exists()) {
            return "array";
        }
        return schema["minimum"].exists() || schema["maximum"].exists() ? "number" : "string";
    }

    void object(Value schema, int depth) {
        writer_.begin_object();
        std::set<std::string_view> required;
        for (const Value name : schema["required"]) {
            if (name.is_string()) {
                required.insert(name.string());
            }
        }
        for (const Value property : schema["properties"]) {
            if (required.erase(property.key()) > 0 ||
                (depth < kOptionalDepth && out_.size() < kOutputLimit)) {
                writer_.key(property.key());
                value(property, property.key(), 0, depth + 1);
            }
        }
        for (const std::string_view name : required) {  // not described: anything will do
            writer_.member(name, "demo");
        }
        writer_.end_object();
    }

    void array(Value schema, std::string_view name, int depth) {
        writer_.begin_array();
        const Value prefix = schema["prefixItems"];
        const std::size_t natural =
            std::max<std::size_t>(prefix.size(), depth < kOptionalDepth ? 1 : 0);
        std::size_t count = std::max<std::size_t>(natural, schema["minItems"].count());
        if (const auto most = schema["maxItems"].integer(); most && *most >= 0) {
            count = std::min(count, static_cast<std::size_t>(*most));
        }
        count = std::min(count, kMostItems);
        for (std::size_t i = 0; i < count; ++i) {
            const Value item = i < prefix.size() ? prefix[i] : schema["items"];
            if (item.is_object()) {
                value(item, name, i, depth + 1);
            } else {
                writer_.string("demo " + std::to_string(i + 1));
            }
        }
        writer_.end_array();
    }

    struct Bounds {
        double low;
        double high;
        double step;  // 0: none
    };

    static Bounds bounds(Value schema, double least_step) {
        Bounds found{-1e15, 1e15, std::abs(schema["multipleOf"].number().value_or(0))};
        const auto raise = [&](double to) { found.low = std::max(found.low, to); };
        const auto lower = [&](double to) { found.high = std::min(found.high, to); };
        if (const auto low = schema["minimum"].number()) {
            raise(*low);
        }
        if (const auto high = schema["maximum"].number()) {
            lower(*high);
        }
        if (const auto low = schema["exclusiveMinimum"].number()) {
            raise(*low + least_step);
        }
        if (const auto high = schema["exclusiveMaximum"].number()) {
            lower(*high - least_step);
        }
        return found;
    }

    static double pick(const Bounds& range, double wish) {
        double chosen = std::clamp(wish, range.low, std::max(range.low, range.high));
        if (range.step > 0) {
            chosen = std::floor(chosen / range.step) * range.step;
            if (chosen < range.low) {
                chosen += range.step;
            }
        }
        return chosen;
    }

    static std::int64_t integer(Value schema, std::size_t ordinal) {
        Bounds range = bounds(schema, 1);
        range.low = std::ceil(range.low);
        range.high = std::floor(range.high);
        return static_cast<std::int64_t>(
            std::clamp(pick(range, 42 + static_cast<double>(ordinal)), -9e15, 9e15));
    }

    void number(Value schema, std::size_t ordinal) {
        const Bounds rough = bounds(schema, 0);
        // An exclusive bound of a narrow range needs a small step.
        const double gap = std::clamp((rough.high - rough.low) / 4, 0.0, 0.5);
        const double chosen = pick(bounds(schema, gap), 4.25 + static_cast<double>(ordinal));
        std::array<char, 32> digits{};
        const auto [end, error] =
            std::to_chars(digits.data(), digits.data() + digits.size(), chosen);
        writer_.raw({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }

    void string(Value schema, std::string_view name, std::size_t ordinal) {
        for (const auto& [format, example] : kFormats) {
            if (schema["format"].string() == format) {
                writer_.string(example);
                return;
            }
        }
        std::string text = "demo ";
        for (const char c : name) {  // one character one byte, so that lengths can be kept
            text.push_back(static_cast<unsigned char>(c) < 0x80 ? c : '?');
        }
        if (ordinal > 0) {
            text += ' ' + std::to_string(ordinal + 1);
        }
        const std::size_t least =
            std::min<std::size_t>(schema["minLength"].count(), kLongestString);
        while (text.size() < least) {
            text += " demo";
        }
        std::size_t most = kLongestString;
        if (const auto limit = schema["maxLength"].integer(); limit && *limit >= 0) {
            most = std::min(most, static_cast<std::size_t>(*limit));
        }
        text.resize(std::min(text.size(), most));
        writer_.string(text);
    }

    Value root_;
    std::string out_;
    json::Writer writer_;
};

}  // namespace

std::string satisfy(json::Value schema) {
    return Generator(schema).run();
}

}  // namespace tollgate::demo
