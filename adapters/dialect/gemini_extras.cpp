#include "adapters/dialect/gemini_extras.hpp"

#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <array>

namespace tollgate::adapters::gemini {
namespace {

using json::Value;
using openai_shape::is_set;

struct Spelling {
    std::string_view snake;
    std::string_view camel;
};
constexpr std::array<Spelling, 4> kTopLevel{{
    {"safety_settings", "safetySettings"},
    {"cached_content", "cachedContent"},
    {"labels", "labels"},
    {"model_armor_config", "modelArmorConfig"},
}};

std::string camel_case(std::string_view name) {
    std::string out;
    bool raise = false;
    for (const char c : name) {
        if (c == '_') {
            raise = true;
            continue;
        }
        out += raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        raise = false;
    }
    return out;
}

}  // namespace

Extras::Extras(Value root) {
    take_top_level(root);
    take_config(root["generationConfig"]);
    take_config(root["generation_config"]);
    for (const Value google : {root["google"], root["extra_body"]["google"]}) {
        take_top_level(google);
        take_config(google["generationConfig"]);
        take_config(google["generation_config"]);
        take_rest(google);
    }
}

bool Extras::has_config(std::string_view name) const {
    return std::ranges::find(config_, name, &Field::name) != config_.end();
}

void Extras::add(Fields& fields, std::string name, Value value) {
    if (is_set(value) && std::ranges::find(fields, name, &Field::name) == fields.end()) {
        fields.push_back({.name = std::move(name), .json = value.raw()});
    }
}

void Extras::write(json::Writer& writer, const Fields& fields) {
    for (const Field& field : fields) {
        writer.member_raw(field.name, field.json);
    }
}

void Extras::take_top_level(Value object) {
    for (const Spelling& name : kTopLevel) {
        add(top_, std::string(name.camel), object[name.camel]);
        add(top_, std::string(name.camel), object[name.snake]);
    }
}

void Extras::take_config(Value config) {
    if (!config.is_object()) {
        return;
    }
    for (const Value member : config) {
        add(config_, camel_case(member.key()), member);
    }
}

// What remains under `google` is generation configuration, but for the one name that only tunes
// Google's own translation to OpenAI's shape.
void Extras::take_rest(Value google) {
    if (!google.is_object()) {
        return;
    }
    for (const Value member : google) {
        const std::string name = camel_case(member.key());
        if (name != "thoughtTagMarker" && name != "generationConfig" &&
            std::ranges::find(kTopLevel, name, &Spelling::camel) == kTopLevel.end()) {
            add(config_, name, member);
        }
    }
}

Value native_option(Value root, std::string_view camel, std::string_view snake) noexcept {
    for (const Value object : {root, root["google"], root["extra_body"]["google"]}) {
        for (const std::string_view name : {camel, snake}) {
            if (const Value value = object[name]; is_set(value)) {
                return value;
            }
        }
    }
    return {};
}

}  // namespace tollgate::adapters::gemini
