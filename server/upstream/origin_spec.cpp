#include "server/upstream/origin_spec.hpp"

namespace tollgate::server::upstream {

namespace {

// Without TLS there is nothing to negotiate with, so the configuration has to know (RFC 9113
// section 3.3).
Http2Use http2_use(config::Http2 wanted, bool tls) noexcept {
    if (wanted == config::Http2::off) {
        return Http2Use::never;
    }
    if (tls) {
        return Http2Use::negotiated;
    }
    return wanted == config::Http2::on ? Http2Use::always : Http2Use::never;
}

}  // namespace

Result<OriginSpec> origin_spec(const router::Provider& provider) {
    const config::ProviderSettings& settings = provider.settings;
    Result<Url> url = parse_url(provider.endpoint.base_url);
    if (!url) {
        return fail(FailureKind::bad_request,
                    "providers." + settings.name + ".base_url: " + url.error().detail);
    }
    OriginSpec spec;
    spec.tls = url->tls;
    spec.host = std::move(url->host);
    spec.port = url->port;
    spec.server_name = settings.tls.server_name.empty() ? spec.host : settings.tls.server_name;
    spec.tls_options.ca_file = settings.tls.ca_file;
    spec.tls_options.client_certificate = settings.tls.client_cert;
    spec.tls_options.client_key = settings.tls.client_key;
    spec.tls_options.verify = settings.tls.verify;
    for (const std::string* const file :
         {&settings.tls.ca_file, &settings.tls.client_cert, &settings.tls.client_key}) {
        if (!file->empty()) {
            spec.tls_options.state += file_state(*file);
        }
    }
    spec.max_connections = settings.pool.max_connections;
    spec.idle = settings.pool.idle;
    spec.http2 = http2_use(settings.pool.http2, spec.tls);
    spec.ping = settings.pool.ping;
    if (!settings.proxy.empty()) {
        Result<Proxy> proxy = parse_proxy(settings.proxy.reveal());
        if (!proxy) {
            return fail(FailureKind::bad_request,
                        "providers." + settings.name + ".proxy: " + proxy.error().detail);
        }
        spec.proxy = std::move(*proxy);
    }
    return spec;
}

}  // namespace tollgate::server::upstream
