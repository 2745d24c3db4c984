#include "adapters/dialect/bedrock.hpp"

#include "adapters/dialect/openai_shape.hpp"

namespace tollgate::adapters {
namespace bedrock {
namespace {

std::string_view operation_of(const Request& request) {
    if (request.operation == Operation::embeddings) {
        return "/invoke";
    }
    return request.stream ? "/converse-stream" : "/converse";
}

class BedrockDialect final : public Dialect {
public:
    std::string_view name() const noexcept override { return "bedrock"; }

    Result<void> encode(const Request& request, const Target& target,
                        UpstreamRequest& out) const override {
        auto body = request.operation == Operation::embeddings
                        ? encode_embeddings(request, target)
                        : encode_converse(request, model_traits(target));
        if (!body) {
            return std::unexpected(std::move(body).error());
        }
        // An id is one path segment, also an ARN with its slashes; the signature covers the path as
        // it is here.
        const std::string_view id = target.endpoint->upstream_model(target.model);
        out.target.assign(openai_shape::unversioned_path(target.endpoint->base_url))
            .append("/model/");
        out.target.append(encode_segment(id)).append(operation_of(request));
        out.body.own(std::move(*body));
        return {};
    }

    std::unique_ptr<Decoder> decoder(Delivery delivery, const DecodeContext&) const override {
        return delivery == Delivery::stream ? stream_decoder() : whole_decoder();
    }

    Result<std::string> embeddings(std::string_view body, const Request& request,
                                   const Target& target, Usage& usage) const override {
        return decode_embeddings(body, request, target, usage);
    }

    Failure classify(const ResponseInfo& head, std::string_view body) const override {
        return bedrock::classify(head, body);
    }

    // The list lives on the control plane's host (bedrock.{region}.amazonaws.com), not on this one.
    std::string models_path(const Endpoint&) const override { return {}; }
};

}  // namespace

std::string default_base_url(std::string_view region) {
    // Partitions with a domain of their own: China, and the European sovereign cloud.
    std::string_view domain = "amazonaws.com";
    if (region.starts_with("cn-")) {
        domain = "amazonaws.com.cn";
    } else if (region.starts_with("eusc-")) {
        domain = "amazonaws.eu";
    }
    return std::string("https://bedrock-runtime.").append(region).append(".").append(domain);
}

}  // namespace bedrock

const Dialect& dialects::bedrock() noexcept {
    static const bedrock::BedrockDialect kDialect;
    return kDialect;
}

}  // namespace tollgate::adapters
