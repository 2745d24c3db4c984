#include "server/upstream/authorize.hpp"

#include "adapters/auth/sigv4.hpp"

#include <chrono>

namespace tollgate::server::upstream {
namespace {

void add_bearer(adapters::UpstreamRequest& request, std::string_view token) {
    request.headers.push_back({.name = "authorization", .value = "Bearer " + std::string(token)});
}

Result<void> sign(const AuthorizeWiring& wiring, adapters::UpstreamRequest& request) {
    const config::AwsCredentials& aws = wiring.provider.settings.aws;
    const std::string host = wiring.origin.authority();
    const std::vector<adapters::Header> signed_headers{
        {.name = "content-type", .value = "application/json"}};
    auth::SigningInput input;
    input.method = request.method;
    input.host = host;
    input.target = request.target;
    input.headers = signed_headers;
    input.body = request.body.pieces();
    input.access_key = aws.access_key_id;
    input.secret = aws.secret_access_key.reveal();
    input.session_token = aws.session_token.reveal();
    input.region = wiring.provider.endpoint.location;
    input.service = "bedrock";
    input.unix_time = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
    Result<std::vector<adapters::Header>> headers = auth::sign(input);
    if (!headers) {
        return std::unexpected(std::move(headers.error()));
    }
    for (adapters::Header& header : *headers) {
        request.headers.push_back(std::move(header));
    }
    return {};
}

}  // namespace

bool needs_token(const router::Provider& provider) noexcept {
    return provider.vendor.auth == adapters::Auth::google && provider.keys.empty();
}

Result<void> authorize(const AuthorizeWiring& wiring, std::string_view token,
                       adapters::UpstreamRequest& request) {
    const router::Provider& provider = wiring.provider;
    const std::string_view key =
        provider.keys.empty() ? std::string_view() : provider.keys[wiring.key_index].reveal();
    switch (provider.vendor.auth) {
        case adapters::Auth::none:
            break;
        case adapters::Auth::bearer:
            add_bearer(request, key);
            break;
        case adapters::Auth::optional_bearer:
            if (!key.empty()) {
                add_bearer(request, key);
            }
            break;
        case adapters::Auth::api_key_header:
            request.headers.push_back(
                {.name = std::string(provider.vendor.auth_header), .value = std::string(key)});
            break;
        case adapters::Auth::google:
            if (key.empty()) {
                add_bearer(request, token);
            } else {
                request.headers.push_back({.name = "x-goog-api-key", .value = std::string(key)});
            }
            break;
        case adapters::Auth::sigv4:
            if (key.empty()) {
                return sign(wiring, request);
            }
            add_bearer(request, key);
            break;
    }
    return {};
}

void hide_secrets(const router::Provider& provider, std::string& text) {
    constexpr std::size_t kShortest = 6;  // shorter ones are words: hiding them garbles the text
    const auto hide = [&text](std::string_view secret) {
        for (std::size_t at = secret.size() < kShortest ? std::string::npos : text.find(secret);
             at != std::string::npos; at = text.find(secret, at)) {
            text.replace(at, secret.size(), "[key]");
        }
    };
    for (const config::Secret& key : provider.keys) {
        hide(key.reveal());
    }
    for (const auto& [name, value] : provider.settings.headers) {
        hide(value.reveal());
    }
}

}  // namespace tollgate::server::upstream
