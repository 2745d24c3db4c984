// Embeddings: InvokeModel with the body of each model family.  Facts:
// https://docs.aws.amazon.com/bedrock/latest/userguide/ model-parameters-titan-embed-text.html,
// model-parameters-embed.html, nova embeddings page (2026-08).
#include "adapters/dialect/bedrock.hpp"
#include "adapters/dialect/openai_shape.hpp"

#include <algorithm>
#include <span>

namespace tollgate::adapters::bedrock {
namespace {

constexpr std::size_t kCohereBatch = 96;

std::unexpected<Failure> refused_model(const Target& target) {
    return fail_param("model",
                      "'" + std::string(target.model.substr(0, 200)) +
                          "' is no Bedrock embedding model that the gateway knows (Titan, Nova and "
                          "Cohere embeddings).");
}

bool is_cohere(EmbeddingBody body) {
    return body == EmbeddingBody::cohere_v3 || body == EmbeddingBody::cohere_v4;
}

Result<std::vector<std::string_view>> inputs_of(json::Value input) {
    auto texts = openai_shape::embedding_texts(input, "Bedrock");
    if (texts && std::ranges::find(*texts, std::string_view{}) != texts->end()) {
        return fail_param("input", "Bedrock does not embed empty texts; remove them from `input`.");
    }
    return texts;
}

// The client's member of that name, copied as it is.
void copy(json::Writer& writer, json::Value root, std::string_view name) {
    if (root[name].exists() && !root[name].is_null()) {
        writer.member_raw(name, root[name].raw());
    }
}

void write_titan(json::Writer& writer, json::Value root, std::string_view text,
                 EmbeddingBody body) {
    const json::Value dimensions = root["dimensions"];
    writer.member("inputText", text);
    if (body == EmbeddingBody::titan_v2) {
        copy(writer, root, "dimensions");
        copy(writer, root, "normalize");
    } else if (dimensions.is_number()) {
        writer.key("embeddingConfig").begin_object();
        writer.member_raw("outputEmbeddingLength", dimensions.raw()).end_object();
    }
}

void write_nova(json::Writer& writer, json::Value root, std::string_view text) {
    writer.member("taskType", "SINGLE_EMBEDDING").key("singleEmbeddingParams").begin_object();
    writer.member("embeddingPurpose", root["embeddingPurpose"].string("GENERIC_INDEX"));
    if (root["dimensions"].is_number()) {
        writer.member_raw("embeddingDimension", root["dimensions"].raw());
    }
    writer.key("text").begin_object();
    writer.member("truncationMode", root["truncationMode"].string("END")).member("value", text);
    writer.end_object().end_object();
}

void write_cohere(json::Writer& writer, json::Value root, std::span<const std::string_view> texts,
                  EmbeddingBody body) {
    writer.key("texts").begin_array();
    for (const std::string_view text : texts) {
        writer.string(text);
    }
    writer.end_array();
    writer.member("input_type", root["input_type"].string("search_document"));
    copy(writer, root, "truncate");
    if (body == EmbeddingBody::cohere_v4 && root["dimensions"].is_number()) {
        writer.member_raw("output_dimension", root["dimensions"].raw());
    }
}

Result<void> check(json::Value root, std::size_t texts, EmbeddingBody body) {
    if (is_cohere(body) && texts > kCohereBatch) {
        return fail_param(
            "input", "Cohere's models on Bedrock embed at most 96 texts per request; `input` has " +
                         std::to_string(texts) + ".");
    }
    if (!is_cohere(body) && texts != 1) {
        return fail_param("input", "This Bedrock model embeds one text per request; `input` has " +
                                       std::to_string(texts) + ". Send one request per text.");
    }
    const bool is_fixed = body == EmbeddingBody::titan_v1 || body == EmbeddingBody::cohere_v3;
    if (is_fixed && root["dimensions"].is_number()) {
        return fail_param(
            "dimensions",
            "This Bedrock model has a fixed number of dimensions; leave `dimensions` out.");
    }
    return {};
}

std::vector<json::Value> vectors_of(json::Value root) {
    std::vector<json::Value> vectors;
    const json::Value many = root["embeddings"];
    if (root["embedding"].is_array()) {
        vectors.push_back(root["embedding"]);
    } else if (root["embeddingsByType"]["float"].is_array()) {
        vectors.push_back(root["embeddingsByType"]["float"]);
    }
    for (const json::Value one : many["float"].is_array() ? many["float"] : many) {
        // Nova wraps each vector in an object.
        vectors.push_back(one.is_object() ? one["embedding"] : one);
    }
    return vectors;
}

}  // namespace

Result<std::string> encode_embeddings(const Request& request, const Target& target) {
    const auto document = json::Document::parse(request.body);
    if (!document) {
        Failure failure = document.error();
        failure.kind = FailureKind::bad_request;
        return std::unexpected(std::move(failure));
    }
    const json::Value root = document->root();
    const EmbeddingBody body = model_traits(target).embedding;
    if (body == EmbeddingBody::none) {
        return refused_model(target);
    }
    const auto texts = inputs_of(root["input"]);
    if (!texts) {
        return std::unexpected(texts.error());
    }
    if (auto fine = check(root, texts->size(), body); !fine) {
        return std::unexpected(std::move(fine).error());
    }
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    if (is_cohere(body)) {
        write_cohere(writer, root, *texts, body);
    } else if (body == EmbeddingBody::nova) {
        write_nova(writer, root, texts->front());
    } else {
        write_titan(writer, root, texts->front(), body);
    }
    writer.end_object();
    return out;
}

Result<std::string> decode_embeddings(std::string_view body, const Request& request,
                                      const Target& target, Usage& usage) {
    const auto document = json::Document::parse(body);
    if (!document) {
        return fail(FailureKind::protocol_error,
                    "Bedrock's embeddings answer is not JSON: " + document.error().detail);
    }
    const json::Value root = document->root();
    const std::vector<json::Value> vectors = vectors_of(root);
    if (vectors.empty()) {
        return fail(FailureKind::protocol_error, "Bedrock's embeddings answer has no embeddings");
    }
    if (root["inputTextTokenCount"].is_number()) {
        usage = {.input = root["inputTextTokenCount"].count(), .reported = true};
    }
    return openai_shape::embeddings_answer(vectors, request, target.model, usage);
}

}  // namespace tollgate::adapters::bedrock
