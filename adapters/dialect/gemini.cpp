// The Gemini API (generativelanguage.googleapis.com): paths, embeddings and the model list around
// the shared pieces. https://ai.google.dev/api/all-methods
#include "adapters/dialect/gemini.hpp"

#include "adapters/dialect/gemini_extras.hpp"
#include "adapters/dialect/openai_shape.hpp"

namespace tollgate::adapters {
namespace {

using json::Value;

/// "/models/<id>"; ids that name their collection ("tunedModels/x", "models/x") keep it.
std::string model_path(std::string_view model) {
    std::string_view collection = "models";
    const std::size_t slash = model.find('/');
    if (slash != std::string_view::npos &&
        (model.starts_with("models/") || model.starts_with("tunedModels/"))) {
        collection = model.substr(0, slash);
        model.remove_prefix(slash + 1);
    }
    return "/" + std::string(collection) + "/" + encode_segment(model);
}

/// {"requests":[{"model","content","taskType"?,"title"?,"outputDimensionality"?}]}: one per input,
/// also for a single one.
Result<std::string> encode_embeddings(const Request& request, std::string_view model) {
    const Result<json::Document> document = json::Document::parse(request.body);
    if (!document) {
        return fail(FailureKind::bad_request, document.error().detail);
    }
    const Value root = document->root();
    const Result<std::vector<std::string_view>> inputs =
        openai_shape::embedding_texts(root["input"], "Gemini");
    if (!inputs) {
        return std::unexpected(inputs.error());
    }
    std::string name = model_path(model).substr(1);
    std::string body;
    json::Writer writer(body);
    writer.begin_object().key("requests").begin_array();
    for (const std::string_view text : *inputs) {
        writer.begin_object().member("model", name).key("content").begin_object();
        writer.key("parts")
            .begin_array()
            .begin_object()
            .member("text", text)
            .end_object()
            .end_array();
        writer.end_object();
        for (const auto& [camel, snake] :
             {std::pair("taskType", "task_type"), std::pair("title", "title")}) {
            if (const Value value = gemini::native_option(root, camel, snake); value.is_string()) {
                writer.member(camel, value.string());
            }
        }
        if (const Value size = root["dimensions"]; size.is_number()) {
            writer.member_raw("outputDimensionality", size.raw());
        }
        writer.end_object();
    }
    writer.end_array().end_object();
    return body;
}

class Gemini final : public Dialect {
public:
    std::string_view name() const noexcept override { return "gemini"; }

    Result<void> encode(const Request& request, const Target& target,
                        UpstreamRequest& out) const override {
        const bool is_embedding = request.operation == Operation::embeddings;
        const std::string_view model = target.endpoint->upstream_model(target.model);
        Result<std::string> body =
            is_embedding ? encode_embeddings(request, model)
                         : gemini::encode_generate(request, model, gemini::Surface::gemini_api);
        if (!body) {
            return std::unexpected(std::move(body.error()));
        }
        out.target = gemini::versioned_path(*target.endpoint, "v1beta") + model_path(model);
        // Without alt=sse the stream is one JSON array, sent piece by piece.
        out.target += is_embedding     ? ":batchEmbedContents"
                      : request.stream ? ":streamGenerateContent?alt=sse"
                                       : ":generateContent";
        out.body.own(std::move(*body));
        return {};
    }

    std::unique_ptr<Decoder> decoder(Delivery delivery, const DecodeContext&) const override {
        return gemini::decoder(delivery);
    }

    Result<std::string> embeddings(std::string_view body, const Request& request,
                                   const Target& target, Usage& usage) const override {
        const Result<json::Document> document = json::Document::parse(body);
        if (!document) {
            return std::unexpected(document.error());
        }
        std::vector<Value> vectors;
        for (const Value one : (*document)["embeddings"]) {
            vectors.push_back(one["values"]);
        }
        if (vectors.empty()) {
            return fail(FailureKind::protocol_error, "the answer holds no embeddings");
        }
        // Only newer models count; for the others the gateway estimates.
        if (const Value count = (*document)["usageMetadata"]["promptTokenCount"];
            count.is_number()) {
            usage = Usage{};
            usage.input = count.count();
            usage.reported = true;
        }
        return openai_shape::embeddings_answer(vectors, request, target.model, usage);
    }

    Failure classify(const ResponseInfo& head, std::string_view body) const override {
        return gemini::classify(head, body);
    }

    std::string models_path(const Endpoint& endpoint) const override {
        return gemini::versioned_path(endpoint, "v1beta") + "/models?pageSize=1000";
    }

    Result<std::vector<std::string>> models(std::string_view body) const override {
        const Result<json::Document> document = json::Document::parse(body);
        if (!document) {
            return std::unexpected(document.error());
        }
        if (!(*document)["models"].is_array()) {
            return fail(FailureKind::protocol_error, "the answer has no array `models`");
        }
        std::vector<std::string> names;
        for (const Value model : (*document)["models"]) {
            const std::string_view name = model["name"].string();
            constexpr std::string_view kCollection = "models/";
            names.emplace_back(name.starts_with(kCollection) ? name.substr(kCollection.size())
                                                             : name);
        }
        return names;
    }
};

}  // namespace

namespace dialects {
const Dialect& gemini() noexcept {
    static const Gemini kDialect;
    return kDialect;
}
}  // namespace dialects

}  // namespace tollgate::adapters
