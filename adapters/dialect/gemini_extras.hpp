// Google's own fields in an OpenAI-shaped request.  They are passed on as they are:
//   top level   safetySettings / safety_settings, cachedContent / cached_content, labels,
//   modelArmorConfig top level   generationConfig / generation_config: its members win over ours
//   google.*    as in Google's OpenAI-compatible surface: extra_body.google, or google itself.  The
//   names above,
//               and any generationConfig member (thinking_config, image_config, media_resolution,
//               …)
// Other unknown fields are left out: Google answers 400 to every name that it does not know.
#pragma once

#include "adapters/codec/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::adapters::gemini {

/// The fields found, with camelCase names; the first of a name stands.  Views the request's
/// document.
class Extras {
public:
    explicit Extras(json::Value root);
    /// The client set this member of generationConfig.
    [[nodiscard]] bool has_config(std::string_view name) const;
    /// Both append members to the open object.
    void write_top(json::Writer& writer) const { write(writer, top_); }
    void write_config(json::Writer& writer) const { write(writer, config_); }

private:
    struct Field {
        std::string name;
        std::string_view json;
    };
    using Fields = std::vector<Field>;

    static void add(Fields& fields, std::string name, json::Value value);
    static void write(json::Writer& writer, const Fields& fields);
    void take_top_level(json::Value object);
    void take_config(json::Value config);
    void take_rest(json::Value google);

    Fields top_;
    Fields config_;
};

/// One option of another operation (embeddings) by either spelling: at the top level, or under
/// google.
[[nodiscard]] json::Value native_option(json::Value root, std::string_view camel,
                                        std::string_view snake) noexcept;

}  // namespace tollgate::adapters::gemini
