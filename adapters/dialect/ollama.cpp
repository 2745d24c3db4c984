// Ollama's native API: POST /api/chat, /api/generate and /api/embed, NDJSON.  See ollama.hpp for
// the sources.
#include "adapters/dialect/ollama.hpp"

#include "adapters/dialect/openai_shape.hpp"

namespace tollgate::adapters {
namespace {

using json::Value;

class Ollama final : public Dialect {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "ollama"; }

    [[nodiscard]] Result<void> encode(const Request& request, const Target& target,
                                      UpstreamRequest& out) const override {
        const std::string_view model = target.endpoint->upstream_model(target.model);
        const bool embeds = request.operation == Operation::embeddings;
        auto body =
            embeds ? ollama::encode_embed(request, model) : ollama::encode_chat(request, model);
        if (!body) {
            return std::unexpected(std::move(body.error()));
        }
        out.target = openai_shape::unversioned_path(target.endpoint->base_url);
        out.target += embeds                                        ? "/api/embed"
                      : request.operation == Operation::completions ? "/api/generate"
                                                                    : "/api/chat";
        out.body.own(*std::move(body));
        return {};
    }

    [[nodiscard]] std::unique_ptr<Decoder> decoder(Delivery delivery,
                                                   const DecodeContext& context) const override {
        return ollama::decoder(delivery, context);
    }

    [[nodiscard]] Result<std::string> embeddings(std::string_view body, const Request& request,
                                                 const Target& target,
                                                 Usage& usage) const override {
        const auto document = json::Document::parse(body);
        if (!document) {
            return fail(FailureKind::protocol_error,
                        "Ollama's answer cannot be read: " + document.error().detail);
        }
        const Value rows = (*document)["embeddings"];
        if (!rows.is_array() || rows.size() == 0) {
            return fail(FailureKind::protocol_error, "Ollama's answer has no embeddings.");
        }
        if (const Value counted = (*document)["prompt_eval_count"]; counted.exists()) {
            usage.input = counted.count();
            usage.reported = true;
        }
        return openai_shape::embeddings_answer({rows.begin(), rows.end()}, request, target.model,
                                               usage);
    }

    [[nodiscard]] Failure classify(const ResponseInfo& head, std::string_view body) const override {
        Failure failure = classify_common(head, body);
        if (head.status == 404 && body.find("model") != std::string_view::npos) {
            failure.code = "model_not_found";  // not pulled
        }
        return failure;
    }

    [[nodiscard]] std::string models_path(const Endpoint& endpoint) const override {
        return std::string(openai_shape::unversioned_path(endpoint.base_url)) + "/api/tags";
    }

    [[nodiscard]] Result<std::vector<std::string>> models(std::string_view body) const override {
        const auto document = json::Document::parse(body);
        if (!document || !(*document)["models"].is_array()) {
            return fail(FailureKind::protocol_error,
                        "Ollama's list of models has no array 'models'.");
        }
        std::vector<std::string> names;
        for (const Value model : (*document)["models"]) {
            const std::string_view name = model["name"].string(model["model"].string());
            if (!name.empty()) {
                names.emplace_back(name);
            }
        }
        return names;
    }
};

}  // namespace

namespace dialects {
const Dialect& ollama() noexcept {
    static const Ollama kDialect;
    return kDialect;
}
}  // namespace dialects

}  // namespace tollgate::adapters
