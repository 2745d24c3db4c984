#include "adapters/dialect/anthropic.hpp"

#include "adapters/vendor.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace tollgate::adapters::anthropic {
namespace {

struct ErrorType {
    std::string_view name;
    std::uint16_t status;
    FailureKind kind;
};
// https://docs.anthropic.com/en/api/errors
constexpr std::array kErrorTypes{
    ErrorType{"invalid_request_error", 400, FailureKind::upstream_rejected},
    ErrorType{"authentication_error", 401, FailureKind::upstream_auth},
    ErrorType{"billing_error", 402, FailureKind::upstream_quota},
    ErrorType{"permission_error", 403, FailureKind::upstream_auth},
    ErrorType{"not_found_error", 404, FailureKind::upstream_rejected},
    ErrorType{"request_too_large", 413, FailureKind::upstream_rejected},
    ErrorType{"rate_limit_error", 429, FailureKind::upstream_limited},
    ErrorType{"api_error", 500, FailureKind::upstream_unavailable},
    ErrorType{"timeout_error", 504, FailureKind::upstream_timeout},
    ErrorType{"overloaded_error", 529, FailureKind::upstream_unavailable},
};

struct Phrase {
    std::string_view text;
    FailureKind kind;
};
// invalid_request_error covers all of these; only the text tells them apart.
constexpr std::array kPhrases{
    Phrase{"prompt is too long", FailureKind::context_exceeded},
    Phrase{"exceed context limit", FailureKind::context_exceeded},
    Phrase{"context window", FailureKind::context_exceeded},
    Phrase{"credit balance is too low", FailureKind::upstream_quota},
    Phrase{"content filtering policy", FailureKind::content_filtered},
};

std::int64_t now_unix() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void refine(Failure& failure, std::string_view type, std::string_view message) {
    if (type == "not_found_error") {
        // The request's path is ours and fixed, so what was not found is the model or a file that
        // the text names.
        failure.code =
            message.find("model") != std::string_view::npos ? "model_not_found" : "not_found";
    }
    if (failure.kind != FailureKind::upstream_rejected) {
        return;
    }
    for (const Phrase& phrase : kPhrases) {
        if (message.find(phrase.text) != std::string_view::npos) {
            failure.kind = phrase.kind;
            return;
        }
    }
}

// `path` below the base URL, whose own "/v1" (people copy it from other vendors) is not doubled.
std::string path_of(const Endpoint& endpoint, std::string_view path) {
    std::string_view base = endpoint.base_url;
    const std::size_t scheme = base.find("://");
    const std::size_t slash = base.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
    base = slash == std::string_view::npos ? std::string_view{} : base.substr(slash);
    while (base.ends_with('/')) {
        base.remove_suffix(1);
    }
    if (base.ends_with("/v1")) {
        base.remove_suffix(3);
    }
    return std::string(base) + std::string(path);
}

std::string version_of(const Endpoint& endpoint) {
    if (!endpoint.api_version.empty()) {
        return endpoint.api_version;
    }
    return std::string(endpoint.vendor->api_version.empty() ? "2023-06-01"
                                                            : endpoint.vendor->api_version);
}

class Anthropic final : public Dialect {
public:
    std::string_view name() const noexcept override { return "anthropic"; }

    Result<void> encode(const Request& request, const Target& target,
                        UpstreamRequest& out) const override {
        const Endpoint& endpoint = *target.endpoint;
        const Vendor& vendor = *endpoint.vendor;
        const Carriage carriage{.vendor = vendor.display.empty() ? vendor.name : vendor.display,
                                .model = endpoint.upstream_model(target.model)};
        Result<Body> body = encode_body(request, carriage);
        if (!body) {
            return std::unexpected(std::move(body.error()));
        }
        out.target = path_of(endpoint, "/v1/messages");
        out.headers.push_back({.name = "anthropic-version", .value = version_of(endpoint)});
        std::string betas;
        for (const std::string_view beta : body->betas) {
            betas += betas.empty() ? "" : ",";
            betas += beta;
        }
        if (!betas.empty()) {
            out.headers.push_back({.name = "anthropic-beta", .value = std::move(betas)});
        }
        out.body.own(std::move(body->json));
        return {};
    }

    std::unique_ptr<Decoder> decoder(Delivery delivery, const DecodeContext&) const override {
        return anthropic::decoder(delivery);
    }

    Failure classify(const ResponseInfo& head, std::string_view body) const override {
        return anthropic::classify(head, body);
    }

    std::string models_path(const Endpoint& endpoint) const override {
        return path_of(endpoint, "/v1/models?limit=1000");
    }

    Result<std::vector<std::string>> models(std::string_view body) const override {
        const Result<json::Document> document = json::Document::parse(body);
        if (!document || !(*document)["data"].is_array()) {
            return fail(FailureKind::protocol_error, "the vendor's list of models is not readable");
        }
        std::vector<std::string> ids;
        for (const json::Value model : (*document)["data"]) {
            if (const std::string_view id = model["id"].string(); !id.empty()) {
                ids.emplace_back(id);
            }
        }
        return ids;
    }
};

}  // namespace

Failure classify(const ResponseInfo& head, std::string_view body) {
    const Result<json::Document> document = json::Document::parse(body);
    const json::Value error = document ? (*document)["error"] : json::Value{};
    const std::string_view type = error["type"].string();
    const auto* const row = std::ranges::find(kErrorTypes, type, &ErrorType::name);
    const bool is_inside_2xx = head.status < 300;
    if (row == kErrorTypes.end() && (!error.is_object() || !is_inside_2xx)) {
        return classify_common(head, body);  // a proxy's page, or an imitator's own shape
    }
    Failure failure;
    failure.kind = row != kErrorTypes.end() ? row->kind : FailureKind::upstream_unavailable;
    failure.upstream_status = is_inside_2xx
                                  ? (row != kErrorTypes.end() ? row->status : std::uint16_t{500})
                                  : static_cast<std::uint16_t>(head.status);
    const std::string_view message = error["message"].string();
    failure.detail = message.empty() ? type : message;
    if (const std::string_view id = (*document)["request_id"].string(); !id.empty()) {
        failure.detail += " (upstream request " + std::string(id) + ")";
    }
    refine(failure, type, message);
    failure.retry_after = parse_retry_after(head, now_unix());
    return failure;
}

}  // namespace tollgate::adapters::anthropic

namespace tollgate::adapters::dialects {

const Dialect& anthropic() noexcept {
    static const anthropic::Anthropic dialect;
    return dialect;
}

}  // namespace tollgate::adapters::dialects
