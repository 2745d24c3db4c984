#include "config/readers.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tollgate::config {
namespace {

using std::string_view;
using Pair = std::pair<std::string, std::string>;

constexpr std::array<std::pair<string_view, Http2>, 3> kHttp2{
    {{"auto", Http2::automatic}, {"on", Http2::on}, {"off", Http2::off}}};
constexpr std::array<std::pair<string_view, TokenField>, 3> kTokenFields{
    {{"keep", TokenField::keep},
     {"max_tokens", TokenField::max_tokens},
     {"max_completion_tokens", TokenField::max_completion_tokens}}};
constexpr std::array<std::pair<string_view, DemoFault>, 8> kFaults{
    {{"none", DemoFault::none},
     {"rate_limit", DemoFault::rate_limit},
     {"server_error", DemoFault::server_error},
     {"stall", DemoFault::stall},
     {"cut", DemoFault::cut},
     {"stream_error", DemoFault::stream_error},
     {"reset", DemoFault::reset},
     {"slow", DemoFault::slow}}};

scalar::Parsed<std::string> parse_path(string_view text) {
    const scalar::Parsed<std::string> path = scalar::text(text);
    if (!path || !text.starts_with('/') || text.find_first_of(" ?#") != string_view::npos) {
        return std::unexpected("expected a path below base_url such as /chat/completions");
    }
    return path;
}

/// A key that may be a list makes a pool.
void read_api_keys(Section& in, std::vector<Secret>& out) {
    const yaml::Node* node = in.take("api_key");
    if (node == nullptr) {
        return;
    }
    constexpr std::size_t kMost = 1000;
    if (node->items.size() > kMost) {
        in.context().problem(node->at, in.path_of("api_key"), "expected at most 1000 keys");
        return;
    }
    in.each(*node, in.path_of("api_key"), [&](const yaml::Node& item, const std::string& path) {
        if (std::optional<Secret> secret = in.context().secret(item, path)) {
            if (std::ranges::find(out, *secret) == out.end()) {
                out.push_back(std::move(*secret));
            } else {
                in.context().warning(item.at, path, "the same key is given twice; it is used once");
            }
        }
    });
}

/// Credentials may be missing where the provider is not explicitly enabled: it then counts as "no
/// key".
void read_credentials(Section& in, ProviderSettings& out) {
    Context& context = in.context();
    const Missing before = context.missing;
    if (!out.enabled) {
        context.missing = Missing::warn;
    }
    read_api_keys(in, out.api_keys);
    read_balance(in, "key_balance", out.key_balance);
    in.list("key_weights", out.key_weights,
            [](string_view text) { return scalar::integer(text, 0, 1'000'000); });
    in.section("aws", [&](Section& aws) {
        aws.text("access_key_id", out.aws.access_key_id);
        aws.secret("secret_access_key", out.aws.secret_access_key);
        aws.secret("session_token", out.aws.session_token);
    });
    in.path("credentials", out.credentials);
    context.missing = before;
}

void read_headers(Section& in, std::vector<std::pair<std::string, Secret>>& out) {
    in.named("headers", "<header>", [&](const Section::Named& header) {
        if (header.node == nullptr) {
            return;
        }
        const scalar::Parsed<std::string> name = scalar::header_name(header.name);
        if (!name) {
            in.context().problem(header.at, header.path, name.error());
        } else if (header.node->kind == yaml::Kind::null) {
            in.context().problem(header.at, header.path, "expected a value");
        } else if (std::optional<Secret> value = in.context().secret(*header.node, header.path)) {
            out.emplace_back(*name, std::move(*value));
        }
    });
}

void read_deployments(Section& in, std::vector<Pair>& out) {
    in.named("deployment_map", "<model>", [&](const Section::Named& entry) {
        std::string deployment;
        if (entry.node == nullptr) {
            return;
        }
        if (in.context().value(*entry.node, entry.path, deployment, scalar::text)) {
            out.emplace_back(entry.name, deployment);
        }
    });
}

void read_connection(Section& in, ProviderSettings& out) {
    in.section("timeouts", [&](Section& timeouts) {
        timeouts.duration("connect", out.timeouts.connect, kShortest, kLongest);
        timeouts.duration("first_byte", out.timeouts.first_byte, kShortest, kLongest);
        timeouts.duration("first_token", out.timeouts.first_token, milliseconds(0), kLongest);
        timeouts.duration("idle", out.timeouts.idle, kShortest, kLongest);
        timeouts.duration("total", out.timeouts.total, kShortest, kLongest);
    });
    if (const yaml::Node* node = in.take("proxy")) {
        const std::string path = in.path_of("proxy");
        if (const std::optional<Secret> given = in.context().secret(*node, path)) {
            scalar::Parsed<std::string> url = scalar::proxy_url(given->reveal());
            if (url) {
                out.proxy = Secret(std::move(*url));
            } else {
                in.context().problem(node->at, path, url.error());
            }
        }
    }
    read_headers(in, out.headers);
    in.section("pool", [&](Section& pool) {
        pool.count("max_connections", out.pool.max_connections, 1, 65'536);
        pool.duration("idle", out.pool.idle, kShortest, kLongest);
        pool.choice("http2", out.pool.http2, kHttp2);
        pool.duration("ping", out.pool.ping, kShortest, kLongest);
    });
    in.section("tls", [&](Section& tls) {
        tls.path("ca_file", out.tls.ca_file);
        tls.flag("verify", out.tls.verify);
        tls.path("client_cert", out.tls.client_cert);
        tls.path("client_key", out.tls.client_key);
        tls.text("server_name", out.tls.server_name);
    });
}

void read_openai_options(Section& in, OpenAiOptions& out) {
    in.section("paths", [&](Section& paths) {
        paths.read("chat", out.chat_path, parse_path);
        paths.read("completions", out.completions_path, parse_path);
        paths.read("embeddings", out.embeddings_path, parse_path);
        paths.read("models", out.models_path, parse_path);
    });
    in.choice("token_field", out.token_field, kTokenFields);
    in.flag("developer_as_system", out.developer_as_system);
    in.list("drop", out.drop, scalar::text);
    in.flag("include_usage", out.include_usage);
    in.read("auth", out.auth, [&](string_view text) -> scalar::Parsed<AuthScheme> {
        constexpr string_view kHeader = "header:";
        if (text == "bearer" || text == "none") {
            return text == "bearer" ? AuthScheme::bearer : AuthScheme::none;
        }
        const scalar::Parsed<std::string> name = scalar::header_name(
            text.starts_with(kHeader) ? text.substr(kHeader.size()) : string_view());
        if (!name) {
            return std::unexpected("expected bearer, none or header:NAME such as header:X-Api-Key");
        }
        out.auth_header = *name;
        return AuthScheme::header;
    });
}

void read_demo(Section& in, DemoOptions& out) {
    in.section("demo", [&](Section& demo) {
        demo.duration("latency", out.latency, milliseconds(0), kLongest);
        demo.duration("slow", out.slow, milliseconds(0), kLongest);
        demo.duration("chunk_delay", out.chunk_delay, milliseconds(0), kLongest);
        demo.count("chunks", out.chunks, 0, 1'000'000);
        demo.choice("fault", out.fault, kFaults);
        demo.read("fault_rate", out.fault_rate,
                  [](string_view text) { return scalar::share(text); });
        demo.duration("retry_after", out.retry_after, milliseconds(0), kLongest);
        demo.count("seed", out.seed, 0, UINT64_MAX);
    });
}

void read_provider(Section& in, ProviderSettings& out) {
    Context& context = in.context();
    in.read("type", out.type, scalar::name);
    bool enabled = false;
    if (in.read("enabled", enabled, scalar::boolean)) {
        out.enabled = enabled;
    }
    const Missing before = context.missing;
    if (out.enabled == false) {
        context.missing = Missing::ignore;
    }
    read_credentials(in, out);
    in.read("base_url", out.base_url, scalar::base_url);
    in.text("default_model", out.default_model);
    in.text("api_version", out.api_version);
    in.text("project", out.project);
    in.text("location", out.location);
    std::string region;
    in.text("region", region);
    if (!region.empty() && !out.location.empty() && region != out.location) {
        context.problem(context.source.at(in.path_of("region")), in.path_of("region"),
                        "region is another name for location; give one of them");
    } else if (!region.empty()) {
        out.location = region;
    }
    read_deployments(in, out.deployment_map);
    read_connection(in, out);
    in.section("limits", [&](Section& limits) {
        limits.count("rpm", out.limits.rpm, 0, 1'000'000'000);
        limits.count("tpm", out.limits.tpm, 0, 1'000'000'000'000);
    });
    in.list("models", out.models, scalar::text);
    in.section("price", [&](Section& price) { read_provider_price(price, out.price); });
    read_openai_options(in, out.openai);
    read_demo(in, out.demo);
    context.missing = before;
}

}  // namespace

void read_providers(Section& in, Settings& out) {
    in.read("default", out.default_provider, scalar::name);
    in.rest("<name>", [&](const Section::Named& entry) {
        Context& context = in.context();
        ProviderSettings provider{.name = entry.name, .type = entry.name};
        const scalar::Parsed<std::string> name = scalar::name(entry.name);
        if (entry.node != nullptr) {
            if (!name) {
                context.problem(entry.at, entry.path, name.error());
                return;
            }
            if (entry.name == "auto") {
                context.problem(entry.at, entry.path,
                                "\"auto\" is the auto-router; choose another name");
                return;
            }
            if (entry.node->kind != yaml::Kind::map && entry.node->kind != yaml::Kind::null) {
                context.problem(entry.node->at, entry.path,
                                "expected a mapping such as {api_key: ${API_KEY}}");
                return;
            }
        }
        Section section(context, entry.node, entry.path);
        read_provider(section, provider);
        section.finish();
        if (entry.node != nullptr) {
            out.providers.push_back(std::move(provider));
        }
    });
}

}  // namespace tollgate::config
