// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
// (2026-08)
#include "adapters/codec/json.hpp"
#include "adapters/dialect/gemini_extras.hpp"
#include "adapters/dialect/openai_shape.hpp"
#include "adapters/dialect/vertex.hpp"

namespace tollgate::adapters::vertex {
namespace {

using json::Value;

/// gemini-embedding-2 and later, and other makers' models, take embedContent; older ones predict.
bool takes_embed_content(std::string_view model) noexcept {
    constexpr std::string_view kFamily = "gemini-embedding-";
    if (model.starts_with(kFamily)) {
        const std::string_view version = model.substr(kFamily.size());
        return !version.empty() && version[0] >= '2' && version[0] <= '9';
    }
    return model.find("maas") != std::string_view::npos;
}

void write_option(json::Writer& writer, Value root, std::string_view camel, std::string_view snake,
                  std::string_view name) {
    if (const Value value = gemini::native_option(root, camel, snake); value.exists()) {
        writer.member_raw(name, value.raw());
    }
}

void write_size(json::Writer& writer, Value root) {
    if (const Value size = root["dimensions"]; size.is_number()) {
        writer.member_raw("outputDimensionality", size.raw());
    }
    write_option(writer, root, "autoTruncate", "auto_truncate", "autoTruncate");
}

std::string embed_content_body(Value root, std::string_view text) {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().key("content").begin_object().key("parts").begin_array();
    writer.begin_object().member("text", text).end_object().end_array().end_object();
    writer.key("embedContentConfig").begin_object();
    write_option(writer, root, "taskType", "task_type", "taskType");
    write_option(writer, root, "title", "title", "title");
    write_size(writer, root);
    writer.end_object().end_object();
    return body;
}

std::string predict_body(Value root, const std::vector<std::string_view>& texts) {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().key("instances").begin_array();
    for (const std::string_view text : texts) {
        writer.begin_object().member("content", text);
        write_option(writer, root, "taskType", "task_type", "task_type");
        write_option(writer, root, "title", "title", "title");
        writer.end_object();
    }
    writer.end_array().key("parameters").begin_object();
    write_size(writer, root);
    writer.end_object().end_object();
    return body;
}

/// What the answer reports replaces what the caller knew.
void report(Usage& usage, std::uint64_t tokens) {
    usage = Usage{};
    usage.input = tokens;
    usage.reported = true;
}

}  // namespace

Result<EmbeddingBody> encode_embeddings(const Request& request, std::string_view model) {
    const Result<json::Document> document = json::Document::parse(request.body);
    if (!document) {
        return fail(FailureKind::bad_request, document.error().detail);
    }
    const Value root = document->root();
    const auto texts = openai_shape::embedding_texts(root["input"], "Vertex AI");
    if (!texts) {
        return std::unexpected(texts.error());
    }
    if (!takes_embed_content(model)) {
        return EmbeddingBody{.json = predict_body(root, *texts), .verb = ":predict"};
    }
    if (texts->size() != 1) {
        return fail_param("input", "this model takes one text per request");
    }
    return EmbeddingBody{.json = embed_content_body(root, texts->front()), .verb = ":embedContent"};
}

Result<std::string> decode_embeddings(std::string_view body, const Request& request,
                                      std::string_view model, Usage& usage) {
    const Result<json::Document> document = json::Document::parse(body);
    if (!document) {
        return std::unexpected(document.error());
    }
    const Value root = document->root();
    if (root["data"].is_array()) {
        if (const Value tokens = root["usage"]["prompt_tokens"]; tokens.is_number()) {
            report(usage, tokens.count());
        }
        return std::string(body);
    }
    std::vector<Value> vectors;
    if (const Value one = root["embedding"]; one.is_object()) {
        vectors.push_back(one["values"]);
        if (const Value tokens = root["usageMetadata"]["promptTokenCount"]; tokens.is_number()) {
            report(usage, tokens.count());
        }
    }
    std::uint64_t sum = 0;
    for (const Value prediction : root["predictions"]) {
        const Value embedding = prediction["embeddings"];
        vectors.push_back(embedding["values"]);
        if (const Value tokens = embedding["statistics"]["token_count"]; tokens.is_number()) {
            sum += tokens.count();  // Google writes 6.0
            report(usage, sum);
        }
    }
    if (vectors.empty()) {
        return fail(FailureKind::protocol_error, "the answer holds no embeddings");
    }
    return openai_shape::embeddings_answer(vectors, request, model, usage);
}

}  // namespace tollgate::adapters::vertex
