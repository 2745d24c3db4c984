#include "router/capabilities.hpp"

#include "adapters/tokens/count.hpp"

#include <algorithm>
#include <string_view>

namespace tollgate::router {
namespace {

using adapters::Member;
using adapters::Request;
using catalog::Can;

std::string_view value_of(const Request& request, std::string_view name) noexcept {
    const Member* const member = request.find(name);
    return member == nullptr ? std::string_view() : request.raw(*member);
}

/// Whether a quoted word stands in the JSON outside of strings: inside, its quotes are escaped.
bool has_word(std::string_view json, std::string_view quoted) noexcept {
    for (std::size_t at = json.find(quoted); at != std::string_view::npos;
         at = json.find(quoted, at + 1)) {
        if (at == 0 || json[at - 1] != '\\') {
            return true;
        }
    }
    return false;
}

bool is_filled_list(std::string_view json) noexcept {
    return json.size() > 2 && json.front() == '[' &&
           json.find_first_not_of(" \t\r\n", 1) != json.size() - 1;
}

bool wants_tools(const Request& request) noexcept {
    return is_filled_list(value_of(request, "tools")) ||
           is_filled_list(value_of(request, "functions"));
}

bool wants_schema(const Request& request) noexcept {
    return has_word(value_of(request, "response_format"), "\"json_schema\"");
}

/// The context that is certainly not enough.  Prompts are estimated from their bytes, on the high
/// side; a quarter less is what the vendor may well count.
std::optional<Unfit> too_long(const Request& request, const catalog::Model& model) {
    const std::uint64_t answer = request.max_output.value_or(0);
    const std::uint64_t window = model.context;
    if (window == 0 || request.body.size() + answer <= window) {
        return std::nullopt;  // a token has a byte at least
    }
    const std::uint64_t prompt = tokens::estimate_prompt(request) / 4 * 3;
    if (prompt + answer <= window) {
        return std::nullopt;
    }
    return Unfit{.reason = "takes " + std::to_string(window) +
                           " tokens; this is a prompt of about " + std::to_string(prompt) +
                           " and up to " + std::to_string(answer) + " for the answer",
                 .is_context = true};
}

}  // namespace

std::optional<Unfit> unfit(const Request& request, const catalog::Model* model,
                           const adapters::Vendor& vendor) {
    if (model == nullptr || request.operation == adapters::Operation::embeddings) {
        return std::nullopt;
    }
    const catalog::Cans& lacks = model->cannot;
    const bool is_relayed = adapters::dialect(vendor.dialect).relays();
    if (!lacks.empty()) {
        const std::string_view messages = value_of(request, "messages");
        if (lacks.has(Can::tools) && wants_tools(request)) {
            return Unfit{.reason = "takes no tools"};
        }
        // Translating dialects and json_schema_as_object express a schema by other means.
        if (lacks.has(Can::structured_output) && is_relayed &&
            !vendor.request.json_schema_as_object && wants_schema(request)) {
            return Unfit{.reason = "takes no json_schema"};
        }
        if (lacks.has(Can::vision) && has_word(messages, "\"image_url\"")) {
            return Unfit{.reason = "takes no images"};
        }
        if (lacks.has(Can::audio_input) && has_word(messages, "\"input_audio\"")) {
            return Unfit{.reason = "takes no audio"};
        }
    }
    return too_long(request, *model);
}

Result<void> keep_fit(const Request& request, Route& route) {
    std::string reasons;
    bool only_context = true;
    std::erase_if(route.targets, [&](const RoutedTarget& target) {
        const std::optional<Unfit> wrong = unfit(request, target.known(), target.provider->vendor);
        if (!wrong) {
            return false;
        }
        only_context = only_context && wrong->is_context;
        LeftOut& left_out = route.left_out.emplace_back();
        left_out.target = target.provider->endpoint.provider + "/";
        left_out.target.append(target.model.substr(0, 200));
        left_out.reason = wrong->reason;
        reasons.append(reasons.empty() ? "" : "; ").append(left_out.target);
        reasons.append(" ").append(left_out.reason);
        return true;
    });
    if (!route.targets.empty()) {
        return {};
    }
    return std::unexpected(
        Failure{.kind = only_context ? FailureKind::context_exceeded : FailureKind::bad_request,
                .detail = "No model of this route can serve the request: " + reasons + ".",
                .param = only_context ? "messages" : "model"});
}

}  // namespace tollgate::router
