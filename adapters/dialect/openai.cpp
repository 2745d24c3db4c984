#include "adapters/dialect/openai.hpp"

#include "adapters/codec/json.hpp"

namespace tollgate::adapters {

namespace openai {

std::string_view base_path(std::string_view base_url) noexcept {
    const std::size_t scheme = base_url.find("://");
    const std::size_t slash = base_url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
    std::string_view path =
        slash == std::string_view::npos ? std::string_view{} : base_url.substr(slash);
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    return path;
}

}  // namespace openai

Result<void> OpenAiDialect::encode(const Request& request, const Target& target,
                                   UpstreamRequest& out) const {
    const Endpoint& endpoint = *target.endpoint;
    const std::string_view model = endpoint.upstream_model(target.model);
    json::ObjectEdit edit(request);
    if (request.model != model) {
        std::string quoted;
        json::append_string(quoted, model);
        edit.replace(request.find("model")->value, std::move(quoted));
    }
    if (Result<void> done = openai::apply_edits(request, *endpoint.vendor, edit); !done) {
        return done;
    }
    if (!takes_stream_options(endpoint)) {
        if (const Member* options = request.find("stream_options"); options != nullptr) {
            edit.remove(*options);
        }
    } else if (request.stream && !request.include_usage &&
               request.operation != Operation::embeddings) {
        openai::ask_for_usage(request, edit);
    }
    out.target = target_path(request.operation, endpoint, model);
    std::move(edit).write(out.body);
    return {};
}

std::unique_ptr<Decoder> OpenAiDialect::decoder(Delivery delivery, const DecodeContext&) const {
    return openai::make_decoder(delivery);
}

Failure OpenAiDialect::classify(const ResponseInfo& head, std::string_view body) const {
    return classify_common(head, body);
}

std::string OpenAiDialect::models_path(const Endpoint& endpoint) const {
    const std::string_view path = endpoint.vendor->paths.models;
    return path.empty() ? std::string()
                        : std::string(openai::base_path(endpoint.base_url)).append(path);
}

std::string OpenAiDialect::target_path(Operation operation, const Endpoint& endpoint,
                                       std::string_view) const {
    const std::string_view base = openai::base_path(endpoint.base_url);
    std::string path;
    path.reserve(base.size() + 32);
    path = base;
    const Paths& paths = endpoint.vendor->paths;
    switch (operation) {
        case Operation::chat:
            return path.append(paths.chat);
        case Operation::completions:
            return path.append(paths.completions);
        case Operation::embeddings:
            return path.append(paths.embeddings);
    }
    return path;
}

bool OpenAiDialect::takes_stream_options(const Endpoint& endpoint) const {
    return endpoint.vendor->usage_in != UsageIn::last_chunk;
}

namespace dialects {

const Dialect& openai() noexcept {
    static const OpenAiDialect dialect;
    return dialect;
}

}  // namespace dialects
}  // namespace tollgate::adapters
