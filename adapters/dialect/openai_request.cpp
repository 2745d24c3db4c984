#include "adapters/codec/json.hpp"
#include "adapters/dialect/openai.hpp"

#include <algorithm>
#include <charconv>

namespace tollgate::adapters::openai {
namespace {

using json::Document;
using json::ObjectEdit;
using json::Value;

// Of one member of a body that Request::peek has checked already.
constexpr json::Limits kLimits{.depth = 1024};

std::string_view shown(const Vendor& vendor) noexcept {
    return vendor.display.empty() ? vendor.name : vendor.display;
}

/// Where a value parsed out of a piece of the body stands in the body: raw() views the very bytes.
Range place_of(Value value, std::string_view body) noexcept {
    const auto begin = static_cast<std::size_t>(value.raw().data() - body.data());
    return {begin, begin + value.raw().size()};
}

/// null and false ask for nothing: such a member can go where the vendor does not know it.
bool asks_for_nothing(std::string_view json) noexcept {
    return json == "null" || json == "false";
}

Result<void> refuse(const Request& request, const Vendor& vendor, ObjectEdit& edit) {
    for (const std::string_view key : vendor.request.refuse) {
        const Member* member = request.find(key);
        if (member == nullptr) {
            continue;
        }
        if (!asks_for_nothing(request.raw(*member))) {
            return fail_param(key,
                              std::string(shown(vendor)) + " does not support '" +
                                  std::string(key) +
                                  "'; remove it, or choose a model of another vendor.",
                              "unsupported_parameter");
        }
        edit.remove(*member);
    }
    return {};
}

Result<void> refuse_choices(const Request& request, const Vendor& vendor) {
    const Member* member = vendor.request.single_choice ? request.find("n") : nullptr;
    if (member == nullptr) {
        return {};
    }
    const std::string_view digits = request.raw(*member);
    double n = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (n > 1) {
        return fail_param("n",
                          std::string(shown(vendor)) +
                              " gives one choice per request: n must be 1, but is " +
                              std::string(digits.substr(0, 32)) + ".",
                          "unsupported_value");
    }
    return {};
}

/// One name for another; where both are there, the new one stays.
void rename(const Request& request, std::string_view from, std::string_view to, ObjectEdit& edit) {
    const Member* member = request.find(from);
    if (member == nullptr || edit.is_removed(*member)) {
        return;
    }
    if (request.find(to) == nullptr) {
        edit.rename(*member, to);
    } else {
        edit.remove(*member);
    }
}

void name_token_limit(const Request& request, TokenField field, ObjectEdit& edit) {
    if (field == TokenField::keep || request.operation != Operation::chat) {
        return;
    }
    const Member* older = request.find("max_tokens");
    const Member* newer = request.find("max_completion_tokens");
    if (older != nullptr && newer != nullptr) {
        // The newer name is the one that counts (see Request::max_output), so its value stays.
        edit.remove(*older);
        older = nullptr;
    }
    if (field == TokenField::max_tokens && newer != nullptr) {
        edit.rename(*newer, "max_tokens");
    } else if (field == TokenField::max_completion_tokens && older != nullptr) {
        edit.rename(*older, "max_completion_tokens");
    }
}

void name_developer_system(const Request& request, ObjectEdit& edit) {
    const Member* messages = request.find("messages");
    // A quote inside a string is escaped, so this finds the word as a whole string only.
    if (messages == nullptr ||
        request.raw(*messages).find("\"developer\"") == std::string_view::npos) {
        return;
    }
    const Result<Document> document = Document::parse(request.raw(*messages), kLimits);
    if (!document) {
        return;  // not reached: peek has checked the body
    }
    for (const Value message : document->root()) {
        if (const Value role = message["role"]; role.string() == "developer") {
            edit.replace(place_of(role, request.body), "\"system\"");
        }
    }
}

void loosen_schema(const Request& request, ObjectEdit& edit) {
    const Member* format = request.find("response_format");
    if (format == nullptr || edit.is_removed(*format)) {
        return;
    }
    const Result<Document> document = Document::parse(request.raw(*format), kLimits);
    if (document && (*document)["type"].string() == "json_schema") {
        edit.replace(format->value, R"({"type":"json_object"})");
    }
}

}  // namespace

Result<void> apply_edits(const Request& request, const Vendor& vendor, ObjectEdit& edit) {
    const RequestEdits& edits = vendor.request;
    if (Result<void> done = refuse(request, vendor, edit); !done) {
        return done;
    }
    if (Result<void> done = refuse_choices(request, vendor); !done) {
        return done;
    }
    for (const std::string_view key : edits.drop) {
        if (const Member* member = request.find(key); member != nullptr) {
            edit.remove(*member);
        }
    }
    if (!edits.takes_fallbacks) {  // the gateway has read them
        for (const std::string_view key : {"models", "fallbacks"}) {
            if (const Member* member = request.find(key);
                member != nullptr && !edit.is_removed(*member)) {
                edit.remove(*member);
            }
        }
    }
    for (const Rename& one : edits.rename) {
        rename(request, one.from, one.to, edit);
    }
    name_token_limit(request, edits.token_field, edit);
    if (edits.developer_as_system) {
        name_developer_system(request, edit);
    }
    if (edits.json_schema_as_object) {
        loosen_schema(request, edit);
    }
    drop_foreign(request, vendor, edit);
    return {};
}

void ask_for_usage(const Request& request, ObjectEdit& edit) {
    constexpr std::string_view kWanted = R"({"include_usage":true})";
    const Member* options = request.find("stream_options");
    if (options == nullptr) {
        edit.append("stream_options", kWanted);
        return;
    }
    const Result<Document> document = Document::parse(request.raw(*options), kLimits);
    const Value object = document ? document->root() : Value();
    if (object.size() == 0) {
        edit.replace(options->value, std::string(kWanted));  // null or {}
        return;
    }
    if (const Value usage = object["include_usage"]; usage.exists()) {
        edit.replace(place_of(usage, request.body), "true");
        return;
    }
    edit.insert(options->value.end - 1, R"(,"include_usage":true)");
}

}  // namespace tollgate::adapters::openai
