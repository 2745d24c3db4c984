#include "server/load_tls.hpp"

#include <utility>

namespace tollgate::server {
namespace {

using config::Problem;

// Where a setting under server.tls lives in the settings, by its path: the file to name.
std::string file_of(const config::ServerTls& tls, const std::string& place) {
    const auto of = [](const config::ServerCertificate& one, std::string_view part) {
        return part == "cert" ? one.cert : part == "key" ? one.key : one.ocsp;
    };
    const std::string part = place.substr(place.rfind('.') + 1);
    if (part == "client_ca") {
        return tls.client_ca;
    }
    for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
        if (place == "server.tls.certificates[" + std::to_string(i) + "]." + part) {
            return of(tls.certificates[i], part);
        }
    }
    return of(tls.certificate, part);
}

class TlsLoader {
public:
    TlsLoader(const config::Settings& settings, const FileReader& read_file)
        : settings_(settings), read_file_(read_file) {}

    void add_identity(const config::ServerCertificate& files, const std::string& place) {
        TlsIdentity identity{.place = place,
                             .chain = read(files.cert, place + ".cert"),
                             .key = config::Secret(read(files.key, place + ".key"))};
        if (!files.ocsp.empty()) {
            identity.ocsp = read(files.ocsp, place + ".ocsp");
        }
        options.identities.push_back(std::move(identity));
    }

    std::string read(const std::string& path, const std::string& place) {
        auto text = read_file_(path);
        if (!text) {
            problems.push_back(settings_.source.problem(place, path + ": " + text.error()));
            return {};
        }
        return std::move(*text);
    }

    void check(LoadedTls& out) {
        TlsFindings findings;
        static_cast<void>(TlsServerContext::make(options, findings));
        for (const TlsRemark& remark : findings.problems) {
            problems.push_back(as_problem(remark));
        }
        for (const TlsRemark& remark : findings.warnings) {
            out.warnings.push_back(as_problem(remark));
        }
    }

    TlsServerOptions options;
    std::vector<Problem> problems;

private:
    Problem as_problem(const TlsRemark& remark) const {
        const std::string file = file_of(settings_.server.tls, remark.place);
        return settings_.source.problem(remark.place,
                                        (file.empty() ? "it" : file) + " " + remark.text);
    }

    const config::Settings& settings_;
    const FileReader& read_file_;
};

}  // namespace

std::expected<LoadedTls, std::vector<Problem>> load_tls(const config::Settings& settings,
                                                        const FileReader& read_file,
                                                        const TlsServerOptions* previous) {
    const config::ServerTls& tls = settings.server.tls;
    LoadedTls out;
    if (!tls.enabled()) {
        return out;
    }
    TlsLoader loader(settings, read_file);
    loader.options.min_version = tls.min_version;
    loader.options.client_auth = tls.client_auth;
    loader.options.http2 = settings.server.http2.enabled;
    loader.options.self_signed = tls.self_signed;
    if (tls.self_signed && previous != nullptr && previous->self_signed) {
        loader.options.identities = previous->identities;
    } else if (tls.self_signed) {
        Result<TlsIdentity> made = make_self_signed();
        if (!made) {
            return std::unexpected(std::vector<Problem>{
                settings.source.problem("server.tls.self_signed", made.error().detail)});
        }
        loader.options.identities.push_back(std::move(*made));
    } else if (!tls.certificate.cert.empty()) {
        loader.add_identity(tls.certificate, "server.tls");
    }
    for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
        loader.add_identity(tls.certificates[i],
                            "server.tls.certificates[" + std::to_string(i) + ']');
    }
    if (tls.client_auth != config::ClientAuth::off) {
        loader.options.client_ca = loader.read(tls.client_ca, "server.tls.client_ca");
    }
    if (loader.problems.empty()) {
        loader.check(out);
    }
    if (!loader.problems.empty()) {
        return std::unexpected(std::move(loader.problems));
    }
    out.options = std::move(loader.options);
    return out;
}

}  // namespace tollgate::server
