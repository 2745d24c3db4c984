#include "adapters/request.hpp"

#include "adapters/codec/json_walk.hpp"
#include "adapters/request_outline.hpp"

#include <charconv>

namespace tollgate::adapters {
namespace {

using namespace outline;

// Above any model's window, and what clients send for "no limit" (2^31 - 1) still passes.
constexpr std::uint64_t kMaxOutput = 4'294'967'295;

std::string_view name_of(Kind kind) noexcept {
    switch (kind) {
        case Kind::null:
            return "null";
        case Kind::boolean:
            return "a boolean";
        case Kind::number:
            return "a number";
        case Kind::string:
            return "a string";
        case Kind::array:
            return "an array";
        case Kind::object:
            return "an object";
        case Kind::missing:
            break;
    }
    return "nothing";
}

/// The member name (bounded) that begins at a fault's offset.
std::string name_at(std::string_view body, std::size_t offset) {
    const std::string_view rest = body.substr(offset + 1);
    return std::string(rest.substr(0, std::min<std::size_t>(rest.find('"'), 64)));
}

Failure explain(const Fault& fault, std::string_view body, std::size_t depth_limit) {
    Failure failure{.kind = FailureKind::bad_request, .detail = {}};
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        failure.detail =
            "The request body is empty; send a JSON object with content-type application/json.";
    } else if (fault.what == kNotObject) {
        failure.detail =
            "The request body is JSON, but not an object; send an object such as "
            "{\"model\": \"…\", …}.";
    } else if (fault.what == kDuplicate) {
        failure.param = name_at(body, fault.offset);
        failure.code = "duplicate_parameter";
        failure.detail = "Parameter '" + std::string(failure.param) +
                         "' is given twice (second time at byte " + std::to_string(fault.offset) +
                         "); send it once.";
    } else if (fault.what == kEscapedKey) {
        failure.param = name_at(body, fault.offset);
        failure.detail = "The parameter name at byte " + std::to_string(fault.offset) +
                         " is written with a backslash; write top-level names as they are.";
    } else if (fault.what == kTooManyMembers) {
        failure.detail = "The request has more than " + std::to_string(kMemberLimit) +
                         " top-level parameters; remove those that are not needed.";
    } else if (fault.what == json::kTooDeep) {
        failure.detail = "The request body nests arrays and objects deeper than the limit of " +
                         std::to_string(std::min(depth_limit, json::kDepthCeiling)) +
                         " levels (at byte " + std::to_string(fault.offset) +
                         "); flatten it, or have server.limits.json_depth raised.";
    } else {
        failure.detail = "The request body is not valid JSON: " + std::string(fault.what) +
                         " at byte " + std::to_string(fault.offset) +
                         "; send one JSON object encoded in UTF-8.";
    }
    return failure;
}

/// Checks and reads the members that the gateway itself depends on.
class Reader {
public:
    Reader(Request& request, const Outline& outline) : request_(request), outline_(outline) {}

    [[nodiscard]] Result<void> read() {
        if (Result<void> done = model(); !done) {
            return done;
        }
        if (Result<void> done = content(); !done) {
            return done;
        }
        if (Result<void> done = streaming(); !done) {
            return done;
        }
        if (Result<void> done = output_limit("max_tokens"); !done) {
            return done;
        }
        return output_limit("max_completion_tokens");
    }

private:
    [[nodiscard]] const Shape& shape(const Member* member) const noexcept {
        static constexpr Shape kMissing;
        return member == nullptr
                   ? kMissing
                   : outline_.shape(static_cast<std::size_t>(member - request_.members.data()));
    }
    static Result<void> wrong_type(std::string_view name, std::string_view expected, Kind got) {
        return fail_param(name,
                          "Invalid type for '" + std::string(name) + "': it must be " +
                              std::string(expected) + ", but is " + std::string(name_of(got)) + ".",
                          "invalid_type");
    }
    static Result<void> missing(std::string_view name, std::string_view advice) {
        return fail_param(
            std::string(name),
            "Missing required parameter: '" + std::string(name) + "'. " + std::string(advice),
            "missing_required_parameter");
    }

    Result<void> model() {
        constexpr std::string_view kAdvice =
            "Name the model to use, for example \"gpt-4o\"; GET /v1/models lists them.";
        const Member* member = request_.find("model");
        const Kind kind = shape(member).kind;
        if (kind == Kind::missing || kind == Kind::null) {
            return missing("model", kAdvice);
        }
        if (kind != Kind::string) {
            return wrong_type("model", "a string", kind);
        }
        const std::string_view quoted = request_.raw(*member);
        request_.model = quoted.substr(1, quoted.size() - 2);
        if (request_.model.find('\\') != std::string_view::npos) {
            std::string text;
            if (json::unescape(request_.model, text) != std::string_view::npos) {
                return wrong_type("model", "a string",
                                  kind);  // not reached: escapes are checked before
            }
            request_.unescaped_model = std::make_shared<const std::string>(std::move(text));
            request_.model = *request_.unescaped_model;
        }
        if (request_.model.empty()) {
            return fail_param("model", "Parameter 'model' is empty. " + std::string(kAdvice),
                              "invalid_value");
        }
        return {};
    }

