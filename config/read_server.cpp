#include "config/readers.hpp"

#include <array>
#include <utility>

namespace tollgate::config {
namespace {

constexpr std::array<std::pair<std::string_view, TlsVersion>, 2> kTlsVersions{
    {{"1.2", TlsVersion::tls12}, {"1.3", TlsVersion::tls13}}};
constexpr std::array<std::pair<std::string_view, ClientAuth>, 3> kClientAuth{
    {{"off", ClientAuth::off},
     {"optional", ClientAuth::optional},
     {"required", ClientAuth::required}}};

void read_certificate(Section& in, ServerCertificate& out) {
    in.path("cert", out.cert);
    in.path("key", out.key);
    in.path("ocsp", out.ocsp);
}

void read_tls(Section& in, ServerTls& out) {
    read_certificate(in, out.certificate);
    in.sections("certificates", [&](Section& one) {
        ServerCertificate certificate;
        read_certificate(one, certificate);
        if (!one.is_listing()) {
            out.certificates.push_back(std::move(certificate));
        }
    });
    in.flag("self_signed", out.self_signed);
    in.choice("min_version", out.min_version, kTlsVersions);
    in.path("client_ca", out.client_ca);
    in.choice("client_auth", out.client_auth, kClientAuth);
}

void read_limits(Section& in, ServerLimits& out) {
    in.size("body", out.body, kKiB, 16 * 1024 * kMiB);
    in.size("header", out.header, kKiB, 16 * kMiB);
    in.count("json_depth", out.json_depth, 4, 1024);
    in.count("connections", out.connections, 1, 10'000'000);
    in.count("connections_per_peer", out.connections_per_peer, 0, 10'000'000);
    in.size("pipeline", out.pipeline, 0, kMiB);
    in.count("auth_failures", out.auth_failures, 0, 1'000'000);
}

void read_timeouts(Section& in, ServerTimeouts& out) {
    in.duration("header", out.header, kShortest, kLongest);
    in.duration("body", out.body, kShortest, kLongest);
    in.duration("idle", out.idle, kShortest, kLongest);
    in.duration("write", out.write, kShortest, kLongest);
    in.duration("drain", out.drain, milliseconds(0), kLongest);
    in.duration("keep_alive", out.keep_alive, milliseconds(0), kLongest);
}

void read_http2(Section& in, ServerHttp2& out) {
    in.flag("enabled", out.enabled);
    in.count("max_streams", out.max_streams, 1, 10'000);
    in.size("header_table", out.header_table, 0, kMiB);
    in.duration("max_age", out.max_age, milliseconds(0), kLongest);
    in.duration("ping_interval", out.ping_interval, milliseconds(0), kLongest);
    in.duration("ping_timeout", out.ping_timeout, kShortest, kLongest);
}

}  // namespace

void read_server(Section& in, ServerSettings& out) {
    in.list("listen", out.listen, scalar::listen);
    in.flag("allow_unauthenticated", out.allow_unauthenticated);
    in.flag("require_keys", out.require_keys);
    in.section("tls", [&](Section& tls) { read_tls(tls, out.tls); });
    in.read("threads", out.threads, [](std::string_view text) -> scalar::Parsed<std::uint64_t> {
        if (text == "auto") {
            return 0;
        }
        constexpr std::uint64_t kMost = 1024;
        const scalar::Parsed<std::uint64_t> count = scalar::integer(text, 1, kMost);
        return count ? count : std::unexpected("expected auto or a whole number from 1 to 1024");
    });
    in.section("limits", [&](Section& limits) { read_limits(limits, out.limits); });
    in.section("timeouts", [&](Section& timeouts) { read_timeouts(timeouts, out.timeouts); });
    in.section("http2", [&](Section& http2) { read_http2(http2, out.http2); });
    in.section("cors", [&](Section& cors) {
        cors.list("origins", out.cors.origins, scalar::origin);
        cors.list("headers", out.cors.headers, scalar::header_name);
        cors.flag("credentials", out.cors.credentials);
        cors.duration("max_age", out.cors.max_age, milliseconds(0), kLongest);
    });
}

}  // namespace tollgate::config
