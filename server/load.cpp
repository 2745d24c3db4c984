// From a configuration source to a snapshot.
#include "config/parse.hpp"
#include "config/scalar.hpp"
#include "config/validate.hpp"
#include "server/gateway.hpp"
#include "server/load_tls.hpp"
#include "server/upstream/origin_spec.hpp"
#include "server/upstream/resolve.hpp"

#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

namespace tollgate::server {
namespace {

using config::Problem;

std::expected<std::string, std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return std::unexpected("it cannot be opened");
    }
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

// Does a server of this machine accept on the URL's port?  Loopback answers at once, so this may
// block.
bool local_server_answers(std::string_view url_text) {
    const auto url = upstream::parse_url(url_text);
    upstream::Address address;
    if (!url || !upstream::parse_address(url->host == "localhost" ? "127.0.0.1" : url->host,
                                         url->port, address)) {
        return false;
    }
    const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool answers =
        fd >= 0 &&
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0;
    if (fd >= 0) {
        ::close(fd);
    }
    return answers;
}

std::expected<config::Settings, std::vector<Problem>> read_settings(const ConfigSource& source) {
    auto settings = source.path ? config::parse_file(*source.path, source.environment)
                                : std::expected<config::Settings, std::vector<Problem>>(
                                      config::defaults(source.environment));
    if (!settings || source.listen.empty()) {
        return settings;
    }
    settings->server.listen.clear();
    for (const std::string& text : source.listen) {
        auto address = config::scalar::listen(text);
        if (!address) {
            return std::unexpected(
                std::vector<Problem>{{.path = "--listen", .text = address.error()}});
        }
        settings->server.listen.push_back(std::move(*address));
    }
    config::Findings findings = config::validate(*settings);
    if (!findings.problems.empty()) {
        return std::unexpected(std::move(findings.problems));
    }
    return settings;
}

}  // namespace

std::expected<Loaded, std::vector<Problem>> load(const ConfigSource& source,
                                                 const Loaded* previous) {
    auto settings = read_settings(source);
    if (!settings) {
        return std::unexpected(std::move(settings.error()));
    }
    router::BuildContext context;
    context.environment = source.environment;
    context.discover = !source.path.has_value();
    context.answers = local_server_answers;
    if (previous != nullptr) {
        context.previous_vocabulary = &previous->snapshot->vocabulary();
        context.health = previous->snapshot->health();
    }
    context.read_file = read_file;
    auto snapshot = router::Snapshot::build(std::move(*settings), context);
    if (!snapshot) {
        return std::unexpected(std::move(snapshot.error()));
    }
    const config::Settings& read = (*snapshot)->settings();
    Loaded loaded{.snapshot = *snapshot, .warnings = read.warnings};
    loaded.warnings.insert(loaded.warnings.end(), (*snapshot)->warnings().begin(),
                           (*snapshot)->warnings().end());
    std::vector<Problem> problems;
    auto tls =
        load_tls(read, read_file, previous != nullptr && previous->tls ? &*previous->tls : nullptr);
    if (tls) {
        loaded.tls = std::move(tls->options);
        loaded.warnings.insert(loaded.warnings.end(), tls->warnings.begin(), tls->warnings.end());
    } else {
        problems = std::move(tls.error());
    }
    for (const router::Provider& provider : (*snapshot)->providers()) {
        if (provider.usable && provider.vendor.kind != adapters::VendorKind::builtin) {
            const std::string place = "providers." + provider.settings.name;
            const auto spec = upstream::origin_spec(provider);
            if (!spec) {
                problems.push_back(read.source.problem(place, spec.error().detail));
            } else if (provider.settings.tls != config::ProviderTls()) {
                if (const auto made = TlsClientContext::make(spec->tls_options); !made) {
                    problems.push_back(read.source.problem(place + ".tls", made.error().detail));
                }
            }
        }
    }
    if (!problems.empty()) {
        return std::unexpected(std::move(problems));
    }
    return loaded;
}

}  // namespace tollgate::server