    Result<void> content() {
        switch (request_.operation) {
            case Operation::chat:
                return messages();
            case Operation::completions:
                return text_or_array("prompt",
                                     "Send the text to complete as a string or an array.");
            case Operation::embeddings:
                return text_or_array("input", "Send the text to embed as a string or an array.");
        }
        return {};
    }

    Result<void> messages() {
        const Shape& found = shape(request_.find("messages"));
        if (found.kind == Kind::missing) {
            return missing("messages",
                           "Send the conversation as an array of objects with role and content.");
        }
        if (found.kind != Kind::array) {
            return wrong_type("messages", "an array of objects", found.kind);
        }
        if (found.children == 0) {
            return empty_array("messages");
        }
        if (found.odd_child != 0) {
            return wrong_type("messages[" + std::to_string(found.odd_child - 1) + "]",
                              "an object with role and content", found.odd_kind);
        }
        return {};
    }

    Result<void> text_or_array(std::string_view name, std::string_view advice) {
        const Shape& found = shape(request_.find(name));
        if (found.kind == Kind::missing || found.kind == Kind::null) {
            return missing(name, advice);
        }
        if (found.kind == Kind::array && found.children == 0) {
            return empty_array(name);
        }
        if (found.kind != Kind::array && found.kind != Kind::string) {
            return wrong_type(name, "a string or an array", found.kind);
        }
        return {};
    }
    static Result<void> empty_array(std::string_view name) {
        return fail_param(
            std::string(name),
            "Invalid '" + std::string(name) + "': the array is empty; send at least one element.",
            "empty_array");
    }

    Result<void> streaming() {
        const Member* stream = request_.find("stream");
        const Kind kind = shape(stream).kind;
        if (kind == Kind::boolean) {
            request_.stream = request_.raw(*stream).front() == 't';
        } else if (kind != Kind::missing && kind != Kind::null) {
            return wrong_type("stream", "true or false", kind);
        }
        const Kind options = shape(request_.find("stream_options")).kind;
        if (options != Kind::missing && options != Kind::null && options != Kind::object) {
            return wrong_type("stream_options", "an object", options);
        }
        const Kind usage = outline_.usage_kind();
        if (usage != Kind::missing && usage != Kind::null && usage != Kind::boolean) {
            return wrong_type("stream_options.include_usage", "true or false", usage);
        }
        request_.include_usage = usage == Kind::boolean && outline_.usage_wanted();
        return {};
    }

    Result<void> output_limit(std::string_view name) {
        const Member* member = request_.find(name);
        const Kind kind = shape(member).kind;
        if (kind == Kind::missing || kind == Kind::null) {
            return {};
        }
        if (kind != Kind::number) {
            return wrong_type(name, "an integer", kind);
        }
        const std::string_view digits = request_.raw(*member);
        std::uint64_t number = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), number);
        const bool whole = end == digits.data() + digits.size() && error == std::errc{};
        if (!whole || number == 0 || number > kMaxOutput) {
            return fail_param(name,
                              "Invalid '" + std::string(name) +
                                  "': it must be an integer from 1 to " +
                                  std::to_string(kMaxOutput) + ", but is " +
                                  std::string(digits.substr(0, 32)) + ".",
                              "invalid_value");
        }
        request_.max_output = number;
        return {};
    }

    Request& request_;
    const Outline& outline_;
};

}  // namespace

std::string_view to_string(Operation operation) noexcept {
    switch (operation) {
        case Operation::chat:
            return "chat";
        case Operation::completions:
            return "completions";
        case Operation::embeddings:
            return "embeddings";
    }
    return {};
}

const Member* Request::find(std::string_view key) const noexcept {
    for (const Member& member : members) {
        if (member.key == key) {
            return &member;
        }
    }
    return nullptr;
}

Result<Request> Request::peek(Operation operation, std::string_view body, std::size_t depth_limit) {
    Request request;
    request.operation = operation;
    request.body = body;
    std::span<const std::uint32_t> tokens;
    Fault fault = json::index_tokens(body, tokens);
    if (fault) {
        return std::unexpected(explain(fault, body, depth_limit));
    }
    Outline outline(body, request.members);
    fault = json::Walker<Outline>(body, tokens, depth_limit, outline).run();
    if (!fault) {
        fault = json::check_escapes(body);
    }
    if (fault) {
        return std::unexpected(explain(fault, body, depth_limit));
    }
    if (Result<void> read = Reader(request, outline).read(); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return request;
}

}  // namespace tollgate::adapters
