// Paths and protocols:
// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference,
// …/docs/partner-models/claude/use-claude, …/docs/maas/call-open-model-apis (2026-08).
#include "adapters/dialect/vertex.hpp"

#include "adapters/codec/json.hpp"
#include "adapters/dialect/anthropic.hpp"
#include "adapters/dialect/gemini.hpp"

#include <algorithm>
#include <array>

namespace tollgate::adapters {
namespace vertex {
namespace {

constexpr std::string_view kAnthropicVersion = "vertex-2023-10-16";
constexpr std::string_view kDefaultLocation = "global";
// Anthropic's own API takes these, Vertex AI answers 400 to them.
constexpr std::array<std::string_view, 3> kLeftOut{"service_tier", "inference_geo",
                                                   "output_format"};

struct Maker {
    std::string_view prefix;
    Protocol protocol;
    std::string_view publisher;
};
// Makers whose models are named without them.
constexpr std::array kMakers{
    Maker{"claude", Protocol::anthropic, "anthropic"},
    Maker{"mistral", Protocol::raw_openai, "mistralai"},
    Maker{"codestral", Protocol::raw_openai, "mistralai"},
    Maker{"ministral", Protocol::raw_openai, "mistralai"},
    Maker{"jamba", Protocol::raw_openai, "ai21"},
};

bool is_number(std::string_view text) noexcept {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Anthropic's "claude-…-20250929" is "claude-…@20250929" here.
std::string dated(std::string_view model) {
    constexpr std::size_t kDate = 8;
    std::string id(model);
    if (id.size() > kDate + 1 && is_number(model.substr(model.size() - kDate)) &&
        id[id.size() - kDate - 1] == '-') {
        id[id.size() - kDate - 1] = '@';
    }
    return id;
}

Place place_at(std::string_view publisher, std::string_view model) {
    if (publisher == "google") {
        return Place{.model = std::string(model)};
    }
    if (publisher == "anthropic") {
        return Place{
            .protocol = Protocol::anthropic, .publisher = "anthropic", .model = dated(model)};
    }
    if (publisher == "mistralai" || publisher == "ai21") {
        return Place{
            .protocol = Protocol::raw_openai, .publisher = publisher, .model = std::string(model)};
    }
    return Place{.protocol = Protocol::openapi,
                 .publisher = publisher,
                 .model = std::string(publisher) + "/" + std::string(model)};
}

/// '@' stands in model ids and may stand in a path as it is; everything else is encoded.
std::string model_segment(std::string_view model) {
    std::string segment = encode_segment(model);
    constexpr std::string_view kAt = "%40";
    for (std::size_t at = segment.find(kAt); at != std::string::npos; at = segment.find(kAt, at)) {
        segment.replace(at, kAt.size(), "@");
    }
    return segment;
}

std::string_view verb_of(Protocol protocol, bool stream) noexcept {
    if (protocol == Protocol::gemini) {
        return stream ? ":streamGenerateContent?alt=sse" : ":generateContent";
    }
    return stream ? ":streamRawPredict" : ":rawPredict";
}

/// Everything before "/publishers" or "/endpoints".  Without a project (a plain API key: express
/// mode) only Google's own models can be reached, and the path names no place.
Result<std::string> prefix_of(const Endpoint& endpoint, const Place& place) {
    std::string path = gemini::versioned_path(endpoint, "v1");
    if (endpoint.project.empty()) {
        if (place.protocol == Protocol::gemini && !place.is_endpoint) {
            return path;
        }
        return fail(FailureKind::bad_request,
                    "this model needs a Google Cloud project: set `project` for provider " +
                        endpoint.provider);
    }
    path += "/projects/" + encode_segment(endpoint.project) + "/locations/";
    path += endpoint.location.empty() ? std::string(kDefaultLocation)
                                      : encode_segment(endpoint.location);
    return path;
}

Result<std::string> path_of(const Request& request, const Endpoint& endpoint, const Place& place,
                            std::string_view verb) {
    Result<std::string> path = prefix_of(endpoint, place);
    if (!path) {
        return path;
    }
    if (place.protocol == Protocol::openapi) {
        *path += "/endpoints/openapi";
        *path += request.operation == Operation::embeddings ? "/embeddings" : "/chat/completions";
        return path;
    }
    if (place.is_endpoint) {
        *path += "/endpoints/";
    } else {
        *path += "/publishers/" + encode_segment(place.publisher) + "/models/";
    }
    *path += model_segment(place.model);
    *path += verb;
    return path;
}

class Vertex final : public Dialect {
public:
    std::string_view name() const noexcept override { return "vertex"; }

    Result<void> encode(const Request& request, const Target& target,
                        UpstreamRequest& out) const override {
        const Place place = place_of(target.endpoint->upstream_model(target.model));
        std::string_view verb = verb_of(place.protocol, request.stream);
        Result<void> done;
        if (place.protocol == Protocol::openapi || place.protocol == Protocol::raw_openai) {
            done = encode_openai(request, target, place, out);
        } else if (place.protocol == Protocol::anthropic) {
            done = encode_anthropic(request, place, out);
        } else if (request.operation == Operation::embeddings) {
            Result<EmbeddingBody> body = encode_embeddings(request, place.model);
            if (!body) {
                return std::unexpected(std::move(body.error()));
            }
            verb = body->verb;
            out.body.own(std::move(body->json));
        } else {
            Result<std::string> body =
                gemini::encode_generate(request, place.model, gemini::Surface::vertex);
            if (!body) {
                return std::unexpected(std::move(body.error()));
            }
            out.body.own(std::move(*body));
        }
        if (!done) {
            return done;
        }
        Result<std::string> path = path_of(request, *target.endpoint, place, verb);
        if (!path) {
            return std::unexpected(std::move(path.error()));
        }
        out.target = std::move(*path);
        return {};
    }

    std::unique_ptr<Decoder> decoder(Delivery delivery,
                                     const DecodeContext& context) const override {
        switch (place_of(context.model).protocol) {
            case Protocol::gemini:
                break;
            case Protocol::anthropic:
                return anthropic::decoder(delivery);
            case Protocol::raw_openai:
            case Protocol::openapi:
                return dialects::openai().decoder(delivery, context);
        }
        return gemini::decoder(delivery);
    }

    Result<std::string> embeddings(std::string_view body, const Request& request,
                                   const Target& target, Usage& usage) const override {
        return decode_embeddings(body, request, target.model, usage);
    }

    /// Google's front end answers for all makers; behind it each has its own shape.
    Failure classify(const ResponseInfo& head, std::string_view body) const override {
        if (const Result<json::Document> document = json::Document::parse(body);
            document && (*document)["type"].string() == "error") {
            return anthropic::classify(head, body);
        }
        return gemini::classify(head, body);
    }

    std::string models_path(const Endpoint& endpoint) const override {
        return gemini::versioned_path(endpoint, "v1beta1") +
               "/publishers/google/models?pageSize=200";
    }

    Result<std::vector<std::string>> models(std::string_view body) const override {
        const Result<json::Document> document = json::Document::parse(body);
        if (!document) {
            return std::unexpected(document.error());
        }
        if (!(*document)["publisherModels"].is_array()) {
            return fail(FailureKind::protocol_error, "the answer has no array `publisherModels`");
        }
        std::vector<std::string> names;
        for (const json::Value model : (*document)["publisherModels"]) {
            const std::string_view full = model["name"].string();  // publishers/google/models/<id>
            names.emplace_back(full.substr(full.rfind('/') + 1));
        }
        return names;
    }

private:
    static Result<void> encode_openai(const Request& request, const Target& target,
                                      const Place& place, UpstreamRequest& out) {
        // The body names the model as this place does; a rename has been followed already.
        Endpoint plain = *target.endpoint;
        plain.deployments.clear();
        return dialects::openai().encode(request, Target{.endpoint = &plain, .model = place.model},
                                         out);
    }

    static Result<void> encode_anthropic(const Request& request, const Place& place,
                                         UpstreamRequest& out) {
        if (request.operation != Operation::chat) {
            return fail_param("model", "Claude models take chat requests only");
        }
        const anthropic::Carriage carriage{.vendor = "Vertex AI",
                                           .model = place.model,
                                           .model_in_body = false,
                                           .body_version = kAnthropicVersion,
                                           .left_out = kLeftOut};
        Result<anthropic::Body> body = anthropic::encode_body(request, carriage);
        if (!body) {
            return std::unexpected(std::move(body.error()));
        }
        // The betas are not sent: here they exist for a few features only, and unknown ones are
        // refused.
        out.body.own(std::move(body->json));
        return {};
    }
};

}  // namespace

std::string default_base_url(std::string_view location) {
    if (location.empty() || location == kDefaultLocation) {
        return "https://aiplatform.googleapis.com";
    }
    if (location == "us" || location == "eu") {
        return "https://aiplatform." + std::string(location) + ".rep.googleapis.com";
    }
    return "https://" + std::string(location) + "-aiplatform.googleapis.com";
}

Place place_of(std::string_view model) {
    constexpr std::string_view kPublishers = "publishers/";
    constexpr std::string_view kModels = "/models/";
    constexpr std::string_view kEndpoints = "endpoints/";
    if (model.starts_with(kPublishers)) {
        const std::size_t middle = model.find(kModels);
        if (middle != std::string_view::npos && middle > kPublishers.size()) {
            return place_at(model.substr(kPublishers.size(), middle - kPublishers.size()),
                            model.substr(middle + kModels.size()));
        }
    }
    if (model.starts_with(kEndpoints)) {
        return Place{.model = std::string(model.substr(kEndpoints.size())), .is_endpoint = true};
    }
    if (is_number(model)) {
        return Place{.model = std::string(model), .is_endpoint = true};
    }
    if (const std::size_t slash = model.find('/'); slash != std::string_view::npos) {
        return place_at(model.substr(0, slash), model.substr(slash + 1));
    }
    const auto* maker = std::ranges::find_if(
        kMakers, [model](const Maker& one) { return model.starts_with(one.prefix); });
    return maker == kMakers.end() ? place_at("google", model) : place_at(maker->publisher, model);
}

}  // namespace vertex

const Dialect& dialects::vertex() noexcept {
    static const vertex::Vertex kDialect;
    return kDialect;
}

}  // namespace tollgate::adapters
