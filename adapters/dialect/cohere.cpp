// Cohere v2: POST /v2/chat and /v2/embed, SSE with typed events.  See cohere.hpp for the sources.
#include "adapters/dialect/cohere.hpp"

#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <cctype>

namespace tollgate::adapters {
namespace {

using json::Value;

std::string lower(std::string_view text) {
    std::string out(text.substr(0, 4096));
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool has(std::string_view text, std::string_view word) {
    return text.find(word) != std::string_view::npos;
}

class Cohere final : public Dialect {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "cohere"; }

    [[nodiscard]] Result<void> encode(const Request& request, const Target& target,
                                      UpstreamRequest& out) const override {
        const std::string_view model = target.endpoint->upstream_model(target.model);
        const bool embeds = request.operation == Operation::embeddings;
        auto body =
            embeds ? cohere::encode_embed(request, model) : cohere::encode_chat(request, model);
        if (!body) {
            return std::unexpected(std::move(body.error()));
        }
        out.target = openai_shape::unversioned_path(target.endpoint->base_url);
        out.target += embeds ? "/v2/embed" : "/v2/chat";
        out.body.own(*std::move(body));
        return {};
    }

    [[nodiscard]] std::unique_ptr<Decoder> decoder(Delivery delivery,
                                                   const DecodeContext& context) const override {
        return cohere::decoder(delivery, context);
    }

    [[nodiscard]] Result<std::string> embeddings(std::string_view body, const Request& request,
                                                 const Target& target,
                                                 Usage& usage) const override {
        const auto document = json::Document::parse(body);
        if (!document) {
            return fail(FailureKind::protocol_error,
                        "Cohere's answer cannot be read: " + document.error().detail);
        }
        // By type since v2; a bare array is the form of older models behind the same path.
        const Value given = document->root()["embeddings"];
        const Value rows = given.is_object() ? given["float"] : given;
        if (!rows.is_array() || rows.size() == 0) {
            return fail(FailureKind::protocol_error, "Cohere's answer has no float embeddings.");
        }
        const Value billed = document->root()["meta"]["billed_units"];
        if (billed.is_object()) {
            usage.input = billed["input_tokens"].count() + billed["image_tokens"].count();
            usage.reported = true;
        }
        return openai_shape::embeddings_answer({rows.begin(), rows.end()}, request, target.model,
                                               usage);
    }

    [[nodiscard]] Failure classify(const ResponseInfo& head, std::string_view body) const override {
        Failure failure = classify_common(head, body);
        const auto document = json::Document::parse(body);
        const std::string text = lower(document ? (*document)["message"].string(body) : body);
        if (head.status == 498) {  // "invalid token": something in the prompt that Cohere blocks
            failure.kind = FailureKind::upstream_rejected;
            failure.upstream_status = 400;
        } else if (head.status == 499) {  // Cohere believes that we left
            failure.kind = FailureKind::upstream_timeout;
        } else if (head.status == 429 && (has(text, "/ month") || has(text, "per month"))) {
            failure.kind = FailureKind::upstream_quota;  // a trial key's month is over; waiting a
                                                         // second will not help
        } else if (head.status == 400 && has(text, "too many tokens")) {
            failure.kind = FailureKind::context_exceeded;
        } else if (head.status == 404 && has(text, "model")) {
            failure.code = "model_not_found";
        }
        return failure;
    }

    [[nodiscard]] std::string models_path(const Endpoint& endpoint) const override {
        return std::string(openai_shape::unversioned_path(endpoint.base_url)) +
               "/v1/models?page_size=1000";
    }

    [[nodiscard]] Result<std::vector<std::string>> models(std::string_view body) const override {
        const auto document = json::Document::parse(body);
        if (!document || !(*document)["models"].is_array()) {
            return fail(FailureKind::protocol_error,
                        "Cohere's list of models has no array 'models'.");
        }
        std::vector<std::string> names;
        for (const Value model : (*document)["models"]) {
            if (const std::string_view name = model["name"].string(); !name.empty()) {
                names.emplace_back(name);
            }
        }
        return names;
    }
};

}  // namespace

namespace dialects {
const Dialect& cohere() noexcept {
    static const Cohere kDialect;
    return kDialect;
}
}  // namespace dialects

}  // namespace tollgate::adapters
