// Bedrock's errors: an exception name in a header or in the body, a message in the body, or a frame
// inside a stream. Facts:
// https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
// (2026-08).
#include "adapters/dialect/bedrock.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace tollgate::adapters::bedrock {
namespace {

using enum FailureKind;

struct Row {
    std::string_view exception;  // lower case
    std::uint16_t status;        // what it comes with when it is not inside a stream
    FailureKind kind;
};

constexpr std::array kRows{
    Row{"accessdeniedexception", 403, upstream_auth},
    Row{"conflictexception", 400, upstream_rejected},
    Row{"expiredtokenexception", 403, upstream_auth},
    Row{"incompletesignatureexception", 403, upstream_auth},
    Row{"internalserverexception", 500, upstream_unavailable},
    Row{"invalidsignatureexception", 403, upstream_auth},
    Row{"missingauthenticationtokenexception", 403, upstream_auth},
    Row{"modelerrorexception", 424, upstream_unavailable},
    Row{"modelnotreadyexception", 429, upstream_limited},
    Row{"modelstreamerrorexception", 424, upstream_unavailable},
    Row{"modeltimeoutexception", 408, upstream_timeout},
    Row{"resourcenotfoundexception", 404, upstream_rejected},
    Row{"servicequotaexceededexception", 400, upstream_limited},
    Row{"serviceunavailableexception", 503, upstream_unavailable},
    Row{"throttlingexception", 429, upstream_limited},
    Row{"unrecognizedclientexception", 403, upstream_auth},
    Row{"validationexception", 400, upstream_rejected},
};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return out;
}

// "com.amazon.coral.service#ValidationException:http://…" -> "ValidationException"
std::string_view bare_name(std::string_view exception) {
    exception = exception.substr(0, exception.find(':'));
    return exception.substr(exception.rfind('#') + 1);
}

bool mentions(std::string_view message, std::initializer_list<std::string_view> phrases) {
    const std::string text = lower(message);
    return std::ranges::any_of(
        phrases, [&](std::string_view phrase) { return text.find(phrase) != std::string::npos; });
}

// A ValidationException says in prose what other vendors have codes for.
FailureKind refined(FailureKind kind, std::string_view message) {
    if (kind != upstream_rejected) {
        return kind;
    }
    if (mentions(message, {"input is too long", "prompt is too long", "too many input tokens",
                           "maximum context length", "context window", "exceed context limit",
                           "exceeds the maximum number of tokens"})) {
        return context_exceeded;
    }
    if (mentions(message, {"content filtering policy", "blocked by our content filters"})) {
        return content_filtered;
    }
    return kind;
}

std::string_view member(json::Value root, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        if (root[name].is_string()) {
            return root[name].string();
        }
    }
    return {};
}

}  // namespace

Failure failure_of(std::string_view exception, std::string_view message, unsigned status) {
    const std::string_view name = bare_name(exception);
    const auto row = std::ranges::find(kRows, lower(name), &Row::exception);
    Failure failure{.kind = upstream_unavailable, .detail = "Bedrock"};
    if (row != kRows.end()) {
        failure.kind = row->kind;
        failure.upstream_status = row->status;
    } else if (status != 0) {
        failure.kind = kind_of_status(status);
    }
    if (status != 0) {
        failure.upstream_status = static_cast<std::uint16_t>(status);
    }
    failure.kind = refined(failure.kind, message);
    if (!name.empty()) {
        failure.detail.append(" (").append(name.substr(0, 100)).append(")");
    }
    failure.detail.append(": ").append(message.empty() ? "no message was given"
                                                       : message.substr(0, 2000));
    if (mentions(message, {"on-demand throughput isn"})) {
        failure.detail.append(
            " Use an inference profile id, such as the model id behind a 'us.' or 'eu.' prefix.");
    }
    return failure;
}

Failure classify(const ResponseInfo& head, std::string_view body) {
    const auto document = json::Document::parse(body);
    json::Value root;
    if (document) {
        root = document->root();
    }
    if (root["Output"]["__type"].is_string()) {
        root = root["Output"];  // the front door's shape for an unknown operation
    }
    std::string_view name = head.error_type;
    if (name.empty()) {
        name = member(root, {"__type", "code"});
    }
    const std::string_view message = member(root, {"message", "Message", "originalMessage"});
    if (name.empty() && message.empty()) {
        return classify_common(head, body);
    }
    Failure failure = failure_of(name, message, head.status);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    failure.retry_after =
        parse_retry_after(head, std::chrono::duration_cast<std::chrono::seconds>(now).count());
    return failure;
}

}  // namespace tollgate::adapters::bedrock
