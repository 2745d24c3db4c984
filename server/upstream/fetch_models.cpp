#include "server/upstream/fetch_models.hpp"

#include "server/upstream/authorize.hpp"
#include "server/upstream/make_call.hpp"
#include "server/upstream/read_all.hpp"

#include <memory>

namespace tollgate::server::upstream {
namespace {

// Aggregators' lists are the longest: a megabyte.
constexpr std::size_t kMostListBytes = 8U << 20U;
constexpr std::size_t kMostErrorBytes = 16U << 10U;

Task<Result<std::vector<std::string>>> ask(const FetchWiring& wiring, Interrupt& interrupt) {
    const adapters::Dialect& dialect = adapters::dialect(wiring.provider.vendor.dialect);
    adapters::UpstreamRequest request;
    const Result<std::unique_ptr<Call>> made = co_await models_call(wiring, request, interrupt);
    if (!made) {
        co_return std::unexpected(made.error());
    }
    Call& call = **made;
    CallHead head;
    Result<void> step = co_await reach_head(call, request, head, interrupt);
    if (!step) {
        co_return std::unexpected(std::move(step.error()));
    }
    const bool good = head.status >= 200 && head.status < 300;
    Result<std::string> body =
        co_await read_all(call, head, good ? kMostListBytes : kMostErrorBytes, interrupt);
    if (!good) {
        co_return std::unexpected(dialect.classify(head.info(), body ? *body : std::string()));
    }
    if (!body) {
        co_return std::unexpected(std::move(body.error()));
    }
    co_return dialect.models(*body);
}

}  // namespace

Task<Result<std::unique_ptr<Call>>> models_call(const FetchWiring& wiring,
                                                adapters::UpstreamRequest& request,
                                                Interrupt& interrupt) {
    const router::Provider& provider = wiring.provider;
    request.method = "GET";
    request.target = adapters::dialect(provider.vendor.dialect).models_path(provider.endpoint);
    request.headers.push_back({.name = "accept", .value = "application/json"});
    request.headers.push_back({.name = "user-agent", .value = "tollgate/" TOLLGATE_VERSION});
    for (const adapters::Header& header : provider.endpoint.headers) {
        request.headers.push_back(header);
    }
    Result<std::string> token;
    if (needs_token(provider)) {
        token = co_await wiring.tokens.google(provider, interrupt);
        if (!token) {
            co_return std::unexpected(std::move(token.error()));
        }
    }
    const AuthorizeWiring who{
        .provider = provider, .origin = wiring.origin.spec, .key_index = wiring.key_index};
    Result<void> authorized = authorize(who, *token, request);
    if (!authorized) {
        co_return std::unexpected(std::move(authorized.error()));
    }
    co_return make_call(wiring.pool, wiring.origin, wiring.scratch);
}

Task<Result<std::vector<std::string>>> fetch_models(const FetchWiring& wiring,
                                                    Interrupt& interrupt) {
    Result<std::vector<std::string>> ids = co_await ask(wiring, interrupt);
    if (!ids) {
        hide_secrets(wiring.provider, ids.error().detail);
    }
    co_return ids;
}

}  // namespace tollgate::server::upstream
